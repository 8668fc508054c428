"""Latent spaces in reports: read back, tabled, judged and drawn, on encodings that were made up."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixkd_core.errors import InputError
from mixkd_core.evaluation.encodings import latent_sample
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import EvaluationSpec, TrainingSpec
from reports.evidence.encodings import LATENT_MEASURES, LatentSpace, latent_numbers, read_latent
from reports.evidence.evidence import load_evidence
from reports.figures.catalogue import draw_all
from reports.figures.drawing import render
from reports.figures.latent_space import latent_space, principal_components
from reports.pages.page import page
from reports.pages.report import build
from reports.tables.latent_space import latent_space_table
from reports.verdicts.ledger import ledger

Run = Any
POINTS = 12


def encodings(seed: int, bend: float, *, real: bool = False) -> pd.DataFrame:
    """Two classes 4 apart; mixtures lie `bend` off the line between their parents."""
    rng = np.random.default_rng(seed)
    labels = np.arange(POINTS) % 2
    sample = latent_sample(labels, POINTS, seed)
    places = rng.normal(0, 0.3, size=(POINTS, 6))
    places[:, 0] += 4 * labels
    pairs = sample.neighbours
    share = pairs.mixing_coefficients[:, None]
    mixed = share * places[pairs.first] + (1 - share) * places[pairs.second]
    mixed[:, 5] += bend
    first = np.concatenate([sample.points, pairs.first])
    second = np.concatenate([sample.points, pairs.second])
    both = np.concatenate([places[sample.points], mixed]).astype(np.float32)
    return pd.DataFrame(
        {
            "kind": ["point"] * POINTS + ["neighbour"] * len(pairs),
            "example_id": [f"train-{row}" for row in first],
            "label": labels[first].astype(np.float32) if real else labels[first],
            "partner_id": [f"train-{row}" for row in second],
            "partner_label": labels[second],
            "mixing_coefficient": np.concatenate([np.ones(POINTS), pairs.mixing_coefficients]),
            "logits": list(both[:, :2]),
            "encoding": list(both),
        }
    )


def encoded(write_run: Run, table: pd.DataFrame, **settings: Any) -> RunRecord:
    """A run that was asked for encodings, these."""
    evaluation = EvaluationSpec(latent_points=POINTS)
    record: RunRecord = write_run(evaluation=evaluation, latent=table, **settings)
    return record


def fill(write_run: Run, bends: dict[str, float], seeds: int) -> None:
    for seed in range(seeds):
        for method, bend in bends.items():
            noise = 0.02 * np.random.default_rng([seed, len(method)]).normal()
            encoded(write_run, encodings(seed, bend + noise), method=method, seed=seed)


def test_encodings_are_read_back(write_run: Run) -> None:
    table = encodings(0, 1.5)
    space = read_latent(encoded(write_run, table))
    assert space is not None
    assert space.encodings.shape == (POINTS, 6)
    assert space.mixed_encodings.shape == (7 * POINTS, 6)
    mixed = table[table["kind"] == "neighbour"]
    share = space.mixing_coefficients[:, None]
    line = share * space.encodings[space.first] + (1 - share) * space.encodings[space.second]
    bent = np.tile([0, 0, 0, 0, 0, 1.5], (7 * POINTS, 1))
    np.testing.assert_allclose(space.mixed_encodings - line, bent, atol=1e-6)
    assert space.labels[space.second].tolist() == mixed["partner_label"].tolist()
    assert read_latent(write_run(seed=1)) is None


def test_damaged_encodings_put_the_run_aside(tmp_path: Path, write_run: Run) -> None:
    write_run(method="kd")
    record = encoded(write_run, encodings(0, 0), method="ft")
    (record.folder / "latent.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"latent\.parquet: it differs from its checksum"):
        read_latent(record)
    runs = load_evidence(tmp_path).runs.set_index("method")
    assert runs.loc["ft", "state"] == "damaged"
    assert "latent.parquet" in str(runs.loc["ft", "reason"])
    infinite = encodings(0, np.inf)
    with pytest.raises(InputError, match=r"latent\.parquet: encoding in row 12 is not finite"):
        read_latent(encoded(write_run, infinite, method="sm"))


def test_numbers_of_a_run(write_run: Run) -> None:
    record = encoded(write_run, encodings(0, 0.0))
    space = read_latent(record)
    assert space is not None
    numbers = latent_numbers(space)
    assert list(numbers) == list(LATENT_MEASURES)
    assert numbers["silhouette"] > 0.7
    assert numbers["encoding_nonlinearity"] == pytest.approx(0, abs=1e-6)
    assert numbers["logit_nonlinearity"] == pytest.approx(0, abs=1e-6)
    assert numbers["probability_nonlinearity"] > 0.1, "softmax bends the line"
    real = read_latent(encoded(write_run, encodings(0, 0.0, real=True), seed=1))
    assert real is not None
    assert set(LATENT_MEASURES) - set(latent_numbers(real)) == {
        "silhouette", "alignment", "probability_nonlinearity",
    }  # fmt: skip


def test_the_table_compares_with_fine_tuning_on_shared_seeds(
    tmp_path: Path, write_run: Run
) -> None:
    fill(write_run, {"ft": 3.0, "sm+tmkd": 1.0}, seeds=3)
    encoded(write_run, encodings(3, 50.0), method="ft", seed=3)
    frame = latent_space_table(load_evidence(tmp_path)).frame
    assert len(frame) == 2 * len(LATENT_MEASURES)
    rows = frame[frame["measure"] == LATENT_MEASURES["encoding_nonlinearity"]]
    tuned, mixed = (rows[rows["method"] == name].iloc[0] for name in ("ft", "sm+tmkd"))
    assert mixed["n"] == 3
    assert mixed["without"] == "3 (no run)"
    assert np.isnan(tuned["difference"])
    scale = mixed["value"] / 1.0  # a bend of 1 in units of the parents' distance
    assert mixed["difference"] == pytest.approx(-2 * scale, rel=0.1)
    assert mixed["difference_low"] < mixed["difference"] < mixed["difference_high"] < 0
    assert mixed["p_value"] == 0.25
    assert mixed["p_holm"] == 1.0, "eight measures were asked"
    assert len(mixed["runs"].split()) == 3


def test_a_control_of_fine_tuning_does_not_stand_in_for_it(
    tmp_path: Path, write_run: Run, write_plan: Any
) -> None:
    fill(write_run, {"ft": 3.0, "sm+tmkd": 1.0}, seeds=3)
    before = latent_space_table(load_evidence(tmp_path)).frame
    labels = {run.name: run.name.split("-")[-2] for run in tmp_path.iterdir()}
    for seed in range(3):  # trained twice as long, and bent as the method is
        longer = TrainingSpec(epochs=2.0)
        record = encoded(write_run, encodings(seed, 1.0), method="ft", seed=seed, training=longer)
        labels[record.folder.name] = "ft for longer"
    write_plan("one", labels)
    after = latent_space_table(load_evidence(tmp_path)).frame
    assert len(after) > len(before)
    first, second = (
        frame[frame["method"] == "sm+tmkd"].set_index("measure")["difference"]
        for frame in (before, after)
    )
    pd.testing.assert_series_equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bend", "verdict"), [(1.0, "supported"), (6.0, "contradicted"), (3.0, "inconclusive")]
)
def test_the_claim_is_judged_by_the_distance_to_the_points(
    bend: float, verdict: str, tmp_path: Path, write_run: Run
) -> None:
    fill(write_run, {"ft": 3.0, "sm+tmkd": bend}, seeds=10)
    found = next(e for e in ledger(load_evidence(tmp_path)) if e.id == "latent-space")
    assert found.verdict == verdict
    assert [entry.pairs for entry in found.entries] == [10]
    assert len(found.runs) == 20


@pytest.mark.slow
def test_a_store_without_encodings_says_so_in_a_line(tmp_path: Path, write_run: Run) -> None:
    write_run(method="ft")
    report = build(load_evidence(tmp_path))
    found = next(e for e in report.claims if e.id == "latent-space")
    assert found.verdict == "not tested"
    assert "that store encodings" in found.note
    assert "latent" not in [drawing.name for drawing in report.drawings]
    text = page(report)
    assert (
        "Latent space: training points and their mixup neighbours. No run stores encodings" in text
    )


@pytest.mark.slow
def test_the_figure_shows_the_same_points_by_method(tmp_path: Path, write_run: Run) -> None:
    fill(write_run, {"pkd": 2.0, "sm+tmkd": 1.0, "kd": 2.0, "ft": 3.0}, seeds=2)
    evidence = load_evidence(tmp_path)
    (drawing,) = (one for one in draw_all(evidence) if one.name == "latent")
    axes = drawing.figure.get_axes()
    assert [one.get_title(loc="left") for one in axes] == ["ft", "kd", "sm+tmkd"] * 2
    assert axes[0].get_xlabel().startswith("component 1 (")
    assert axes[3].get_xlabel() == "t-SNE 1 (no unit)"
    for one in axes:
        sizes = [len(np.asarray(points.get_offsets())) for points in one.collections]
        assert sizes == [3 * POINTS, POINTS // 2, POINTS // 2]
    assert "seed 0" in drawing.caption
    notes = list(drawing.notes.values())
    assert len(notes) == 12
    assert "6 points of class positive" in notes[1]
    (again,) = (one for one in draw_all(evidence) if one.name == "latent")
    for kind in ("svg", "png"):
        assert render(drawing, kind) == render(again, kind), kind


def test_encodings_that_were_not_kept_draw_nothing(tmp_path: Path, write_run: Run) -> None:
    fill(write_run, {"ft": 3.0}, seeds=1)
    evidence = load_evidence(tmp_path)
    shutil.rmtree(next(tmp_path.glob("*-ft-*")))
    assert latent_space(evidence) is None
    assert len(latent_space_table(evidence).frame) == len(LATENT_MEASURES)


def test_principal_components_keep_a_plane_as_it_is() -> None:
    rng = np.random.default_rng(4)
    flat = rng.normal(size=(20, 2)) * [3.0, 1.0]
    turn = np.linalg.qr(rng.normal(size=(7, 7)))[0][:2]
    none = np.zeros(10, dtype=np.int64)
    space = LatentSpace(
        none, flat[:10] @ turn, flat[:10], none, none, none.astype(float), flat[10:] @ turn, flat
    )
    points, mixed, labels = principal_components(space)
    placed = np.concatenate([points, mixed])
    distances = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (flat, placed)]
    np.testing.assert_allclose(*distances, atol=1e-9)
    shares = np.square(np.linalg.svd(flat[:10] - flat[:10].mean(axis=0))[1])
    expected = f"component 1 ({100 * shares[0] / shares.sum():.0f} % of variance)"
    assert labels[0] == expected
    turned = LatentSpace(
        none, -space.encodings, flat[:10], none, none, none.astype(float), -space.mixed_encodings,
        flat,
    )  # fmt: skip
    np.testing.assert_allclose(principal_components(turned)[0], -points, atol=1e-9)
