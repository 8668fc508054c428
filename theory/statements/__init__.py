"""The theorems as objects: hypotheses, threshold, conclusion, source."""
