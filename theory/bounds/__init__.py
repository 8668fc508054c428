"""Concentration and complexity bounds, and the certificates that use them."""
