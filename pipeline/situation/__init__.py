"""The shared situation picture (*lägesbild*) of a municipality, a county or an area of one's own: made, marked, shared, drawn."""
