"""How it is stored and shown."""
