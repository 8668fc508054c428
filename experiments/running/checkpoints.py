"""Checkpoints on the way through a training: sealed when whole, set aside when they are not.

`Trainer` writes a checkpoint file by file, and resumes from one that lacks its optimiser or its
random state without a word, to other numbers. So a checkpoint counts only if it has a manifest,
written when everything else is there, which names the run and every file with its checksum.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint

from experiments.running.processes import agreed, all_here
from mixkd_core.errors import InputError
from mixkd_core.records.layout import MANIFEST
from mixkd_core.records.reading import damaged
from mixkd_core.records.run_folder import seal
from mixkd_core.records.validation import check_checksums, read_manifest

# The one before is kept until the newest is sealed.
KEPT = 2

SET_ASIDE = "harmed-"


class TimedCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint when enough time has gone by, and seals it when it is written.

    Args:
        seconds: between checkpoints, so that short runs write none.
        run_id: the run that is trained.
    """

    def __init__(self, seconds: float, run_id: str) -> None:
        self.seconds = seconds
        self.run_id = run_id
        self.last = time.monotonic()

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        due = time.monotonic() - self.last >= self.seconds
        if agreed(due) and state.global_step < state.max_steps:
            control.should_save = True
            self.last = time.monotonic()

    def on_save(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        all_here()  # each process writes its own random state
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            seal(folder, run=self.run_id)


def newest_checkpoint(folder: Path, run_id: str, say: Callable[[str], None]) -> str | None:
    """The newest checkpoint in `folder` that is whole and the run's own; None if there is none.

    Others that are newer are renamed out of the way, where they can be looked at until the run is
    finished. Of each step one is kept so.

    Args:
        say: told of each, by name and with the reason.
    """
    while folder.is_dir() and (newest := get_last_checkpoint(str(folder))) is not None:
        checkpoint = Path(newest)
        try:
            _check(checkpoint, run_id)
        except InputError as error:
            aside = folder / (SET_ASIDE + checkpoint.name)
            shutil.rmtree(aside, ignore_errors=True)
            checkpoint.rename(aside)
            say(f"the checkpoint {checkpoint.name} was set aside as {aside}: {error}")
        else:
            return str(newest)
    return None


def _check(checkpoint: Path, run_id: str) -> None:
    manifest = read_manifest(checkpoint)
    if manifest.run != run_id:
        raise damaged(MANIFEST, f"it is of the run {manifest.run}", _REMEDY)
    check_checksums(checkpoint, manifest, _REMEDY)


_REMEDY = "training goes on from the one before, or from the start"
