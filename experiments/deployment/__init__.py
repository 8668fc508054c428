"""A finished network put to use: predictions for a file, its cost, its ONNX form."""
