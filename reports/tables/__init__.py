"""Tables of results, one module a table."""
