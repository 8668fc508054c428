"""Benchmarks, each a module to run: what the kernels cost, side by side with the obvious way."""
