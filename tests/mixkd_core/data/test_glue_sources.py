"""GLUE in the official layout of files, and on the hub: the same data either way."""

from pathlib import Path

import datasets
import pytest

from mixkd_core.data.sources import (
    check_sizes,
    load_glue_folder,
    load_glue_test,
    load_hub_test,
    load_task_data,
)
from mixkd_core.data.tasks import EMBEDDED, GLUE, RESPLIT, find_task
from mixkd_core.errors import InputError

# The header of the official labelled files (CoLA has none), their fields for two examples, and
# what must be read from them: texts and label.
A, B = 'a "quoted start', "  second text . "
MNLI_HEAD = (
    "index promptID pairID genre sentence1_binary_parse sentence2_binary_parse sentence1_parse "
    "sentence2_parse sentence1 sentence2 label1"
)
PARSES = ("0", "p", "q", "fiction", "( a )", "( b )", "(ROOT a)", "(ROOT b)")
OFFICIAL: dict[str, tuple[str, str, list[tuple[str, ...]], list[int | float]]] = {
    "cola": ("CoLA", "", [("gj04", "1", "", A), ("gj04", "0", "*", B)], [1, 0]),
    "sst2": ("SST-2", "sentence label", [(A, "1"), (B, "0")], [1, 0]),
    "mrpc": (
        "MRPC",
        "Quality,#1 ID,#2 ID,#1 String,#2 String",
        [("1", "70", "71", A, B), ("0", "72", "73", B, A)],
        [1, 0],
    ),
    "qqp": (
        "QQP",
        "id qid1 qid2 question1 question2 is_duplicate",
        [("9", "1", "2", A, B, "0"), ("8", "3", "4", B, A, "1")],
        [0, 1],
    ),
    "stsb": (
        "STS-B",
        "index genre filename year old_index source1 source2 sentence1 sentence2 score",
        [
            ("0", "g", "f", "2012", "1", "none", "none", A, B, "5.000"),
            ("1", "g", "f", "2012", "4", "none", "none", B, A, "0.4"),
        ],
        [5.0, 0.4],
    ),
    "mnli": (
        "MNLI",
        f"{MNLI_HEAD} gold_label",
        [
            (*PARSES, A, B, "neutral", "neutral"),
            (*PARSES, B, A, "entailment", "contradiction"),
        ],
        [1, 2],
    ),
    "qnli": (
        "QNLI",
        "index question sentence label",
        [("0", A, B, "entailment"), ("1", B, A, "not_entailment")],
        [0, 1],
    ),
    "rte": (
        "RTE",
        "index sentence1 sentence2 label",
        [("0", A, B, "not_entailment"), ("1", B, A, "entailment")],
        [1, 0],
    ),
    "wnli": (
        "WNLI",
        "index sentence1 sentence2 label",
        [("0", A, B, "1"), ("1", B, A, "0")],
        [1, 0],
    ),
}


def header_of(head: str) -> list[str]:
    return head.split("," if "," in head else " ") if head else []


def in_split(text: str, split: str) -> str:
    return text if split == "train" else f"{text} of {split}"


def write_glue(root: Path, name: str, extra_line: str = "") -> Path:
    """The task's official files, small; ``extra_line`` is added to the training file."""
    folder, head, rows, _ = OFFICIAL[name]
    header = header_of(head)
    lines = [*(["\t".join(header)] if header else []), *("\t".join(row) for row in rows)]
    (root / folder).mkdir()
    for split in ("train", *GLUE[name].evaluation_splits):
        # The evaluation sets hold other texts than the training file.
        head_lines = [line.replace(A, in_split(A, split)) for line in lines]
        # MNLI's development files carry five annotators' labels instead of one.
        if name == "mnli" and split != "train":
            head_lines = [
                line.replace("label1", "label1\tlabel2").replace("gold", "label5\tgold")
                if number == 0
                else f"{line.rsplit(chr(9), 1)[0]}\tx\ty\t{line.rsplit(chr(9), 1)[1]}"
                for number, line in enumerate(head_lines)
            ]
        extra = [extra_line] if extra_line and split == "train" else []
        text = "\n".join([*head_lines, *extra]) + "\n"
        (root / folder / f"{split}.tsv").write_text(text, encoding="utf-8")
    return root / folder / "train.tsv"


@pytest.mark.parametrize("name", GLUE)
def test_the_official_layout_of_every_task(tmp_path: Path, name: str) -> None:
    write_glue(tmp_path, name)
    data = load_glue_folder(GLUE[name], tmp_path)
    assert set(data.evaluation) == set(GLUE[name].evaluation_splits)
    for split, examples in {"train": data.train, **data.evaluation}.items():
        assert examples["example_id"][:] == [f"{split}-0", f"{split}-1"]
        assert examples["label"][:] == OFFICIAL[name][3]
        assert examples["text"][:] == [in_split(A, split), B.strip()]
        assert ("text_pair" in examples.column_names) == GLUE[name].is_pair
        if GLUE[name].is_pair:
            assert examples["text_pair"][:] == [B.strip(), in_split(A, split)]
        assert examples.features["label"].dtype == (
            "float64" if GLUE[name].is_regression else "int64"
        )
    assert str(tmp_path) not in data.origin
    assert data.fresh is None


def test_cola_has_a_header_in_its_test_file_only(tmp_path: Path) -> None:
    write_glue(tmp_path, "cola")
    (tmp_path / "CoLA" / "test.tsv").write_text("index\tsentence\n0\tBill slept.\n")
    test = load_glue_test(GLUE["cola"], tmp_path)["test"]
    assert test[:] == {"example_id": ["test-0"], "text": ["Bill slept."]}


def test_mnli_has_two_test_files(tmp_path: Path) -> None:
    (tmp_path / "MNLI").mkdir()
    for split in ("test_matched", "test_mismatched"):
        text = "\t".join(MNLI_HEAD.split()[:-1]) + "\n" + "\t".join((*PARSES, "x", split))
        (tmp_path / "MNLI" / f"{split}.tsv").write_text(text)
    tests = load_glue_test(GLUE["mnli"], tmp_path)
    assert {name: test["text_pair"][0] for name, test in tests.items()} == {
        "test_matched": "test_matched",
        "test_mismatched": "test_mismatched",
    }


def test_byte_order_marks_and_carriage_returns_are_dropped(tmp_path: Path) -> None:
    path = write_glue(tmp_path, "mrpc")
    plain = load_glue_folder(GLUE["mrpc"], tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_glue_folder(GLUE["mrpc"], tmp_path).fingerprint == plain.fingerprint


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    write_glue(tmp_path, "sst2", "one\x0btwo\x85three\u2028four\t1")
    assert (
        load_glue_folder(GLUE["sst2"], tmp_path).train["text"][2] == "one\x0btwo\x85three\u2028four"
    )


def test_qqps_broken_rows_are_left_out_but_counted(tmp_path: Path) -> None:
    write_glue(tmp_path, "qqp", "7\t1\t2\tonly half a row\n6\t1\t2\twhole\trow\t1")
    data = load_glue_folder(GLUE["qqp"], tmp_path)
    # The row after the broken one keeps the number that the hub gives it.
    assert data.train["example_id"][:] == ["train-0", "train-1", "train-3"]
    assert "left out 1 rows" in data.remarks[0]


@pytest.mark.parametrize(
    ("task", "extra_line", "complaint"),
    [
        ("mrpc", "1\t70\t71\tonly one text", r"train.tsv, line 4: found 4 fields, expected 5"),
        ("sst2", "a\tb\t1", r"train.tsv, line 4: found 3 fields, expected 2"),
        ("cola", "gj04\t1\tno mark", r"train.tsv, line 3: found 3 fields, expected 4"),
        ("rte", "2\ta\tb\tmaybe", r"line 4: unknown label 'maybe'.*'entailment'"),
        ("sst2", "text\t2", r"line 4: unknown label '2'.*'negative', 'positive', '0', '1'"),
        ("sst2", "text\t", r"train.tsv holds 1 row without a label \(line 4\)"),
        ("stsb", "\t".join([*"0123456", "a", "b", "high"]), "line 4: the label 'high' is not a"),
        ("stsb", "\t".join([*"0123456", "a", "b", "nan"]), "line 4: the label 'nan' is not a"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(
    tmp_path: Path, task: str, extra_line: str, complaint: str
) -> None:
    write_glue(tmp_path, task, extra_line)
    with pytest.raises(InputError, match=complaint):
        load_glue_folder(GLUE[task], tmp_path)


def test_a_missing_file_says_the_expected_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"RTE/train.tsv.*RTE/ with train.tsv, dev.tsv"):
        load_glue_folder(GLUE["rte"], tmp_path)
    write_glue(tmp_path, "mnli")
    (tmp_path / "MNLI" / "dev_mismatched.tsv").unlink()
    with pytest.raises(InputError, match=r"no file .*dev_mismatched.tsv"):
        load_glue_folder(GLUE["mnli"], tmp_path)
    with pytest.raises(InputError, match="not one of GLUE's"):
        load_glue_folder(EMBEDDED["embedded-sentiment"], tmp_path)


def test_an_empty_split_and_a_wrong_header_are_refused(tmp_path: Path) -> None:
    path = write_glue(tmp_path, "rte")
    path.write_text("index\tsentence1\tsentence2\tlabel\n")
    with pytest.raises(InputError, match=r"train.tsv holds no examples"):
        load_glue_folder(GLUE["rte"], tmp_path)
    path.write_text("index\tpremise\tsentence2\tlabel\n0\ta\tb\tentailment\n")
    with pytest.raises(InputError, match=r"no column 'sentence1'.*'index', 'premise'"):
        load_glue_folder(GLUE["rte"], tmp_path)
    path.write_text("")
    with pytest.raises(InputError, match="is empty"):
        load_glue_folder(GLUE["rte"], tmp_path)
    path.write_bytes(b"index\tsentence1\tsentence2\tlabel\n0\t\xff\tb\tentailment\n")
    with pytest.raises(InputError, match="not UTF-8"):
        load_glue_folder(GLUE["rte"], tmp_path)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("index\tsentence1\tsentence2", "0\ta\tb", "dev.tsv has no column 'label', so its exam"),
        ("index\tsentence1\tsentence2\tlabel", "0\ta\tb\t-1", "line 2: the label '-1' stands for"),
        ("index\tsentence1\tsentence2\tlabel", "0\ta\tb\t", "dev.tsv holds 1 row without a label"),
    ],
)
def test_a_development_set_without_labels_is_refused(
    header: str, row: str, said: str, tmp_path: Path
) -> None:
    train = write_glue(tmp_path, "rte")
    (train.parent / "dev.tsv").write_text(f"{header}\n{row}\n")
    with pytest.raises(InputError, match=said):
        load_glue_folder(GLUE["rte"], tmp_path)


def hub_rte(order: list[str]) -> datasets.DatasetDict:
    """What the hub would give for the two RTE examples, its classes in the given order."""
    features = datasets.Features(
        sentence1=datasets.Value("string"),
        sentence2=datasets.Value("string"),
        label=datasets.ClassLabel(names=order),
        idx=datasets.Value("int32"),
    )
    splits = {}
    for name, there in (("train", "train"), ("dev", "validation")):
        rows = {
            "sentence1": [in_split(A, name), B],
            "sentence2": [B, in_split(A, name)],
            "label": ["not_entailment", "entailment"],
            "idx": [0, 1],
        }
        splits[there] = datasets.Dataset.from_dict(rows, features=features)
    return datasets.DatasetDict(splits)


@pytest.mark.parametrize(
    "order", [["entailment", "not_entailment"], ["not_entailment", "entailment"]]
)
def test_the_hub_and_a_folder_give_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: list[str]
) -> None:
    asked: list[tuple[str, str]] = []

    def load_dataset(path: str, config: str) -> datasets.DatasetDict:
        asked.append((path, config))
        return hub_rte(order)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    write_glue(tmp_path, "rte")
    hub, folder = load_task_data(GLUE["rte"]), load_task_data(GLUE["rte"], data_dir=tmp_path)
    assert asked == [("nyu-mll/glue", "rte")]
    assert hub.fingerprint == folder.fingerprint
    assert hub.origin != folder.origin


def test_test_sets_from_the_hub_have_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    features = datasets.Features(
        sentence=datasets.Value("string"),
        label=datasets.ClassLabel(names=["negative", "positive"]),
        idx=datasets.Value("int32"),
    )
    rows = {"sentence": ["fine", "dull"], "label": [-1, -1], "idx": [0, 1]}
    splits = datasets.DatasetDict(test=datasets.Dataset.from_dict(rows, features=features))
    monkeypatch.setattr(datasets, "load_dataset", lambda path, config: splits)
    test = load_hub_test(GLUE["sst2"])["test"]
    assert test[:] == {"example_id": ["test-0", "test-1"], "text": ["fine", "dull"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "train", "dev", "test", "ones"),
    [
        ("sst2", 67349, 872, 1821, 37569),
        ("mrpc", 3668, 408, 1725, 2474),
        ("rte", 2490, 277, 3000, 1241),
    ],
)
def test_real_glue(glue_dir: Path, name: str, train: int, dev: int, test: int, ones: int) -> None:
    data = load_task_data(GLUE[name], data_dir=glue_dir)
    assert (len(data.train), len(data.evaluation["dev"])) == (train, dev)
    assert sum(data.train["label"]) == ones
    assert len(load_glue_test(GLUE[name], glue_dir)["test"]) == test


def test_a_partial_official_folder_is_called_so(tmp_path: Path) -> None:
    write_glue(tmp_path, "rte")
    data = load_glue_folder(GLUE["rte"], tmp_path)
    assert data.remarks[0] == (
        "Not the official files of rte: train has 2 examples instead of 2,490, dev has 2 examples "
        "instead of 277; a number from here must not stand beside a published one."
    )
    assert data.origin == "GLUE folder RTE (not the official splits)"


@pytest.mark.parametrize("name", GLUE)
def test_official_sizes_need_no_remark(name: str) -> None:
    task = GLUE[name]
    assert check_sizes(task, task.sizes) == []
    assert list(task.sizes) == ["train", *task.evaluation_splits]
    short = {**task.sizes, "train": task.sizes["train"] - 1}
    assert check_sizes(task, short) != []


@pytest.mark.parametrize("name", RESPLIT)
def test_official_and_re_split_folders_are_told_apart(name: str) -> None:
    resplit, official = RESPLIT[name], GLUE[name.removesuffix("-resplit")]
    assert name.endswith("-resplit")
    assert find_task(name) is resplit
    assert resplit.tsv == official.tsv
    assert resplit.hub_path is None
    (said,) = check_sizes(official, resplit.sizes)
    assert f"these are the splits of task {name!r}" in said
    (said,) = check_sizes(resplit, official.sizes)
    assert f"these are the splits of task {official.name!r}" in said
    with pytest.raises(InputError, match="not on the hub; give its folder by --data-dir"):
        load_task_data(resplit)


@pytest.mark.slow
@pytest.mark.parametrize("name", RESPLIT)
def test_real_re_split_folders(glue_dir: Path, name: str) -> None:
    folder = glue_dir.with_name("glue-resplit")
    if not folder.is_dir():
        pytest.skip("the re-split GLUE tasks are not there: no folder ../shared/data/glue-resplit")
    data = load_task_data(RESPLIT[name], data_dir=folder)
    assert not any("Not the" in remark for remark in data.remarks)
    assert data.origin.endswith("(not the official splits)")
