"""The adapters of the port Bus."""
