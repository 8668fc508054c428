"""Stopping when the loss, or a weight, is no longer a number."""

import math

import pytest
import torch

from mixkd_core.errors import InputError, MixKDError, NonFiniteError
from mixkd_core.training.nan_guard import NanGuard, check_weights

ROWS = torch.tensor([4, 1, 7])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_bad_loss_is_named_by_step_and_rows(value: float) -> None:
    guard = NanGuard(every=1)
    guard.watch(torch.tensor(1.0), 1, ROWS)
    with pytest.raises(NonFiniteError, match=f"loss is {value} at step 2, .* rows 4, 1, 7;"):
        guard.watch(torch.tensor(value), 2, ROWS)


def test_long_batches_are_cut_short_in_the_message() -> None:
    with pytest.raises(NonFiniteError, match="rows 0, 1, 2, 3, 4, 5, 6, 7 and 24 more;"):
        NanGuard(every=1).watch(torch.tensor(math.nan), 1, torch.arange(32))


def test_losses_are_looked_at_every_so_often_and_the_first_bad_one_is_named() -> None:
    guard = NanGuard(every=3)
    guard.watch(torch.tensor(1.0), 1, ROWS)
    guard.watch(torch.tensor(math.nan), 2, ROWS)
    with pytest.raises(NonFiniteError, match="at step 2"):
        guard.watch(torch.tensor(math.inf), 3, ROWS)
    # What was reported is forgotten, and looking at nothing finds nothing.
    guard.check()


def test_looking_early_finds_what_is_waiting() -> None:
    guard = NanGuard(every=50)
    guard.watch(torch.tensor(math.nan, dtype=torch.bfloat16), 7, ROWS)
    with pytest.raises(NonFiniteError, match="at step 7"):
        guard.check()


def test_the_guard_keeps_no_graph_alive() -> None:
    guard = NanGuard(every=50)
    guard.watch(torch.ones(2, requires_grad=True).sum(), 1, ROWS)
    assert not guard._recent[0][0].requires_grad


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_ruined_weight_is_named(value: float) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    check_weights(model, 3)
    with torch.no_grad():
        model[1].bias[1] = value
    with pytest.raises(NonFiniteError, match=r"step 3 left weights .* first in '1\.bias'"):
        check_weights(model, 3)


def test_both_errors_end_a_command_politely() -> None:
    assert issubclass(NonFiniteError, MixKDError)
    assert issubclass(InputError, MixKDError)
    assert issubclass(InputError, ValueError)
