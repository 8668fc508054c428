"""The hardware that a record names, whatever make an accelerator is of."""

from typing import Any

import pytest
import torch

from mixkd_core.records.environment import hardware, preferred_precision


def pretend(monkeypatch: pytest.MonkeyPatch, kind: str | None) -> None:
    """A machine with an accelerator of this kind, or with none."""

    def found(check_available: bool = False) -> Any:
        return None if kind is None else torch.device(kind)

    monkeypatch.setattr(torch.accelerator, "current_accelerator", found)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)


@pytest.mark.parametrize(
    ("kind", "name", "precision"),
    [("cuda", "a card", "bf16"), ("mps", "mps", "fp32"), ("xpu", "xpu", "fp32")],
)
def test_an_accelerator_is_named_and_decides_the_precision(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str, precision: str
) -> None:
    pretend(monkeypatch, kind)
    assert hardware().accelerator == name
    assert preferred_precision() == precision


@pytest.mark.parametrize(("avx512", "amx"), [(False, False), (True, False), (False, True)])
def test_without_one_the_processor_decides(
    monkeypatch: pytest.MonkeyPatch, avx512: bool, amx: bool
) -> None:
    pretend(monkeypatch, None)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert hardware().accelerator is None
    assert preferred_precision() == ("bf16" if avx512 or amx else "fp32")
