"""Measurements on real texts: ``make bench``."""
