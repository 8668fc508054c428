"""Records read into frames: what tables, figures and verdicts are computed from."""
