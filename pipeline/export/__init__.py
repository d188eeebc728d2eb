"""What happened each day, for other tools: trends, findings, alerts with their outcome and data quality, as Parquet and CSV."""
