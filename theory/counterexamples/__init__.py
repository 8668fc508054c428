"""Small examples on which a tempting statement is false."""
