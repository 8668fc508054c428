"""Agreement with the teacher on mixtures and altered texts, on answers that are known."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixkd_core.data.relations.relation import Kind, RelatedText, relation
from mixkd_core.evaluation.encodings import latent_sample
from mixkd_core.records.consistency import predictions_folder, write_predictions
from mixkd_core.records.specs import EvaluationSpec
from reports.evidence.evidence import load_evidence
from reports.evidence.export import write_export
from reports.statistics.agreement import agreement_of
from reports.tables.behaviour import agreement_table
from reports.tables.latent_space import latent_space_table

POINTS = 6
MIXED = 7 * POINTS
FLOATS = np.random.default_rng(5).normal(size=(2, POINTS + MIXED, 2))


def encoded(answers: Any, seed: int = 0) -> pd.DataFrame:
    """Encodings of a network with these logits on the points and mixtures of a seed."""
    pairs = latent_sample(np.arange(POINTS) % 2, POINTS, seed).neighbours
    first, second = (
        np.concatenate([np.arange(POINTS), rows]) for rows in (pairs.first, pairs.second)
    )
    return pd.DataFrame(
        {
            "kind": ["point"] * POINTS + ["neighbour"] * MIXED,
            "example_id": [f"train-{row}" for row in first],
            "label": first % 2,
            "partner_id": [f"train-{row}" for row in second],
            "partner_label": second % 2,
            "mixing_coefficient": np.concatenate([np.ones(POINTS), pairs.mixing_coefficients]),
            "logits": list(answers.astype(np.float32)),
            "encoding": list(np.tile(answers, 2).astype(np.float32)),
        }
    )


def write(write_run: Any, method: str, table: pd.DataFrame, **settings: Any) -> Any:
    evaluation = EvaluationSpec(latent_points=POINTS)
    return write_run(method=method, latent=table, evaluation=evaluation, **settings)


def on(out: Path, name: str) -> pd.DataFrame:
    measured = load_evidence(out).measurements.agreement
    return measured[measured["set"] == name].reset_index(drop=True)


def test_agreement_on_mixtures_is_that_of_their_logits(tmp_path: Path, write_run: Any) -> None:
    teacher, student = FLOATS
    write(write_run, "teacher", encoded(teacher))
    record = write(write_run, "kd", encoded(student))
    row = on(tmp_path, "mixtures").iloc[0]
    assert row["run"] == record.spec.id
    of = slice(POINTS, None)
    found = agreement_of(np.float32(student[of]), np.float32(teacher[of]), [-1] * MIXED)
    assert row["agreement"] == pytest.approx(found.agreement)
    assert row["divergence"] == pytest.approx(found.divergence)
    assert 0.3 < row["agreement"] < 0.7, "these networks have nothing to do with each other"
    assert (row["teacher_right"], row["teacher_wrong"]) == (0, 0)
    assert len(on(tmp_path, "mixtures")) == 1, "a teacher has no agreement with itself"


def test_other_mixtures_are_not_compared(tmp_path: Path, write_run: Any) -> None:
    teacher, student = FLOATS
    write(write_run, "teacher", encoded(teacher))
    moved = encoded(student)
    moved["mixing_coefficient"] = np.where(
        moved["kind"] == "point", 1.0, 1 - moved["mixing_coefficient"]
    )
    write(write_run, "kd", moved)
    assert on(tmp_path, "mixtures").empty
    write(write_run, "ft", encoded(student), seed=1)
    assert on(tmp_path, "mixtures").empty, "the teacher of seed 1 is not there"


KINDS: tuple[Kind, Kind] = ("same label", "changed label")
RELATED = relation(
    "mine",
    [
        RelatedText(f"{n}-{kind}", str(n), kind, "word", (f"t{n}",), (f"{kind} {n}",), n % 2, other)
        for n in range(4)
        for kind, other in zip(KINDS, (n % 2, 1 - n % 2), strict=True)
    ],
)


def measured(out: Path, record: Any, said: list[int], related: Any = RELATED) -> None:
    """Store these predictions of altered texts; of the originals class 0."""
    logits = 3 * np.eye(2, dtype=np.float32)[said]
    about = {
        "run": record.spec.id, "precision": "fp32", "read_alike": {}, "seconds": 1.0,
        "versions": {}, "hardware": {"processor": "p", "accelerator": None},
    }  # fmt: skip
    folder = predictions_folder(out, record.spec.id, related)
    write_predictions(folder, related, 0 * logits, logits, about)


def test_agreement_on_altered_texts_is_that_of_stored_predictions(
    tmp_path: Path, write_run: Any
) -> None:
    teacher, student = (write_run(method=name) for name in ("teacher", "kd"))
    # Rows alternate between the kinds; altered labels: same 0 1 0 1, changed 1 0 1 0.
    measured(tmp_path, teacher, [0, 1, 1, 0, 1, 0, 0, 1])
    assert on(tmp_path, "mine (same label)").empty, "the student was not asked"
    measured(tmp_path, student, [0, 1, 0, 0, 1, 0, 1, 1])
    same = on(tmp_path, "mine (same label)").iloc[0]
    assert same["run"] == student.spec.id
    assert (same["teacher_right"], same["teacher_wrong"]) == (2, 2)
    assert (same["agreement"], same["agreement_right"], same["agreement_wrong"]) == (0.5, 0.5, 0.5)
    changed = on(tmp_path, "mine (changed label)").iloc[0]
    assert (changed["agreement"], changed["teacher_wrong"]) == (1.0, 2)
    frame = agreement_table(load_evidence(tmp_path)).frame
    assert {"mine (same label)", "mine (changed label)"} < set(frame["set"])


def test_a_teacher_that_was_asked_other_texts_is_not_compared(
    tmp_path: Path, write_run: Any
) -> None:
    teacher, student = (write_run(method=name) for name in ("teacher", "kd"))
    measured(tmp_path, teacher, [0] * 4, relation("mine", RELATED.rows[:4]))
    measured(tmp_path, student, [0] * 8)
    assert on(tmp_path, "mine (same label)").empty


def test_exported_results_keep_it(tmp_path: Path, write_run: Any) -> None:
    out = tmp_path  # where the runs are written
    teacher = write(write_run, "teacher", encoded(FLOATS[0]))
    student = write(write_run, "kd", encoded(FLOATS[1]))
    for record in (teacher, student):
        measured(out, record, [0, 1] * 4)
    evidence = load_evidence(out)
    folder = out / "exported"
    write_export(evidence.entries, evidence.measurements, folder, dt.date(2026, 1, 1))
    again = load_evidence(folder)
    assert agreement_table(again).to_csv() == agreement_table(evidence).to_csv()
    assert latent_space_table(again).to_csv() == latent_space_table(evidence).to_csv()


def test_a_teacher_that_never_errs_is_exported(tmp_path: Path, write_run: Any) -> None:
    """None is a count like any other."""
    teacher, student = (write_run(method=name) for name in ("teacher", "kd"))
    for record in (teacher, student):
        measured(tmp_path, record, [0, 1, 1, 0, 0, 1, 1, 0])
    evidence = load_evidence(tmp_path)
    assert on(tmp_path, "mine (same label)")["teacher_wrong"].tolist() == [0]
    folder = tmp_path / "exported"
    write_export(evidence.entries, evidence.measurements, folder, dt.date(2026, 1, 1))
    kept = load_evidence(folder).measurements.agreement
    assert kept[kept["set"] == "mine (same label)"]["teacher_wrong"].tolist() == [0]


def test_a_students_nonlinearity_stands_beside_its_teachers(tmp_path: Path, write_run: Any) -> None:
    for seed in range(2):
        write(write_run, "teacher", encoded(FLOATS[0], seed), seed=seed)
        write(write_run, "kd", encoded(FLOATS[1], seed), seed=seed)
    write(write_run, "kd", encoded(FLOATS[1], 2), seed=2)  # whose teacher is not there
    frame = latent_space_table(load_evidence(tmp_path)).frame
    rows = frame[frame["measure"] == "nonlinearity of logits"].set_index("method")
    assert rows.loc["kd", "n"] == 3
    assert rows.loc["kd", "teacher"] == pytest.approx(rows.loc["teacher", "value"])
    assert rows.loc["kd", "teacher"] != pytest.approx(rows.loc["kd", "value"])
    assert np.isnan(rows.loc["teacher", "teacher"])
