"""Exported results: small, exact, the same bytes again, and all that tables and verdicts need."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixkd_core.errors import InputError
from reports.evidence.evidence import Evidence, load_evidence
from reports.evidence.export import ABOUT, export_date, read_export, write_export
from reports.pages.report import TABLES, build, write
from reports.verdicts.ledger import ledger
from reports.verdicts.tables import entry_table, headline_table

Run = Any
DAY = dt.date(2026, 3, 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, writing_runs: Any) -> Path:
    """Two tasks, a law that is known, a variant, a teacher, a failed run and a planned one.

    The study calls the variant the method, and what has every setting by default a control.
    """
    out = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(5)

    def sets_of(task: str) -> dict[str, tuple[int, float]]:
        held_out = "fresh" if task.startswith("embedded") else "remainder"
        return {
            "train": (120, 0.95),
            held_out: (300, 0.75 + 0.1 * rng.random()),
            "dev": (150, 0.75 + 0.1 * rng.random()),
        }

    planned = {"0" * 12: {"folder": f"sst2-0.01-s9-kd-{'0' * 12}"}}
    for seed in range(3):
        for method in ("teacher", "ft", "kd", "sm+tmkd"):
            for task in ("sst2", "embedded-sentiment"):
                run = writing_runs(out, task=task, seed=seed, method=method, sets=sets_of(task))
        planned[run.spec.id] = {"folder": run.folder.name, "labels": ["control"]}
        sets = sets_of("sst2")
        run = writing_runs(out, seed=seed, method="sm+tmkd", mixup_ratio=2.0, sets=sets)
        planned[run.spec.id] = {"folder": run.folder.name, "labels": ["sm+tmkd"]}
    failed = writing_runs(out, seed=7, method="kd", finishing=False)
    reason = "cannot read /home/someone/data/glue/SST-2: disk full at /tmp/out, or 1/2 of it"
    (failed / "failure.json").write_text(json.dumps({"reason": reason}))
    (out / "studies").mkdir()
    plan = {"study": "x", "runs": planned}
    (out / "studies" / "x.json").write_text(json.dumps(plan))
    return out


@pytest.fixture(scope="module")
def evidence(store: Path) -> Evidence:
    read = load_evidence(store)
    finished = read.runs.loc[read.runs["state"] == "finished", "run"]
    latent = pd.DataFrame(
        [
            {"run": run, "measure": "manifold_distance", "value": 1 + place / 7}
            for place, run in enumerate(finished)
        ]
    )
    return replace(read, measurements=replace(read.measurements, latent=latent))


@pytest.fixture
def folder(evidence: Evidence, tmp_path: Path) -> Path:
    write_export(evidence.entries, evidence.measurements, tmp_path / "results", DAY)
    return tmp_path / "results"


@pytest.mark.slow
def test_every_table_and_verdict_is_that_of_the_store(evidence: Evidence, folder: Path) -> None:
    exported = load_evidence(folder)
    assert exported.variants == evidence.variants
    assert len(evidence.variants) == 3
    for make in TABLES:
        one, other = make(evidence), make(exported)
        # Neither `mixkd cost` nor `mixkd consistency` was run here.
        assert one.rows or one.name in ("costs", "consistency", "consistency-comparisons"), (
            make.__name__
        )
        if one.name == "runs":  # where a failure happened is told without the machine's folders
            assert len(one.rows) == len(other.rows)
        else:
            assert one.to_csv() == other.to_csv(), one.name
            assert one.to_markdown() == other.to_markdown(), one.name
    verdicts = [headline_table(ledger(each)).to_csv() for each in (evidence, exported)]
    assert verdicts[0] == verdicts[1]
    frames = [entry_table(ledger(each)).frame for each in (evidence, exported)]
    assert frames[0]["examples_low"].notna().any()
    assert frames[1]["examples_low"].isna().all(), "other examples need their losses"
    kept = [frame.drop(columns=["examples_low", "examples_high"]).to_csv() for frame in frames]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_a_report_is_made_of_it(store: Path, tmp_path: Path) -> None:
    evidence = load_evidence(store)
    write_export(evidence.entries, evidence.measurements, tmp_path / "results", DAY, tuning_runs=3)
    exported = load_evidence(tmp_path / "results")
    assert exported.tuning_runs == 3
    page = write(build(exported), tmp_path / "report")
    assert "sm+tmkd" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_is_small_whatever_the_number_of_examples(evidence: Evidence, folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.name != ABOUT)
    assert size / len(evidence.runs) < 3000, "a megabyte for 300 runs"


def test_the_same_runs_give_the_same_bytes_and_keep_their_date(
    evidence: Evidence, store: Path, folder: Path, tmp_path: Path, write_run: Run
) -> None:
    def files(where: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in where.iterdir()}

    before = files(folder)
    again = load_evidence(store)
    measured = replace(again.measurements, latent=evidence.measurements.latent)
    write_export(again.entries, measured, folder, dt.date(2027, 1, 1))
    assert files(folder) == before
    assert export_date(folder) == DAY
    write_run(tmp_path / "other")
    other = load_evidence(tmp_path / "other")
    write_export(other.entries, other.measurements, folder, dt.date(2027, 1, 1))
    assert export_date(folder) == dt.date(2027, 1, 1)


def test_runs_without_numbers_stay_and_no_folder_of_the_machine_is_told(folder: Path) -> None:
    entries, *_ = read_export(folder)
    states = {entry.state: entry for entry in entries}
    assert set(states) == {"finished", "failed", "missing"}
    assert states["failed"].reason == "cannot read SST-2: disk full at out, or 1/2 of it"
    assert states["failed"].seed == 7
    assert all("/home" not in path.read_text() for path in folder.glob("*.*"))


def test_an_id_that_looks_like_a_number_stays_a_text(
    evidence: Evidence, folder: Path, tmp_path: Path
) -> None:
    (planned,) = [entry for entry in read_export(folder)[0] if entry.state == "missing"]
    assert planned.id == "000000000000"


def test_study_files_are_kept_until_others_are_given(evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    folder = tmp_path / "results"
    write_export(evidence.entries, evidence.measurements, folder, DAY, [tmp_path / "mine.yaml"])
    write_export(evidence.entries, evidence.measurements, folder, dt.date(2027, 1, 1))
    assert (folder / "studies" / "mine.yaml").read_text() == "name: mine\n"
    assert export_date(folder) == DAY
    with pytest.raises(InputError, match=r"cannot read the study file .*none\.yaml"):
        write_export(evidence.entries, evidence.measurements, folder, DAY, [tmp_path / "none.yaml"])


@pytest.mark.parametrize("name", ["runs", "metrics", "losses", "certificates", "latent"])
def test_a_number_changed_by_hand_is_noticed(folder: Path, name: str) -> None:
    path = folder / f"{name}.csv"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(InputError, match=rf"{name}\.csv is not what 'mixkd export' wrote"):
        read_export(folder)
    path.unlink()
    with pytest.raises(InputError, match=rf"lacks {name}\.csv"):
        read_export(folder)


def test_results_of_another_version_are_refused_and_written_anew(
    evidence: Evidence, folder: Path
) -> None:
    about = json.loads((folder / ABOUT).read_text())
    specification = next(iter(about["specifications"].values()))
    specification["unheard_of"] = 1
    (folder / ABOUT).write_text(json.dumps(about))
    with pytest.raises(InputError, match="does not fit this version"):
        read_export(folder)
    for content, said in (
        (json.dumps(about | {"export_version": 1}), "in version 1 of their form"),
        ("{", r"about\.json cannot be read"),
    ):
        (folder / ABOUT).write_text(content)
        with pytest.raises(InputError, match=said):
            load_evidence(folder)
        write_export(evidence.entries, evidence.measurements, folder, DAY)
        assert len(load_evidence(folder).runs) == len(evidence.runs)


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.pop("sha256"),
        lambda about: about.update(specifications=[]),
        lambda about: about.update(environments={}),
        lambda about: about.update(tuning_runs="many"),
        lambda about: about.update(date="yesterday"),
        lambda about: about.update(export_version={"a": 1}),
    ],
)
def test_results_that_do_not_fit_together_are_refused_in_a_sentence(
    folder: Path, change: Any
) -> None:
    about = json.loads((folder / ABOUT).read_text())
    change(about)
    (folder / ABOUT).write_text(json.dumps(about))
    with pytest.raises(InputError, match=r"export"):
        load_evidence(folder)


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "", "\xff"])
def test_an_about_file_that_is_none_is_refused_in_a_sentence(folder: Path, content: str) -> None:
    (folder / ABOUT).write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="write it again with 'mixkd export'"):
        load_evidence(folder)
