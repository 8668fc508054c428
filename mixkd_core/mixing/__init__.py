"""Mixing coefficients, partners and batches of pairs."""
