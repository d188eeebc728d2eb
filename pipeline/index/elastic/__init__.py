"""The index on Elasticsearch: :class:`pipeline.index.elastic.index.ElasticIndex`."""
