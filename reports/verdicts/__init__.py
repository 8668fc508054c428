"""The paper's claims and the rules by which results support or contradict them."""
