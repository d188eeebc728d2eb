"""Dashboards for analysts, as Kibana's saved objects: :mod:`index_config.kibana.dashboards` says what is shown, the others how it is written.

What Kibana does not document follows its own sample data and importer, 9.0 to 9.5.
"""
