"""Tasks drawn from a known distribution, whose true risk is known."""
