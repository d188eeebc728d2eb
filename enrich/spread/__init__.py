"""Spread: an event in one place that is followed by others elsewhere, more than chance explains."""
