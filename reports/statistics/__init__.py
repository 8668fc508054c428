"""Intervals, tests, power and measures on plain arrays."""
