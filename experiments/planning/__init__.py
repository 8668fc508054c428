"""Studies: read, checked and expanded into runs."""
