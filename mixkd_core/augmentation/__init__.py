"""Back-translated and edited copies of the training examples."""
