"""Odd study files: refused in a sentence, or a plan that is the same when it is written again."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from experiments.planning.plan import Material, expand, source_of
from experiments.planning.resolved import resolve
from experiments.planning.study_file import load_study
from mixkd_core.records.specs import CheckpointRef
from tests.faults.odd import altered, blobs, deep, scalars, texts
from tests.faults.outcomes import ACCEPTED, ChangedError, outcome

STUDY: dict[str, Any] = {
    "name": "a-study",
    "stands_for": "nothing",
    "seeds": [0, 1],
    "fractions": [0.2, 1.0],
    "evaluation": {"remainder_size": 200, "fresh_size": 500, "latent_points": 20},
    "defaults": {
        "train_size": 1000,
        "dev_size": 200,
        "teacher": {"epochs": 4, "learning_rate": 1e-3, "max_length": 64},
        "student": {"epochs": 3, "batch_size": 16},
        "by_fraction": {"0.2": {"teacher": {"epochs": 8}}},
    },
    "tasks": {"embedded-sentiment": {"fractions": [0.2]}, "embedded-inference": {}},
    "students": [{"layers": 2}],
    "methods": ["ft", "kd", {"method": "sm+tmkd", "mixup_alpha": 0.2, "label": "low"}],
    "sweeps": [{"base": "sm+tmkd", "field": "weights.sm", "values": [0.5, 2]}],
}
BOMBS = (
    "a: &a [x]\n"
    + "".join(
        f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "a: &a\n  b: *a\n",
    deep(100_000),
    "name: " + deep(3000),
    "? " * 3000,
    "x: " + "9" * 100_000,
    "seeds: [" + "1, " * 300_000 + "1]",
    "!!python/object/apply:os.system ['true']",
    "name: !!binary aGFsbG8=",
    "a: 1\n" * 5000,
    "<<: {a: 1}\n",
    "%YAML 9.9\n---\na: 1\n",
    "--- 1\n--- 2\n",
    "2020-01-01: 1\n",
    "[a, b]: 1\n",
    "{a: 1}: 1\n",
    "null: 1\n1: 2\n1.5: 3\ntrue: 4\n",
)
LARGE = (
    ("seeds", list(range(20_000))),
    ("fractions", [k / 20_000 for k in range(1, 20_000)]),
    ("methods", [{"method": "kd", "label": f"m{k}"} for k in range(5000)]),
    ("students", [{"layers": 2, "label": f"s{k}"} for k in range(5000)]),
    ("sweeps", [{"base": "kd", "field": "temperature", "values": list(range(1, 20_000))}]),
)
KEYS = ("seeds", "seeds.0", "methods.2.mixup_alpha", "students.0.layers", "defaults.student.epochs",
        "tasks.embedded-sentiment.fractions", "x", "..", "", "methods.99", "methods.-1",
        "defaults.teacher.augmentation.copies", "evaluation.latent_points")  # fmt: skip


class Studies:
    """Study files and changes to them.

    Args:
        room: where to work.
    """

    def __init__(self, room: Path) -> None:
        room.mkdir(parents=True, exist_ok=True)
        self.path = room / "study.yaml"

    def check(self, draw: st.DrawFn) -> str:
        """Write a study, read and expand it; return whether it was taken.

        Raises:
            FaultError: for a traceback, a hang, or a plan that another writing changes.
        """
        self.path.write_bytes(_study(draw))
        changes = draw(st.lists(_change(), max_size=2))
        state, ids = outcome(lambda: plan(str(self.path), changes))
        if state == ACCEPTED and not changes:
            again = yaml.safe_dump(yaml.safe_load(self.path.read_bytes()), sort_keys=True)
            self.path.write_text(again, encoding="utf-8")
            if outcome(lambda: plan(str(self.path), []))[1] != ids:
                raise ChangedError("the same study, written in another order, is another plan")
        return state


def plan(study: str, changes: list[str]) -> list[str]:
    """The ids of a study's runs, in order, on data that nobody has to draw."""
    resolved = resolve(load_study(study, changes))
    encoder = CheckpointRef(name="an/encoder", digest="e" * 16)
    materials = {
        name: Material(source_of(name, settings, None), "d" * 64, 1000, "an/encoder", encoder)
        for name, settings in resolved.tasks.items()
    }
    checkpoints = dict.fromkeys(resolved.checkpoints, encoder)
    return sorted(run.spec.id for run in expand(resolved, materials, checkpoints))


@st.composite
def _change(draw: st.DrawFn) -> str:
    value = draw(st.one_of(texts, scalars.map(str), st.sampled_from(BOMBS[:6])))
    return f"{draw(st.sampled_from(KEYS))}={value}".encode(errors="replace").decode()


def _study(draw: st.DrawFn) -> bytes:
    what = draw(st.sampled_from(["altered"] * 6 + ["bomb", "large", "bytes", "text"]))
    if what == "bomb":
        return draw(st.sampled_from(BOMBS)).encode()
    if what == "bytes":
        return draw(blobs)
    content = STUDY
    if what == "large":
        key, value = draw(st.sampled_from(LARGE))
        content = {**STUDY, key: value}
    elif what == "altered":
        for _ in range(draw(st.integers(1, 2))):
            content = altered(draw, content)
    text = yaml.safe_dump(content, allow_unicode=True)
    if what == "text":
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(texts) + text[place:]
    return text.encode("utf-8", "surrogatepass")
