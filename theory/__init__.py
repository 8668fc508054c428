"""Gaps, bounds and theorems for mixup distillation, for any model's losses (NumPy/SciPy/SymPy)."""
