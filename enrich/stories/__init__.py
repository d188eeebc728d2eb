"""Which documents tell of the same occurrence: near-duplicates, terms, clusters, and the stories they make, online."""
