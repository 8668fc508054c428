"""Texts and altered forms of them, whose labels are related in a known way."""
