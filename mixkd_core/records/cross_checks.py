"""Finished runs compared with each other: what two of them say of one thing must agree."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mixkd_core.records.layout import examples_file
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.tables import SetTrace

# Of the largest logit, and at least of 1: what two machines make of one network in float32 is far
# nearer, and another network, or another order of the rows, is further away.
_TOLERANCE = 2e-3


def contradictions(
    records: Mapping[str, RunRecord], traces: Mapping[str, Mapping[str, SetTrace]]
) -> dict[str, str]:
    """Runs that others contradict, and in words why.

    Data, fraction, seed and sizes decide the examples of every set. Where runs that have all these
    in common hold different ones, those that most of them hold are taken for right; where there is
    no majority, no run is. What a student's table calls its teacher's logits must be what the
    teacher's own table holds, if the teacher is there.

    Args:
        records: by run id.
        traces: by run id those of its sets.
    """
    return _other_teachers(records, traces) | _other_examples(records, traces)


def _other_examples(
    records: Mapping[str, RunRecord], traces: Mapping[str, Mapping[str, SetTrace]]
) -> dict[str, str]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for run, sets in traces.items():
        spec = records[run].spec
        sizes = spec.evaluation.model_copy(update={"latent_points": 0}).model_dump_json()
        for name in sets:
            key = (spec.task, spec.data, repr(spec.fraction), str(spec.seed), sizes, name)
            alike.setdefault(key, []).append(run)
    faults: dict[str, str] = {}
    for (*_, name), runs in alike.items():
        counts = Counter(traces[run][name].examples for run in runs).most_common(2)
        if len(counts) < 2:
            continue
        right = counts[0][0] if counts[0][1] > counts[1][1] else None
        for run in runs:
            if traces[run][name].examples != right:
                faults[run] = (
                    f"{examples_file(name)}: its example ids or labels are not those of other "
                    "runs on the same data, fraction and seed; delete the run's folder and repeat "
                    "the command that made it."
                )
    return faults


def _other_teachers(
    records: Mapping[str, RunRecord], traces: Mapping[str, Mapping[str, SetTrace]]
) -> dict[str, str]:
    faults: dict[str, str] = {}
    for run, sets in traces.items():
        teacher = str(records[run].summary["teacher_id"])
        for name, trace in sets.items():
            own = traces.get(teacher, {}).get(name)
            if own is None or own.examples != trace.examples or trace.teacher_outputs is None:
                continue
            if not _alike(own.outputs, trace.teacher_outputs, own.largest):
                faults[run] = (
                    f"{examples_file(name)}: its teacher_logits are not what its teacher's run "
                    f"{records[teacher].folder.name} holds; delete the run's folder, or the "
                    "teacher's if that is the wrong one, and repeat the command that made them."
                )
    return faults


def _alike(outputs: Sequence[float], others: Sequence[float], largest: float) -> bool:
    """Return True if two projections are of one network's logits, this large at most."""
    if len(outputs) != len(others):
        return False
    allowed = _TOLERANCE * max(1.0, largest)
    return all(abs(one - other) <= allowed for one, other in zip(outputs, others, strict=True))
