"""A labelled test set is read from any format, and is no part of what a run is."""

import json
from pathlib import Path

import pytest

from mixkd_core.data.labelled_test import with_labelled_test
from mixkd_core.data.own_data import load_files
from mixkd_core.data.sources import load_embedded, load_glue_folder, load_task_data
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import GLUE, Task
from mixkd_core.errors import InputError

TREEBANK = "0 no movement , no yuks\n1 a gob of  joy\n1 good 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("SST-2", "fine film\t1\nbad film\t0\n"),):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.tsv").write_text("sentence\tlabel\n" + rows)
        (tmp_path / name / "dev.tsv").write_text("sentence\tlabel\nnew film\t1\nold film\t0\n")
    return tmp_path


@pytest.fixture
def data(folder: Path) -> TaskData:
    return load_glue_folder(GLUE["sst2"], folder)


def test_the_treebanks_lines_are_labels_and_texts(data: TaskData, tmp_path: Path) -> None:
    path = tmp_path / "stsa.binary.test"
    path.write_text(TREEBANK)
    tested = with_labelled_test(data, path)
    assert tested.test is not None
    assert list(tested.test["label"]) == [0, 1, 1]
    assert list(tested.test["text"]) == ["no movement , no yuks", "a gob of  joy", "good 1"]
    assert list(tested.test["example_id"]) == ["test-0", "test-1", "test-2"]
    assert "group" in tested.test.column_names
    assert tested.fingerprint == data.fingerprint, "finished runs are found as before"
    assert tested.evaluation.keys() == data.evaluation.keys()
    assert tested.test_origin == "file stsa.binary.test"


def test_every_format_gives_the_same_set(data: TaskData, tmp_path: Path) -> None:
    rows = [line.split(" ", 1) for line in TREEBANK.splitlines()]
    (tmp_path / "lines").write_text(TREEBANK)
    (tmp_path / "t.tsv").write_text(
        "sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for label, text in rows)
    )
    (tmp_path / "t.jsonl").write_text(
        "".join(
            json.dumps({"sentence": text, "label": ["negative", "positive"][int(label)]}) + "\n"
            for label, text in rows
        )
    )
    sets = []
    for name in ("lines", "t.tsv", "t.jsonl"):
        test = with_labelled_test(data, tmp_path / name).test
        assert test is not None
        sets.append(test.to_dict())
    assert sets[0] == sets[1] == sets[2]


def test_what_is_shared_with_the_training_data_is_said(data: TaskData, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("1 Fine film\n0 another\n")
    assert "1 of the 2 examples of test are in the training data" in " ".join(
        with_labelled_test(data, path).remarks
    )
    path.write_text("1 fine film\n")
    with pytest.raises(InputError, match="nothing there is held out"):
        with_labelled_test(data, path)


def test_wrong_files_are_refused_in_a_sentence(
    data: TaskData, folder: Path, tmp_path: Path
) -> None:
    unlabelled = tmp_path / "test.tsv"
    unlabelled.write_text("index\tsentence\n0\tgood film\n")
    lines = tmp_path / "lines"
    lines.write_text("good film\n")
    for path, said in (
        (unlabelled, "no column 'label' for the labels"),
        (tmp_path / "none", "There is no file"),
        (lines, "line 1: .*'good'"),
    ):
        with pytest.raises(InputError, match=said):
            with_labelled_test(data, path)
    (folder / "RTE").mkdir()
    for split in ("train", "dev"):
        (folder / "RTE" / f"{split}.tsv").write_text(
            "index\tsentence1\tsentence2\tlabel\n"
            f"0\ta {split}\tb\tentailment\n1\tc\td {split}\tnot_entailment\n"
        )
    with pytest.raises(InputError, match="not a label and two texts, tabs between"):
        load_task_data(GLUE["rte"], data_dir=folder, test_file=lines)
    with pytest.raises(InputError, match="new draws of its law"):
        with_labelled_test(load_embedded("embedded-sentiment", train_size=9, dev_size=9), lines)


def test_a_task_of_ones_own_has_its_own_columns(tmp_path: Path) -> None:
    task = Task("mine", ("message",), "queue", ("sales", "help"))
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.csv").write_text(
            f"message,queue\n{name} one,sales\n{name} two,help\n{name} three,\n"
        )
    own = load_task_data(
        task,
        train_file=tmp_path / "train.csv",
        evaluation_files={"dev": tmp_path / "dev.csv"},
        drop_empty=True,
        test_file=tmp_path / "test.csv",
    )
    assert own.test is not None
    assert list(own.test["label"]) == [0, 1]
    named = load_files(
        task, tmp_path / "train.csv", {"test": tmp_path / "dev.csv"}, drop_empty=True
    )
    with pytest.raises(InputError, match="have a set 'test' already"):
        with_labelled_test(named, tmp_path / "test.csv", drop_empty=True)
