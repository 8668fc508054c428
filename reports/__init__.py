"""Records turned into tables, figures and verdicts."""
