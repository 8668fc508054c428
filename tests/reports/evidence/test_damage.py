"""Damage is damage to every command: named with file and field, in no mean, and hiding no other."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from experiments.cli import app
from mixkd_core.evaluation.encodings import MIXING_COEFFICIENTS
from mixkd_core.records.run_folder import find_record, seal
from mixkd_core.records.specs import EvaluationSpec
from mixkd_core.records.survey import survey
from reports.evidence.evidence import load_evidence

Harm = Callable[[Path], None]
SETS = {"train": (40, 0.9), "remainder": (60, 0.7), "dev": (30, 0.8)}
POINTS = 4


def encodings() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = POINTS * (1 + len(MIXING_COEFFICIENTS))
    first = np.arange(rows) % POINTS
    second = np.where(np.arange(rows) < POINTS, first, (first + 1) % POINTS)
    shares = np.tile(MIXING_COEFFICIENTS, POINTS)
    values = rng.normal(size=(rows, 3)).astype(np.float32)
    return pd.DataFrame(
        {
            "kind": ["point"] * POINTS + ["neighbour"] * len(shares),
            "example_id": [f"train-{row}" for row in first],
            "label": first % 2,
            "partner_id": [f"train-{row}" for row in second],
            "partner_label": second % 2,
            "mixing_coefficient": np.concatenate([np.ones(POINTS), shares]),
            "logits": list(values[:, :2]),
            "encoding": list(values),
        }
    )


@pytest.fixture
def store(tmp_path: Path, write_run: Any) -> Path:
    """Three methods on one seed, of which `kd` will be harmed."""
    out = tmp_path / "runs"
    for method in ("teacher", "kd", "ft"):
        write_run(
            out, method=method, sets=SETS, evaluation=EvaluationSpec(latent_points=POINTS),
            latent=encodings(),
        )  # fmt: skip
    return out


def in_json(name: str, change: Callable[[Any], Any], *, sealed: bool = True) -> Harm:
    """Change a JSON file, and seal the folder again as if it had been written so."""

    def harm(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        changed = change(content)
        (folder / name).write_text(json.dumps(content if changed is None else changed))
        if sealed and name != "manifest.json":
            seal(folder)

    return harm


def in_table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Harm:
    """Change a table and seal the folder again."""

    def harm(folder: Path) -> None:
        change(pd.read_parquet(folder / name)).to_parquet(folder / name, index=False)
        seal(folder)

    return harm


def text_in(name: str, text: str, *, sealed: bool = True) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).write_text(text)
        if sealed:
            seal(folder)

    return harm


def without(*path: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        del content[path[-1]]

    return change


def putting(value: Any, *path: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = value

    return change


def repeated(table: pd.DataFrame) -> pd.DataFrame:
    """The first example twice in place of the second, which has the same numbers but its label."""
    ids = table["example_id"].to_list()
    return table.assign(example_id=[ids[0], ids[0], *ids[2:]])


def nudged(table: pd.DataFrame, column: str, change: Any) -> pd.DataFrame:
    values = table[column].to_list()
    return table.assign(**{column: [change(values[0]), *values[1:]]})


def linked(folder: Path) -> None:
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")


DEV = "examples/dev.parquet"
HARMS: dict[str, tuple[Harm, str]] = {
    "the manifest is a list": (text_in("manifest.json", "[]", sealed=False), "manifest.json"),
    "the manifest's files are a list": (
        in_json("manifest.json", putting([], "files")), "manifest.json: files"),
    "the manifest lists nothing": (
        in_json("manifest.json", putting({}, "files")),
        "manifest.json: it does not list spec.json"),
    "another teacher's logits": (
        in_table(DEV, lambda t: t.assign(teacher_logits=list(t["teacher_logits"])[::-1])),
        "examples/dev.parquet: distillation_distance in row"),
    "the teacher's logits are gone": (
        in_table(DEV, lambda table: table.drop(columns="teacher_logits")),
        "examples/dev.parquet: it has a distance to a teacher, and there is none"),
    "the manifest leads outside": (
        in_json("manifest.json", putting({"bytes": 1, "sha256": "0" * 64}, "files", "../x")),
        "manifest.json: files"),
    "the manifest lacks a checksum": (
        in_json("manifest.json", without("files", "run.json", "sha256")), "manifest.json: files"),
    "the version is a text": (
        in_json("manifest.json", putting("1", "schema_version")), "manifest.json: schema_version"),
    "another version": (in_json("manifest.json", putting(99, "schema_version")), "version 99"),
    "deep JSON": (text_in("run.json", "[" * 100_000), "run.json: it is no JSON"),
    "no JSON": (text_in("spec.json", "{"), "spec.json: it is no JSON"),
    "no text": (
        lambda folder: ((folder / "run.json").write_bytes(b"\xff\xfe"), seal(folder))[1],
        "run.json: it is no JSON"),
    "a pipe": (linked, "run.json"),
    "large JSON": (text_in("history.json", " " * (17 << 20) + "[]"), "history.json: it holds"),
    "the summary is a list": (text_in("run.json", "[]"), "run.json"),
    "results are missing": (in_json("run.json", without("results")), "results is missing"),
    "no training set": (
        in_json("run.json", without("results", "train")), "results.train is missing"),
    "a set without risks": (
        in_json("run.json", without("results", "dev", "risk")), "results.dev.risk is missing"),
    "a set named as a path": (
        in_json("run.json", lambda c: putting(c["results"]["dev"], "results", "../dev")(c)),
        "run.json: results"),
    "versions are a text": (
        in_json("run.json", putting("torch", "versions")), "run.json: versions"),
    "an accuracy of 5": (
        in_json("run.json", putting(5.0, "results", "dev", "metrics", "accuracy")),
        "results.dev.metrics.accuracy is 5.0"),
    "more shared texts than examples": (
        in_json("run.json", putting({"exact": 1, "alike": 999}, "results", "dev", "overlap")),
        "overlap is 1 word for word and 999"),
    "an accuracy that contradicts the error": (
        in_json("run.json", putting(0.5, "results", "dev", "metrics", "accuracy")),
        "contradicts risk.zero_one_error"),
    "a count that is not the table's": (
        in_json("run.json", putting(31, "results", "dev", "examples")), "it has 30 rows"),
    "another training size": (
        in_json("run.json", putting(41, "train_examples")), "train_examples is 41"),
    "a metric that is not there": (
        in_json("run.json", putting("mcc", "primary_metric")), "lacks mcc"),
    "another teacher": (
        in_json("run.json", putting("0" * 12, "teacher_id")), "teacher_id is 000000000000"),
    "another id": (in_json("run.json", putting("0" * 12, "id")), "id is 000000000000"),
    "another seed": (in_json("spec.json", putting(7, "seed")), "spec.json: it specifies the run"),
    "another setting": (
        in_json("spec.json", putting(2.0, "student", "temperature")),
        "spec.json: it specifies the run"),
    "a risk that is not the table's": (
        in_json("run.json", putting(3.0, "results", "dev", "risk", "cross_entropy")),
        "the mean of cross_entropy"),
    "a curve that is no list": (text_in("history.json", "{}"), "history.json"),
    "a curve with a text": (
        in_json("history.json", lambda curve: curve[0].update(loss="low")), "history.json: 0.loss"),
    "errors of 5": (
        in_table(DEV, lambda t: nudged(t, "zero_one_error", lambda _: 5.0)),
        f"{DEV}: zero_one_error in row 0 is '5.0'"),
    "an error where none was made": (
        in_table(DEV, lambda t: nudged(t, "zero_one_error", lambda error: 1.0 - error)),
        f"{DEV}: zero_one_error in row 0"),
    "an entropy that the logits do not have": (
        in_table(DEV, lambda t: nudged(t, "cross_entropy", lambda loss: loss + 0.1)),
        f"{DEV}: cross_entropy in row 0"),
    "an infinite logit": (
        in_table(DEV, lambda t: nudged(t, "logits", lambda row: row * np.float32(np.inf))),
        f"{DEV}: logits in row 0 is not finite"),
    "logits of unequal length": (
        in_table(DEV, lambda t: nudged(t, "logits", lambda row: row[:1])),
        f"{DEV}: the lists in column logits"),
    "a label of no class": (
        in_table(DEV, lambda t: nudged(t, "label", lambda _: 7)), f"{DEV}: label in row 0"),
    "a prediction that is not the logits'": (
        in_table(DEV, lambda t: nudged(t, "prediction", lambda label: 1 - label)),
        f"{DEV}: prediction in row 0"),
    "an example twice": (
        in_table(DEV, repeated), f"{DEV}: its example ids or labels are not those"),
    "other ids": (
        in_table(DEV, lambda t: t.assign(example_id=[f"x-{n}" for n in range(len(t))])),
        f"{DEV}: its example ids or labels are not those"),
    "rows twice": (in_table(DEV, lambda t: pd.concat([t, t])), f"{DEV}: it has 60 rows"),
    "a missing column": (
        in_table(DEV, lambda t: t.drop(columns="label")), "column label is missing"),
    "labels that are texts": (
        in_table(DEV, lambda t: t.assign(label=t["label"].astype(str))), f"{DEV}: column label is"),
    "gaps": (
        in_table(DEV, lambda t: nudged(t, "cross_entropy", lambda _: None)),
        f"{DEV}: column cross_entropy has gaps"),
    "groups in the remainder alone": (
        in_table("examples/train.parquet", lambda table: table.drop(columns="group")),
        "examples/train.parquet: it has no column group, and examples/remainder.parquet has"),
    "groups in the training subset alone": (
        in_table("examples/remainder.parquet", lambda table: table.drop(columns="group")),
        "examples/remainder.parquet: it has no column group, and examples/train.parquet has"),
    "no parquet": (text_in(DEV, "PAR1"), f"{DEV}: it is no readable parquet file"),
    "no table": (lambda folder: (folder / DEV).unlink(), f"{DEV}: it is missing"),
    "encodings of other points": (
        in_table("latent.parquet", lambda t: t.assign(partner_id="train-99")),
        "latent.parquet: partner_id in row 0"),
    "a share of 2": (
        in_table("latent.parquet", lambda t: nudged(t, "mixing_coefficient", lambda _: 2.0)),
        "latent.parquet: mixing_coefficient in row 0"),
    "no encodings": (
        lambda folder: ((folder / "latent.parquet").unlink(), seal(folder))[1],
        "manifest.json: it does not list latent.parquet"),
    "no weights": (
        lambda folder: (folder / "model" / "model.safetensors").unlink(),
        "model/model.safetensors: it is missing"),
}  # fmt: skip


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize("kind", HARMS)
def test_a_harmed_run_is_damaged_wherever_one_looks_and_the_others_stay(
    store: Path, kind: str
) -> None:
    gaps = load_evidence(store).gaps
    (folder,) = store.glob("*-kd-*")
    spec = next(run.record.spec for run in survey(store, whole=True).runs if run.record
                and run.name == folder.name)  # fmt: skip
    harm, said = HARMS[kind]
    harm(folder)
    found = {run.name: run for run in survey(store, whole=True).runs}
    assert {run.state for run in found.values() if run.name != folder.name} == {"finished"}
    assert found[folder.name].state == "damaged"
    assert said in found[folder.name].reason
    evidence = load_evidence(store)
    entry = next(entry for entry in evidence.entries if entry.name == folder.name)
    assert (entry.state, entry.reason) == ("damaged", found[folder.name].reason)
    others = gaps[gaps["run"] != spec.id].reset_index(drop=True)
    pd.testing.assert_frame_equal(evidence.gaps[list(gaps.columns)], others, check_dtype=False)
    if "version" not in said:
        assert find_record(store, spec) is None, "it would be used as a teacher"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def changed_somewhere(content: Any, data: st.DataObject) -> Any:
    """A JSON document with one of its parts replaced by anything."""
    if isinstance(content, dict) and content and data.draw(st.integers(0, 4)):
        name = data.draw(st.sampled_from(sorted(content)))
        return content | {name: changed_somewhere(content[name], data)}
    if isinstance(content, list) and content and data.draw(st.integers(0, 4)):
        place = data.draw(st.integers(0, len(content) - 1))
        return [*content[:place], changed_somewhere(content[place], data), *content[place + 1 :]]
    return data.draw(JSON)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_json_file_holds_nobody_stumbles(store: Path, data: st.DataObject) -> None:
    """Changed anywhere and sealed again, a file is believed only where it says what it said."""
    (folder,) = (path for path in store.glob("*-kd-*") if path.is_dir())
    before = load_evidence(store)
    name = data.draw(
        st.sampled_from(["spec.json", "run.json", "history.json", "manifest.json", "../plan"])
    )
    path = folder / name
    if name == "../plan":
        path = store / "studies" / "plan.json"
        path.parent.mkdir(exist_ok=True)
        entry = {"folder": folder.name, "labels": ["kd"]}
        path.write_text(json.dumps({"study": "plan", "runs": {folder.name[-12:]: entry}}))
    kept, manifest = path.read_text(), (folder / "manifest.json").read_text()
    try:
        path.write_text(json.dumps(changed_somewhere(json.loads(kept), data)))
        if name not in ("manifest.json", "../plan"):
            seal(folder)
        states = {run.name: run.state for run in survey(store, whole=True).runs}
        assert states[folder.name] in ("finished", "damaged")
        evidence = load_evidence(store)
        for column in ("empirical", "generalization"):
            after = evidence.gaps.set_index(["run", "set", "loss"])[column]
            known = before.gaps.set_index(["run", "set", "loss"])[column]
            assert (after == known.loc[after.index]).all(), "a number changed in silence"
    finally:
        path.write_text(kept)
        (folder / "manifest.json").write_text(manifest)
        if name == "../plan":
            path.unlink()


@pytest.mark.slow
def test_every_command_names_it_and_goes_on(store: Path, tmp_path: Path) -> None:
    (folder,) = store.glob("*-kd-*")
    HARMS["errors of 5"][0](folder)
    (store / "x-e-s0-kd-0123456789ab").mkdir()
    (store / "sst2-0.01-s\u0660-kd-0123456789ab").mkdir()
    os.mkdir(os.fsencode(store) + b"/caf\xe9\x1b[2J-1-s0-kd-0123456789ab")
    (store / "studies").mkdir()
    (store / "studies" / "bad.json").write_text(
        '{"study": "bad", "runs": {"0123456789ab": {"folder": "no run"}}}'
    )
    for words in (
        ("status", store),
        ("gaps", store),
        ("claims", store),
        ("report", store, "-o", tmp_path / "report"),
    ):
        status, printed = call(*words)
        assert status == 0, printed
        assert "damaged" in printed
        assert "examples/dev.parquet: zero_one_error in row 0 is '5.0'" in printed
        assert "x-e-s0-kd-0123456789ab looks like a run's" in printed
        assert "caf\\xe9\\x1b[2J-1-s0-kd-0123456789ab looks like a run's" in printed
        assert "bad.json is damaged (runs.0123456789ab.folder is 'no run'" in printed
        assert "\x1b" not in printed
    (store / "studies" / "bad.json").unlink()
    status, printed = call("export", store, "-o", tmp_path / "results")
    assert status == 0, printed
    assert "zero_one_error in row 0 is '5.0'" in printed
    assert "zero_one_error in row 0 is '5.0'" in (tmp_path / "results" / "runs.csv").read_text()


def test_a_run_under_anothers_name_is_not_taken_for_it(store: Path, write_run: Any) -> None:
    (kd,), (ft,) = store.glob("*-kd-*"), store.glob("*-ft-*")
    spec = find_record_spec(ft)
    shutil.rmtree(ft)
    kd.rename(ft)
    found = {run.name: run for run in survey(store, whole=True).runs}
    assert found[ft.name].state == "damaged"
    assert f"spec.json: it specifies the run {kd.name}" in found[ft.name].reason
    assert find_record(store, spec) is None


def find_record_spec(folder: Path) -> Any:
    return next(run.record.spec for run in survey(folder.parent, whole=False).runs
                if run.record and run.name == folder.name)  # fmt: skip


def test_a_copy_under_another_task_does_not_take_the_place_of_a_run(store: Path) -> None:
    (kd,) = store.glob("*-kd-*")
    shutil.copytree(kd, kd.with_name("a" + kd.name))
    found = survey(store, whole=True)
    assert {run.state for run in found.runs} == {"finished"}
    (sentence,) = found.unreadable
    assert sentence.startswith(f"the folder a{kd.name} has the id of the run {kd.name}")


def test_runs_of_an_earlier_version_on_other_examples_are_not_averaged(store: Path) -> None:
    """Without a digest in run.json the others on the same data, fraction and seed tell."""

    def forget(content: Any) -> None:
        for result in content["results"].values():
            del result["digest"]

    (kd,) = store.glob("*-kd-*")
    for folder in store.iterdir():
        in_json("run.json", forget)(folder)
    HARMS["other ids"][0](kd)
    states = {run.name: run.state for run in survey(store, whole=True).runs}
    assert states[kd.name] == "damaged"
    assert sorted(states.values()) == ["damaged", "finished", "finished"]
    entries = {entry.name: entry for entry in load_evidence(store).entries}
    assert entries[kd.name].state == "damaged"
    assert "not those of other runs" in entries[kd.name].reason


def taught(change: Callable[[Any], Any]) -> Harm:
    """Change the logits that a student's teacher gave, and all that follows from them."""

    def harm(folder: Path) -> None:
        table = pd.read_parquet(folder / DEV)
        theirs = change(np.stack(table["teacher_logits"].to_list())).astype(np.float32)
        own = np.stack(table["logits"].to_list()).astype(np.float64)
        table["teacher_logits"] = list(theirs)
        table["distillation_distance"] = ((own - theirs) ** 2).mean(axis=1)
        table.to_parquet(folder / DEV, index=False)
        mean = float(table["distillation_distance"].mean())
        in_json("run.json", putting(mean, "results", "dev", "risk", "distillation_distance"))(
            folder
        )

    return harm


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda logits: logits[::-1], "damaged"),
        (lambda logits: -logits, "damaged"),
        (lambda logits: 0.9 * logits, "damaged"),
        (lambda logits: np.concatenate([logits[1:2], logits[:1], logits[2:]]), "damaged"),
        (lambda logits: logits * (1 + 1e-5), "finished"),
    ],
    ids=["another order", "another sign", "a little smaller", "two rows swapped", "rounding"],
)
def test_a_students_teacher_is_the_teacher_of_the_store(
    store: Path, change: Callable[[Any], Any], state: str
) -> None:
    (kd,), (teacher,) = store.glob("*-kd-*"), store.glob("*-teacher-*")
    taught(change)(kd)
    found = {run.name: run for run in survey(store, whole=True).runs}
    assert found[kd.name].state == state, found[kd.name].reason
    entries = {entry.name: entry for entry in load_evidence(store).entries}
    assert entries[kd.name].state == state
    if state == "damaged":
        assert f"its teacher's run {teacher.name} holds" in entries[kd.name].reason
    # Without the teacher nobody can tell.
    shutil.rmtree(teacher)
    found = {run.name: run for run in survey(store, whole=True).runs}
    assert found[kd.name].state == "finished"


def with_another_class(folder: Path) -> None:
    """A student of one class more than its teacher has, sealed as if it had been made so."""
    table = pd.read_parquet(folder / DEV)
    for name in ("logits", "teacher_logits"):
        table[name] = [np.append(row, np.float32(-30)) for row in table[name]]
    own, theirs = (np.stack(table[name].to_list()) for name in ("logits", "teacher_logits"))
    table["distillation_distance"] = ((own.astype(float) - theirs) ** 2).mean(axis=1)
    table.to_parquet(folder / DEV, index=False)
    mean = float(table["distillation_distance"].mean())
    in_json("run.json", putting(mean, "results", "dev", "risk", "distillation_distance"))(folder)


def test_a_student_of_more_classes_than_its_teacher_has_is_damaged(store: Path) -> None:
    (kd,) = store.glob("*-kd-*")
    with_another_class(kd)
    found = {run.name: run for run in survey(store, whole=True).runs}
    assert found[kd.name].state == "damaged"
    assert {entry.name: entry for entry in load_evidence(store).entries}[kd.name].state == "damaged"


def test_files_that_may_not_be_read_are_named_and_never_replaced(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kd,) = store.glob("*-kd-*")
    spec = find_record_spec(kd)
    closed = kd / "run.json"
    opened = os.open

    def guarded(path: Any, *args: Any, **kwargs: Any) -> int:
        if Path(os.fsdecode(path)) == closed:
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", guarded)
    states = {run.name: run for run in survey(store, whole=True).runs}
    assert states[kd.name].state == "damaged"
    assert "run.json: it cannot be read (Permission denied)" in states[kd.name].reason
    with pytest.raises(ValueError, match="ask its owner for permission"):
        find_record(store, spec)


def test_a_folder_that_may_not_be_looked_into_hides_no_other(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kd,) = store.glob("*-kd-*")
    closed = store / "sst2-0.01-s9-kd-0123456789ab.partial"
    closed.mkdir()
    spec = find_record_spec(kd)
    looked, opened = os.stat, os.open

    def guarded(original: Any) -> Any:
        def look(path: Any, *args: Any, **kwargs: Any) -> Any:
            inside = not isinstance(path, int) and Path(os.fsdecode(path)).parent in (kd, closed)
            if inside:
                raise PermissionError(13, "Permission denied")
            return original(path, *args, **kwargs)

        return look

    monkeypatch.setattr(os, "stat", guarded(looked))
    monkeypatch.setattr(os, "open", guarded(opened))
    states = {run.name: run for run in survey(store, whole=True).runs}
    assert states[kd.name].state == "damaged"
    assert "cannot be read (Permission denied)" in states[kd.name].reason
    assert states[closed.name.removesuffix(".partial")].state == "unfinished"
    assert sum(run.state == "finished" for run in states.values()) == 2
    with pytest.raises(ValueError, match="ask its owner for permission"):
        find_record(store, spec)
