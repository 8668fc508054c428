"""Per-example logits and losses of a network, metrics, calibration and encodings."""
