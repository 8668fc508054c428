"""Tasks, sources of examples, subsets and tokens."""
