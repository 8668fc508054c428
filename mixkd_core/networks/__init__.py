"""Checkpoints, students, and forward passes plain and mixed."""
