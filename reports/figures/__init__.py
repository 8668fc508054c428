"""Figures of results and of the theory."""
