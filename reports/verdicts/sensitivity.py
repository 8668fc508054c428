"""The claim that no setting matters: every swept setting against the reference."""

from dataclasses import dataclass

from reports.evidence.evidence import Evidence
from reports.evidence.frames import grouped
from reports.tables.sweeps import SWEPT_METHOD, sweep_frame
from reports.verdicts.measures import values
from reports.verdicts.pairs import Comparison, comparison, pairs_of
from reports.verdicts.paper_claims import Claim, Part, parts

SENSITIVITY = Claim(
    "sensitivity", "MixKD's result depends little on its weights and the mixup ratio.",
    "sensitivity, Figure 3", SWEPT_METHOD, SWEPT_METHOD, "accuracy", "any", "mixkd run sensitivity",
)  # fmt: skip


@dataclass(frozen=True)
class Swept:
    """A setting that departs from the reference in one value.

    Attributes:
        setting: the value, in words.
        fraction: of the training data.
        comparison: its runs against the reference's.
    """

    setting: str
    fraction: float
    comparison: Comparison


def swept_settings(evidence: Evidence, margin: float) -> dict[Part, list[Swept]]:
    """Of each way to ask the claim every swept setting that shares seeds with the reference.

    Args:
        margin: of equivalence, in units of the metric.
    """
    sweeps = sweep_frame(evidence)
    found: dict[Part, list[Swept]] = {}
    for part in parts(SENSITIVITY):
        known = values(evidence, SENSITIVITY, part)
        for (_, field), sweep in grouped(sweeps, ["setting", "field"]) if len(sweeps) else ():
            reference = known[known["run"].isin(sweep.loc[sweep["reference"], "run"])]
            for (at,), group in grouped(sweep[~sweep["reference"]], ["at"]):
                runs = known[known["run"].isin(group["run"])]
                pairs = list(pairs_of(runs, reference))
                if pairs:
                    fraction = float(group["fraction"].iloc[0])
                    swept = Swept(f"{field} {at:g}", fraction, comparison(pairs, margin))
                    found.setdefault(part, []).append(swept)
    return found
