"""What comes in: one module per kind of source, one crawling engine, the schedule."""
