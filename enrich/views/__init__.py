"""What findings, stories and the state of sources are to those who look into the index: flat, with names, positions and a sentence.

Made for tables beside the documents (:class:`pipeline.ports.Tables`). Names of fields are those of ECS where it has one, and alike in
all tables, so that one filter holds for all: ``place.area_name``, ``theme.id``, ``event.provider``.
"""
