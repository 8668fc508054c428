"""Runs that are killed at random moments: nothing is lost, and no number is another for it.

A process that has torch loaded already forks one that does the runs, and kills it: the moment of a
kill is one of the training, not of the start. It is told by the time that the processor gave to the
runs, since by the clock all kills come early on a busy machine. Teacher and student are as small as
they get, with a checkpoint after almost every step. When all runs are finished their records are
compared with those of a store where nobody was killed, and the store is begun anew.
"""

import gc
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from experiments.running import training
from experiments.running.encoders import encoder_for
from experiments.running.runner import Resources, run
from mixkd_core.data.sources import load_embedded
from mixkd_core.records.run_folder import read_examples
from mixkd_core.records.specs import (
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checkpoint_ref,
)
from mixkd_core.records.survey import survey
from tests.faults.outcomes import (
    PATIENCE,
    SECONDS,
    ChangedError,
    FaultError,
    HangError,
    TracebackError,
)

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
BRIEF = TrainingSpec(epochs=3, learning_rate=1e-3, batch_size=8, max_length=16)
# Seconds between checkpoints: every few steps of so small a network.
BETWEEN = 0.05
# A run that is never let finish would be killed for ever.
MOST_KILLS_OF_A_STORE = 12


@dataclass
class Killed:
    """The fate of the runs that were killed.

    Attributes:
        kills: processes that were killed while they worked.
        stores: how often all runs were finished and compared.
        records: records that were compared.
        resumed: how many of the kills found a checkpoint to go on from.
    """

    kills: int = 0
    stores: int = 0
    records: int = 0
    resumed: int = 0


class Kills:
    """A teacher and a student, done and killed again and again.

    Args:
        room: where to work.
        number: of the series of moments.
    """

    def __init__(self, room: Path, number: int = 0) -> None:
        self.room = room
        self.moments = random.Random(number)
        room.mkdir(parents=True, exist_ok=True)
        data = load_embedded("embedded-sentiment", train_size=60, dev_size=20)
        self.resources = Resources(
            data, encoder_for(data.task, None, room), room / "whole", say=lambda _: None
        )
        self.spec = RunSpec(
            task=data.task.name,
            data=data.fingerprint,
            fraction=0.8,
            encoder=checkpoint_ref(self.resources.encoder),
            teacher=BRIEF,
            student=StudentSpec(layers=1, method="sm+tmkd", training=BRIEF),
            evaluation=EvaluationSpec(remainder_size=12, fresh_size=12),
        )
        self.took = 0.0  # by the runs that were done last, of the processor's time
        self._forked(room / "whole", None)
        self.seconds = self.took
        self.wanted = numbers(room / "whole")
        if len(self.wanted) != 2:
            raise FaultError("the undisturbed runs are not both there")

    def until(self, kills: int, say: Callable[[str], None] = lambda _: None) -> Killed:
        """Kill so many processes; compare the records whenever all are there.

        Raises:
            FaultError: for a lost or another record, or a store that cannot be read.
        """
        done = Killed()
        store = self.room / "killed"
        while done.kills < kills:
            shutil.rmtree(store, ignore_errors=True)
            for _ in range(MOST_KILLS_OF_A_STORE):
                if done.kills >= kills or not self._kill(store, done):
                    break
            self._forked(store, None)
            found = numbers(store)
            if found != self.wanted:
                kept = self.room / f"other-{done.stores}"
                shutil.copytree(store, kept)
                raise ChangedError(
                    f"after {done.kills} kills the records are others than undisturbed runs': "
                    f"{sorted(self.wanted.keys() ^ found.keys()) or 'other numbers'} ({kept})"
                )
            done.stores += 1
            done.records += len(found)
            say(f"{done.kills} kills, {done.records} records equal, {done.resumed} resumed")
        return done

    def _kill(self, store: Path, done: Killed) -> bool:
        """Start, and kill at a random moment; return whether anything was left to kill."""
        before = numbers(store) if store.is_dir() else {}
        # Not before it has its own answers to signals; and half the way is far enough, as the runs
        # go on where they were stopped.
        moment = self.moments.uniform(0.01, 0.6 * self.seconds)
        which = self.moments.choice(SIGNALS)
        killed = self._forked(store, (moment, which))
        if not store.is_dir():
            done.kills += killed
            return killed
        after = numbers(store)
        for run_id, its in before.items():
            if after.get(run_id) != its:
                raise ChangedError(f"the finished run {run_id} is lost or another after a kill")
        done.kills += killed
        done.resumed += killed and any(store.glob("*.partial/checkpoints/checkpoint-*"))
        return killed

    def _forked(self, store: Path, kill: tuple[float, signal.Signals] | None) -> bool:
        """Do the runs in a process of their own; return whether it was killed before its end."""
        child = os.fork()
        if not child:
            self._work(store)
        began, sent = time.monotonic(), False
        while not _ended(child):
            self.took = _processor_time(child)
            if kill is not None and not sent and self.took >= kill[0]:
                os.kill(child, kill[1])
                sent = True
            if time.monotonic() - began > PATIENCE * SECONDS:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise HangError("the runs did not end")
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if kill is None and code:
            raise TracebackError(f"the runs ended with {code}: {self._said()}")
        if code not in (0, -signal.SIGKILL, -signal.SIGTERM, 130):
            raise TracebackError(f"killed by {kill}, the runs ended with {code}: {self._said()}")
        return code != 0

    def _work(self, store: Path) -> None:
        """Do the runs, and end the process."""
        import dataclasses
        import traceback

        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.callbacks.clear()  # Hypothesis's, in which an interrupt would be lost
        code = 1
        try:
            with patch.object(training, "SECONDS_BETWEEN_CHECKPOINTS", BETWEEN):
                run(self.spec, dataclasses.replace(self.resources, out=store))
            code = 0
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            (self.room / "said").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def _said(self) -> str:
        said = self.room / "said"
        return said.read_text() if said.is_file() else "nothing"


def numbers(store: Path) -> dict[str, Any]:
    """Return all that finished runs of a store say, but for times; a damaged one is a fault."""
    found: dict[str, Any] = {}
    for stored in survey(store, whole=True).runs:
        if stored.state == "damaged":
            raise FaultError(f"{stored.name} is damaged: {stored.reason}")
        if stored.record is None:
            continue
        record = stored.record
        tables = {name: read_examples(record, name).logits.tobytes() for name in record.sets}
        weights = (record.model_folder / "model.safetensors").read_bytes()
        found[stored.id] = (record.summary["results"], tables, weights)
    return found


def _processor_time(child: int) -> float:
    """Return the seconds that the processor gave to a child that was not waited for yet."""
    # As clock_getcpuclockid of the C library makes it, which Python has not.
    return time.clock_gettime((~child << 3) | 2)


def _ended(child: int) -> bool:
    """Return whether a child has ended, without taking note of it."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
