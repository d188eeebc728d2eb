"""The bus on Kafka: :class:`pipeline.bus.kafka.bus.KafkaBus`."""
