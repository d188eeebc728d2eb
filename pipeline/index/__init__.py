"""The adapters of the port Index."""
