"""Many runs: in order, in processes here, or on a Ray cluster."""
