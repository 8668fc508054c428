"""An accelerator of any make is used, the processor where there is none."""

import pytest
import torch

from mixkd_core.networks.device import best_device


@pytest.mark.parametrize("make", ["cuda", "xpu", "mps"])
def test_an_accelerator_of_any_make_is_used(make: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(make))
    assert best_device() == torch.device(make)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert best_device() == torch.device("cpu")
