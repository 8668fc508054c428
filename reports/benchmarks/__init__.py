"""Tables and figures of a benchmark."""
