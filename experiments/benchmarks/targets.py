"""The targets, beside what was measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from experiments.benchmarks.data_scaling import MOST_ROWS
from experiments.benchmarks.families import FAMILIES
from experiments.benchmarks.steps import (
    GROUPED,
    OBVIOUS,
    OBVIOUS_PADDED,
    TEXTBREWER,
    WHOLE_KD,
)
from experiments.benchmarks.whole import HELP, IMPORT, REPORT

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]

NOT_MEASURED = "not measured here"


@dataclass(frozen=True)
class Target:
    """One hope.

    Attributes:
        what: in words.
        sense: whether the number is to be at least or at most the aim.
        aim: the number.
        find: the measured number, out of the tables; None where it was not measured.
    """

    what: str
    sense: Literal["at least", "at most"]
    aim: float
    find: Callable[[Tables], float | None]

    def row(self, tables: Tables) -> Row:
        """The target as a row of a table."""
        measured = self.find(tables)
        met = measured is not None and (
            measured >= self.aim if self.sense == "at least" else measured <= self.aim
        )
        verdict = NOT_MEASURED if measured is None else "met" if met else "missed"
        return {
            "target": self.what,
            "aim": f"{self.sense} {self.aim:g}",
            "measured": measured,
            "verdict": verdict,
        }


def target_rows(tables: Tables) -> list[Row]:
    """Every target, measured or not."""
    return [target.row(tables) for target in TARGETS]


def _value(table: str, column: str, **where: Any) -> Callable[[Tables], float | None]:
    """The column of the first row that has these values."""

    def find(tables: Tables) -> float | None:
        for row in tables.get(table, ()):
            if all(row[key] == value for key, value in where.items()):
                return float(row[column])
        return None

    return find


def _ratio(task: str, ours: str, peer: str) -> Callable[[Tables], float | None]:
    return _value("ratios", "ratio", task=task, ours=ours, peer=peer)


MIXKD = "sm+tmkd"
BF16 = f"{MIXKD}, bf16"

TARGETS = (
    Target("MixKD over the obvious one padded to 128, SST-2", "at least", 11,
           _ratio("sst2", MIXKD, OBVIOUS_PADDED)),
    Target("MixKD over the obvious one padded to 128, MRPC", "at least", 4,
           _ratio("mrpc", MIXKD, OBVIOUS_PADDED)),
    Target("MixKD over the obvious one, dynamic padding, SST-2", "at least", 3.1,
           _ratio("sst2", MIXKD, OBVIOUS)),
    Target("MixKD over the obvious one, dynamic padding, MRPC", "at least", 2.2,
           _ratio("mrpc", MIXKD, OBVIOUS)),
    Target("MixKD over the obvious one grouped by length, SST-2", "at least", 1.3,
           _ratio("sst2", MIXKD, GROUPED)),
    Target("MixKD over the obvious one grouped by length, MRPC", "at least", 1.3,
           _ratio("mrpc", MIXKD, GROUPED)),
    *(
        Target(f"The same of a random {family}, {name}", "at least", 1.3,
               _value("families", "ratio", task=task, family=family))
        for task, name in (("sst2", "SST-2"), ("mrpc", "MRPC"))
        for family in FAMILIES
    ),
    Target("MixKD in bf16 over fp32, SST-2", "at least", 1.9, _ratio("sst2", BF16, MIXKD)),
    Target("MixKD in bf16 over fp32, MRPC", "at least", 1.9, _ratio("mrpc", BF16, MIXKD)),
    Target("MixKD in bf16, share of the matrix rate, MRPC", "at least", 0.35,
           _value("limits", "share", task="mrpc", contestant=BF16)),
    Target("The same of BERT-base to 6 layers on a processor, MRPC", "at least", 0.5,
           _value("base", "share", texts="lengths of mrpc", device="processor", precision="bf16")),
    *(
        Target(f"BERT-base to 6 layers over the obvious loop grouped by length, {name}", "at least",
               1.3, _value("base", "over_grouped", texts=f"lengths of {task}"))
        for task, name in (("sst2", "SST-2"), ("mrpc", "MRPC"))
    ),
    Target("KD over TextBrewer, a whole training, SST-2", "at least", 6,
           _ratio("sst2", WHOLE_KD, TEXTBREWER)),
    Target("KD over TextBrewer, a whole training, MRPC", "at least", 3.4,
           _ratio("mrpc", WHOLE_KD, TEXTBREWER)),
    *(
        Target(f"Real tokens over rows multiplied, with mixed samples, {name}", "at least", 0.9,
               _value("padding", "multiplied", task=task, what="originals and mixed samples"))
        for task, name in (("sst2", "SST-2"), ("mrpc", "MRPC"), ("rte", "RTE"))
    ),
    *(
        Target(f"MixKD's cost over what operations predict, {name}", "at most", 1.15,
               _value("limits", "cost_over_predicted", task=task, contestant=MIXKD))
        for task, name in (("sst2", "SST-2"), ("mrpc", "MRPC"), ("rte", "RTE"))
    ),
    Target("Accelerator, BERT-base to 6 layers, 128 tokens: share of the matrix rate", "at least",
           0.45, _value("base", "share", texts="128 tokens", device="accelerator")),
    Target("Accelerator, tokens/s at SST-2 lengths over those at 128", "at least", 0.7,
           _value("base", "tokens_ratio", texts="lengths of sst2", device="accelerator")),
    Target("Peak memory over plain fine-tuning (padded to 128) and the teacher", "at most", 1.2,
           _value("memory", "ratio", contestant="plain Trainer, padded to the maximum")),
    Target("Peak memory over plain fine-tuning (dynamic) and the teacher", "at most", 1.2,
           _value("memory", "ratio", contestant="plain Trainer, padded to the longest")),
    Target(f"Peak memory of {MOST_ROWS:,} pairs, GB", "at most", 1.5,
           _value("data_scaling", "peak_gigabytes", rows=MOST_ROWS)),
    Target(f"{MOST_ROWS:,} pairs read, chosen and trained one step, tokens stored, seconds",
           "at most", 30, _value("data_scaling", "start_seconds", rows=MOST_ROWS)),
    Target("mixkd --help, seconds", "at most", 0.5, _value("waits", "wall_seconds", what=HELP)),
    Target("import mixkd_core, seconds", "at most", 1,
           _value("waits", "wall_seconds", what=IMPORT)),
    Target("A report of 1,000 runs, seconds", "at most", 20,
           _value("waits", "wall_seconds", what=f"{REPORT} of 1000 runs")),
)  # fmt: skip
