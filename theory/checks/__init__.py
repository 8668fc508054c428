"""Checks of every statement, exact or by simulation with a stated error budget."""
