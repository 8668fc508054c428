"""The stress test: `python -m tests.faults --inputs 5000 --kills 1000` (`make stress`).

Prints how every input ended and what became of every run that was killed. The exit status is 1 if
there was a traceback, a hang, a lost record or a number that changed.
"""

import argparse
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
# A series is shrunk to nothing and drawn anew: in long ones Hypothesis repeats itself.
SERIES = 250


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
        for kind in KINDS:
            faults += _inputs(kind, room / kind, round(SHARES[kind] * given.inputs), given.seed)
        if given.kills:
            faults += _kills(room / "kills", given.kills, given.seed)
    _say(f"{faults} faults" if faults else "0 tracebacks, 0 hangs, 0 lost, 0 changed")
    return int(faults > 0)


def _inputs(kind: str, room: Path, wanted: int, seed: int) -> int:
    began, ends, tried = time.monotonic(), Counter[str](), 0
    while tried < wanted:
        number = 1000 * seed + tried // SERIES
        here = min(SERIES, wanted - tried)
        tally = fuzz(kind, room / str(number), here, number, stop=False, say=_say)
        ends += tally.ends
        tried += here
        _say(f"{kind}: {tried} of {wanted}: {_counted(ends)}; {time.monotonic() - began:.0f} s")
    return sum(count for end, count in ends.items() if end not in ("accepted", "refused"))


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
