"""The device that networks run on where nobody says which."""

import torch


def best_device() -> torch.device:
    """Return this machine's accelerator, of whatever make, or its processor where it has none."""
    if torch.accelerator.is_available():
        found = torch.accelerator.current_accelerator()
        if found is not None:
            return found
    return torch.device("cpu")
