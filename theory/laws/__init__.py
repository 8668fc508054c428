"""Exact and simulated distributions of gaps, and the distribution of mixtures."""
