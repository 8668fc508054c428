"""A predictor, from teachers alone, of which augmentation helps, beside what students reached."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from experiments.deployment.augmentation import KIND_SETTINGS, Added, added_by, probabilities
from experiments.deployment.network import open_network
from experiments.running.evaluation_sets import evaluation_sets
from experiments.running.runner import check_data
from mixkd_core.data.task_data import TaskData
from mixkd_core.errors import InputError
from mixkd_core.records.specs import RunSpec
from reports.evidence.evidence import GROUP, Evidence
from reports.evidence.frames import grouped
from reports.statistics.teacher_spread import FEWEST_KINDS, TeacherSpread, rank_test, teacher_spread

LOSS = "cross_entropy"

# Where a student's loss is asked, in order of preference; else on its development set.
_SETS = ("remainder", "fresh")


def predicted(
    evidence: Evidence,
    data: TaskData,
    runs: list[str],
    draws: int,
    say: Callable[[str], object] = lambda sentence: None,
) -> pd.DataFrame:
    """Measure every student's kind of augmentation on its teacher, and put its loss beside it.

    Args:
        evidence: of a folder of runs.
        data: of the runs' task.
        runs: finished students of it.
        draws: samples of each example.
        say: called with a sentence about each teacher, as it begins.

    Returns:
        A row per condition: `task, fraction, label, kind, stddev, covariance, set, loss, metric,
        seeds, family`, means over seeds. A family differs in nothing but the augmentation.

    Raises:
        InputError: if no student has a kind of augmentation, the data are others, or a teacher's
            network is gone.
    """
    kinds = {run: added_by(evidence.students[run]) for run in runs}
    asked = {run: added for run, added in kinds.items() if added is not None}
    if not asked:
        raise InputError(
            "no student here learns from a teacher on one kind of samples (kd, tmkd): there is "
            "nothing to predict."
        )
    by_teacher: dict[str, list[str]] = {}
    for run in asked:
        by_teacher.setdefault(evidence.specs[run].teacher_spec.id, []).append(run)
    values: dict[str, TeacherSpread] = {}
    for teacher, students in sorted(by_teacher.items()):
        record = evidence.records.get(teacher)
        if record is None or teacher in evidence.without_network:
            raise InputError(
                f"the network of the teacher {teacher} of {students[0]} is gone, and the predictor "
                "asks it: repeat the command that made the runs."
            )
        check_data(record.spec, data)
        subset = evaluation_sets(record.spec, data)["train"]
        network = open_network(str(record.folder))
        wanted = dict.fromkeys(asked[run] for run in students)
        say(f"{record.folder.name}: {len(wanted)} kinds, {draws} samples of {len(subset)} examples")
        found: dict[Added, TeacherSpread] = {
            added: teacher_spread(
                probabilities(network, subset, added, seed=record.spec.seed, draws=draws)
            )
            for added in wanted
        }
        values |= {run: found[asked[run]] for run in students}
    return _table(evidence, asked, values)


def judged(table: pd.DataFrame) -> list[str]:
    """Say of each family how far the predictor orders its students' losses."""
    sentences = []
    for (task, fraction, _), family in grouped(table, ["task", "fraction", "family"]):
        named = f"{task}, {fraction:.3g} of the data, like {min(family['label'], key=len)}"
        found = rank_test(family["stddev"].tolist(), family["loss"].tolist())
        if found is None:
            sentences.append(
                f"{named}: {len(family)} kinds of augmentation that differ in nothing else, too "
                f"few to test the predictor; {FEWEST_KINDS} are needed."
            )
        else:
            sentences.append(
                f"{named}: rank correlation {found.correlation:+.2f} of the standard deviation "
                f"with the students' loss over {found.kinds} kinds (one-sided permutation test, "
                f"p = {found.p_value:.3f}; +1 would be a perfect predictor)."
            )
    return sentences


def family_of(spec: RunSpec) -> str:
    """Everything about a student's run but its seed and its kind of augmentation."""
    assert spec.student is not None
    student = spec.student
    weights = dict(student.objective.weights)
    weights["teacher"] = weights.pop("kd", 0.0) + weights.pop("tmkd", 0.0)
    kept: dict[str, Any] = spec.model_dump(mode="json", exclude={"seed", "evaluation"})
    for name in ("method", "weights", *KIND_SETTINGS):
        del kept["student"][name]
    del kept["student"]["training"]["augmentation"]
    return repr((sorted(weights.items()), student.objective.replaces_modules, kept))


def _table(
    evidence: Evidence, asked: dict[str, Added], values: dict[str, TeacherSpread]
) -> pd.DataFrame:
    risks = evidence.measurements.risks
    risks = risks[
        (risks["loss"] == LOSS) & risks["run"].isin(list(asked)) & (risks["set"] != "train")
    ]
    rows = []
    known = evidence.runs[evidence.runs["run"].isin(list(asked))]
    for (task, fraction, label, _), group in grouped(known, GROUP):
        runs = group["run"].tolist()
        of = risks[risks["run"].isin(runs)]
        sets = of["set"].unique().tolist()
        name = next((one for one in _SETS if one in sets), sets[0])
        metrics = evidence.metrics
        metric = metrics[metrics["run"].isin(runs) & (metrics["set"] == name)]["metric_value"]
        rows.append(
            {
                "task": task,
                "fraction": fraction,
                "label": label,
                "kind": asked[runs[0]].name,
                "stddev": sum(values[run].stddev for run in runs) / len(runs),
                "covariance": sum(values[run].covariance for run in runs) / len(runs),
                "set": name,
                "loss": float(of[of["set"] == name]["risk"].mean()),
                "metric": float(metric.mean()),
                "seeds": len(runs),
                "family": family_of(evidence.specs[runs[0]]),
            }
        )
    return pd.DataFrame(rows)
