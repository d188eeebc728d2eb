"""Alerts while the pipeline runs: the stage that makes them, their life, who is told, and what people do with them."""
