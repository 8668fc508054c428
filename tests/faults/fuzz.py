"""The kinds of odd input, and so many of each, tried one after the other in this process."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mixkd_core.errors import InputError
from tests.faults.checkpoints import Checkpoints
from tests.faults.lines import Lines
from tests.faults.outcomes import FaultError
from tests.faults.stores import Stores
from tests.faults.studies import Studies
from tests.faults.tables import Tables

KINDS: dict[str, Callable[[Path], Any]] = {
    "stores": Stores,
    "data files": Tables,
    "studies": Studies,
    "command lines": Lines,
    "checkpoints": Checkpoints,
}


@dataclass
class Tally:
    """How inputs of one kind ended.

    Attributes:
        ends: how many were accepted, refused, or ended in which fault.
        faults: the first of each fault, in words.
    """

    ends: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)


class TrainingReachedError(InputError):
    """Everything was accepted, and now hours would go by."""


@contextmanager
def no_training() -> Iterator[None]:
    """Stop commands where they would train, and let no hub be asked."""
    from experiments.running import runner

    def stopped(*_: Any, **__: Any) -> None:
        raise TrainingReachedError("training would begin.")

    with (
        patch.object(runner, "_run", stopped),
        patch("experiments.execution.executor.execute", stopped),
        patch.dict(os.environ, {"HF_HUB_OFFLINE": "1", "COLUMNS": "100"}),
        patch("huggingface_hub.constants.HF_HUB_OFFLINE", True),
    ):
        yield


def fuzz(
    kind: str, room: Path, inputs: int, number: int = 0, *, stop: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Tally:  # fmt: skip
    """Try so many inputs of a kind.

    Args:
        room: a folder to work in.
        number: of the series; the same number gives the same inputs.
        stop: raise the first fault; else count them all.
        say: told of each fault that is counted.

    Raises:
        FaultError: the first, made as small as it gets, if asked to stop.
    """
    place = room / kind.replace(" ", "-")
    place.mkdir(parents=True, exist_ok=True)
    tried = KINDS[kind](place)
    tally = Tally()
    wanted: st.SearchStrategy[Any] = st.data()

    @seed(number)
    @settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if stop else [Phase.generate],
    )
    @given(wanted)
    def once(data: Any) -> None:
        if sum(tally.ends.values()) >= inputs and not stop:
            return
        try:
            end = tried.check(data.draw)
        except FaultError as fault:
            if stop:
                raise
            end = type(fault).__name__
            words = f"{kind}: {end}: {fault}"
            if words not in tally.faults.values():
                tally.faults[f"{end} {len(tally.faults) + 1}"] = words
                say(words)
        tally.ends[end] += 1

    with no_training():
        once()
    return tally
