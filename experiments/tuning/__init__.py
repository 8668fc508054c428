"""Settings chosen on held-out training data."""
