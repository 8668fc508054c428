"""The trainer and its arguments."""
