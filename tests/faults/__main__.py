"""The stress test: `python -m tests.faults --inputs 5000 --kills 1000` (`make stress`).

Prints how every input ended and what became of every run that was killed. The exit status is 1 if
there was a traceback, a hang, a lost record or a number that changed.
"""

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from experiments.running.quiet import quiet_libraries
from tests.faults.fuzz import KINDS, fuzz
from tests.faults.kills import Kills
from tests.faults.outcomes import FaultError

# Of all inputs; the quickest have the most.
SHARES = {
    "stores": 0.2,
    "data files": 0.3,
    "studies": 0.2,
    "command lines": 0.15,
    "checkpoints": 0.15,
}
# Inputs of a kind before it is the next one's turn: a test that is stopped has figures of each.
SERIES = 50


def main() -> int:
    """Try everything, print the figures, and return the exit status."""
    options = argparse.ArgumentParser(description="Odd inputs and killed runs, counted.")
    options.add_argument("--inputs", type=int, default=5000, help="Odd inputs, of all kinds.")
    options.add_argument("--kills", type=int, default=1000, help="Processes to kill.")
    options.add_argument("--seed", type=int, default=0, help="Of inputs and moments.")
    given = options.parse_args()
    quiet_libraries()
    faults = 0
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(scratch)
        if given.inputs:
            faults += _inputs(room, given.inputs, given.seed)
        if given.kills:
            faults += _kills(room / "kills", given.kills, given.seed)
    _say(f"{faults} faults" if faults else "0 tracebacks, 0 hangs, 0 lost, 0 changed")
    return int(faults > 0)


def _inputs(room: Path, inputs: int, seed: int) -> int:
    """Try inputs of every kind in turn; return how many ended in a fault."""
    began = time.monotonic()
    wanted = {kind: round(SHARES[kind] * inputs) for kind in KINDS}
    ends = {kind: Counter[str]() for kind in KINDS}
    for number in itertools.count(1000 * seed):
        left = {kind: wanted[kind] - ends[kind].total() for kind in KINDS}
        if not any(here > 0 for here in left.values()):
            break
        for kind, here in left.items():
            if here > 0:
                place = room / kind / str(number)
                tally = fuzz(kind, place, min(here, SERIES), number, stop=False, say=_say)
                shutil.rmtree(place, ignore_errors=True)
                ends[kind] += tally.ends
                tried = f"{ends[kind].total()} of {wanted[kind]}: {_counted(ends[kind])}"
                _say(f"{kind}: {tried}; {time.monotonic() - began:.0f} s")
    every = sum(ends.values(), Counter[str]())
    _say(f"inputs: {every.total()}: {_counted(every)}")
    return every.total() - every["accepted"] - every["refused"]


def _kills(room: Path, wanted: int, seed: int) -> int:
    try:
        done = Kills(room, seed).until(wanted, _say)
    except FaultError as fault:
        _say(f"kills: {type(fault).__name__}: {fault}")
        return 1
    _say(
        f"kills: {done.kills}, of which {done.resumed} left a checkpoint to go on from; "
        f"{done.records} records compared in {done.stores} stores, all equal to undisturbed runs'"
    )
    return 0


def _counted(ends: Counter[str]) -> str:
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
