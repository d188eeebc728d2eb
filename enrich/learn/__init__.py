"""Learning from official notices, which carry their place and their category: ``fjaril learn``."""
