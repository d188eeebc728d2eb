"""Alert rules: what of the stream somebody wants to be told, and when."""
