"""SymPy derivations of the closed forms."""
