"""The commands `train`, `doctor` and `demo` as a user meets them."""

import re
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification

from experiments.cli import main
from mixkd_core.networks.checkpoints import load_tokenizer
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.networks.students import student_from_layers
from mixkd_core.records.run_folder import find_records

BRIEF = [
    "--epochs",
    "1",
    "--teacher-epochs",
    "1",
    "--batch-size",
    "16",
    "--precision",
    "fp32",
    "--remainder-size",
    "20",
]


def mixkd(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `mixkd` with these arguments, in this process."""
    monkeypatch.setattr(sys, "argv", ["mixkd", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded_encoder(tmp_path_factory.mktemp("encoder"), seed=0)


@pytest.fixture
def own_files(tmp_path: Path) -> list[str]:
    for name, count in (("train", 60), ("dev", 20)):
        rows = [
            f"the film of {name} was {'great' if row % 2 else 'awful'} {row},"
            f"{'help' if row % 2 else 'sales'}"
            for row in range(count)
        ]
        (tmp_path / f"{name}.csv").write_text("message,queue\n" + "\n".join(rows) + "\n")
    return [
        "--task",
        "tickets",
        "--train-file",
        str(tmp_path / "train.csv"),
        "--dev-file",
        str(tmp_path / "dev.csv"),
        *["--text-column", "message", "--label-column", "queue", "--labels", "sales,help"],
    ]


@pytest.mark.slow
def test_training_on_ones_own_file(
    encoder: Path,
    own_files: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [
        "train",
        *own_files,
        *BRIEF,
        *f"--teacher {encoder} --out {tmp_path / 'runs'} --method kd --weight sm=0.5".split(),
        *["--fraction", "0.5", "--layers", "alternate", "--student-layers", "2"],
    ]
    assert mixkd(monkeypatch, *arguments) == 0
    printed = capsys.readouterr().out
    assert "objective: L = 1 mle + 1 kd + 0.5 sm" in printed
    assert "layers 2, 4 of the fine-tuned teacher" in printed
    assert "tickets, measured on remainder (20 examples)" in printed
    student, teacher = sorted(
        find_records(tmp_path / "runs"), key=lambda record: record.spec.method == "teacher"
    )
    assert str(student.folder) in printed
    assert student.spec.seed == teacher.spec.seed == 0
    loaded = AutoModelForSequenceClassification.from_pretrained(student.model_folder)
    assert loaded.config.id2label == {0: "sales", 1: "help"}
    assert mixkd(monkeypatch, *arguments) == 0
    assert "nothing is left to train" in capsys.readouterr().out


@pytest.mark.slow
def test_half_the_teachers_layers_by_default(
    encoder: Path, own_files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "runs"
    assert mixkd(monkeypatch, "train", *own_files, *BRIEF, "--teacher", encoder, "--out", out) == 0
    assert {record.summary["layers"] for record in find_records(out)} == {4, 2}


@pytest.mark.slow
def test_a_teacher_of_one_layer_has_a_student_of_one(
    encoder: Path, own_files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shallow, out = tmp_path / "shallow", tmp_path / "runs"
    network = AutoModelForSequenceClassification.from_pretrained(encoder)
    student_from_layers(network, [0]).base_model.save_pretrained(shallow)
    load_tokenizer(encoder).save_pretrained(shallow)
    assert mixkd(monkeypatch, "train", *own_files, *BRIEF, "--teacher", shallow, "--out", out) == 0
    assert {record.summary["layers"] for record in find_records(out)} == {1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train --task rt", "did you mean 'rte'"),
        ("train --task rte", "--teacher"),
        ("train --task rte --teacher nowhere/at/all", "not a folder"),
        ("train --task rte --teacher ENCODER --data-dir nowhere", "nowhere"),
        ("train --task tickets --train-file no.csv --dev-file no.csv --teacher ENCODER", "no.csv"),
        ("train --task embedded-sentiment --method sm+kd", "unknown method 'sm+kd'"),
        ("train --task embedded-sentiment --weight sm=much", "'sm=much'"),
        ("train --task embedded-sentiment --weight style=1", "'style'"),
        ("train --task embedded-sentiment --weight mle=-1", "-1"),
        ("train --task embedded-sentiment --mixup-alpha 0", "mixup_alpha is 0"),
        ("train --task embedded-sentiment --fraction 0", "fraction is 0"),
        ("train --task embedded-sentiment --fraction 0.0002", "the smallest that can is 0.0005"),
        ("train --task embedded-sentiment --distance l1", "distance is 'l1'"),
        ("train --task embedded-sentiment --student-layers 5", "1 to 4"),
        ("train --task embedded-sentiment --student-layers 0", "layers is 0"),
        ("train --task embedded-sentiment --learning-rate 0", "learning_rate is 0"),
        ("train --task embedded-sentiment --teacher-learning-rate 0", "learning_rate is 0"),
        ("train --task embedded-sentiment --mixup-ratio 0", "mixup ratio is 0"),
        ("train --task embedded-sentiment --method ft --mix-layer 1", "--mix-layer 1 is about"),
        ("train --task embedded-sentiment --method kd --mixup-alpha 0.4", "--mixup-alpha 0.4 is"),
        ("train --task embedded-sentiment --method pkd --pairing batch", "--pairing batch is"),
        ("train --task embedded-sentiment --method theseus --self-pairs", "--self-pairs is about"),
        ("train --task embedded-sentiment --method sm --weight sm=0 --fixed-draws", "L = 1 mle)"),
        ("train --task embedded-sentiment --method transfer --pairing batch", "--pairing batch is"),
        ("train --task embedded-sentiment --method transfer", "fraction of 1 is learnt from"),
        ("train --task embedded-sentiment --weight transfer=1", "mixtures and unlabelled texts"),
        (
            "train --task embedded-sentiment --method kd --teacher-mixup --mixup-ratio 2 "
            "--mix-layer 0",
            "--mix-layer 0 is about",
        ),
        ("train --task embedded-sentiment --labels a,b", "--train-file"),
        ("train --task embedded-sentiment --regression", "--train-file"),
        ("train --task embedded-sentiment --dev-fraction 0.2", "--train-file"),
        ("train --task embedded-sentiment --drop-empty", "--train-file"),
        ("train --task mine --train-file own.csv", "--dev-fraction 0.2"),
        (
            "train --task mine --train-file own.csv --dev-file own.csv --teacher ENCODER",
            "Every one of the 4 examples",
        ),
        ("train --task a/b --train-file own.csv --dev-fraction 0.5", "such as 'a-b'"),
        (
            "train --task mine --train-file own.csv --dev-fraction 2 --teacher ENCODER",
            "2.0 is outside (0, 1)",
        ),
        ("train --task mine --train-file own.csv --dev-fraction 0.5 --labels p,,n", "'p,,n'"),
        ("train --task mnli-resplit --teacher ENCODER", "--data-dir"),
        ("train --task embedded-sentiment --label-column queue", "--train-file"),
        ("train --task embedded-sentiment --augmentation-copies 2", "--augmentation too"),
        ("train --task embedded-sentiment --translators there back", "--augmentation too"),
        ("train --task embedded-sentiment --student nowhere/at/all", "not a folder"),
        ("train --task embedded-sentiment --data-dir .", "reads no files"),
        ("train --task embedded-sentiment --max-length 2", "max_length is 2"),
        ("train --task embedded-sentiment --precision fp16", "auto, fp32, bf16"),
        ("train --task rte --train-file a.csv --dev-file b.csv --teacher ENCODER", "known task"),
        ("demo --task rte", "embedded"),
    ],
)
def test_wrong_input_is_answered_in_a_sentence(
    arguments: str,
    said: str,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("text,label\na,p\nb,n\nc,p\nd,n\n")
    given = arguments.replace("ENCODER", str(encoder)).split()
    assert mixkd(monkeypatch, *given) == 2
    printed = capsys.readouterr()
    errors = printed.err.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("mixkd: ")
    assert said in errors[0]
    if "nowhere" in said:
        assert "objective" not in printed.out
    assert not list(tmp_path.glob("runs/*-teacher-*")), "nothing was trained"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mixkd", "train", "--task", "rt", "--debug"])
    with pytest.raises(ValueError, match="did you mean"):
        main()


def test_doctor_reads_what_it_is_given(
    encoder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mixkd(monkeypatch, "doctor", "--no-hub", "--teacher", encoder) == 0
    printed = capsys.readouterr().out
    for said in ("torch", "precision", "bert, 4 layers, width 64"):
        assert said in printed


def test_doctor_fails_if_something_asked_for_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "RTE").mkdir()
    (tmp_path / "RTE" / "train.tsv").write_text("index\tsentence1\tsentence2\tlabel\n0\tonly\n")
    assert mixkd(monkeypatch, "doctor", "--no-hub", "--data-dir", tmp_path) == 1
    (broken,) = [line for line in capsys.readouterr().out.splitlines() if " NO " in line]
    assert re.search(r"rte .*train\.tsv.*line 2", broken)
    assert mixkd(monkeypatch, "doctor", "--no-hub", "--teacher", tmp_path) == 1


@pytest.mark.slow
def test_a_fine_tuned_teacher_is_used_as_it_is(
    tmp_path: Path,
    encoder: Path,
    own_files: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its stored weights are those that were given, bit for bit; with epochs they are not."""
    task = ["train", "--task", "tickets", *own_files, *BRIEF[:2], *BRIEF[4:]]
    first = [*task, "--teacher", encoder, "--teacher-epochs", "1", "--method", "kd"]
    assert mixkd(monkeypatch, *first, "--out", tmp_path / "first") == 0
    (teacher,) = (
        record for record in find_records(tmp_path / "first") if record.spec.student is None
    )
    capsys.readouterr()
    again = [*task, "--teacher", teacher.model_folder, "--method", "kd"]
    assert mixkd(monkeypatch, *again, "--out", tmp_path / "again") == 0
    assert "the teacher as it is: to train it on, give --teacher-epochs" in capsys.readouterr().out
    as_it_is, student = (
        next(one for one in find_records(tmp_path / "again") if (one.spec.student is None) is of)
        for of in (True, False)
    )
    weights = (teacher.model_folder / "model.safetensors").read_bytes()
    assert (as_it_is.model_folder / "model.safetensors").read_bytes() == weights
    assert as_it_is.summary["results"] == teacher.summary["results"]
    assert student.summary["teacher_id"] == as_it_is.spec.id
    assert mixkd(monkeypatch, *again, "--teacher-epochs", "1", "--out", tmp_path / "on") == 0
    (trained,) = (record for record in find_records(tmp_path / "on") if record.spec.student is None)
    assert (trained.model_folder / "model.safetensors").read_bytes() != weights


def test_an_encoder_without_a_classifier_is_no_teacher_as_it_is(
    tmp_path: Path,
    encoder: Path,
    own_files: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--teacher", encoder, "--teacher-epochs", "0", "--out", tmp_path / "runs"]
    assert mixkd(monkeypatch, "train", "--task", "tickets", *own_files, *arguments) == 2
    assert "is a pre-trained encoder without a classifier" in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/tickets*"))
