"""Distances, losses and the named terms of an objective."""
