"""The model card: a header that a hub reads, text that shows as it is, nothing of the machine."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mixkd_core.data.tasks import Task, find_task
from mixkd_core.records.model_card import _code, base_facts, escaped, model_card
from mixkd_core.records.places import elsewhere, without_folders
from mixkd_core.records.specs import CheckpointRef, RunSpec, StudentSpec, TrainingSpec

RESULT = {
    "examples": 20,
    "metrics": {"accuracy": 0.75},
    "majority_baseline": {"accuracy": 0.5},
    "risk": {"zero_one_error": 0.25},
}
SUMMARY: dict[str, Any] = {
    "layers": 3,
    "parameters": 17_000_000,
    "origin": "files train.csv",
    "train_examples": 80,
    "objective": "L = 1 mle",
    "student_source": "layers 1, 2, 3 of the fine-tuned teacher",
    "results": {"train": RESULT, "dev": RESULT},
    "versions": {"torch": "2.13.0"},
    "hardware": {"accelerator": None, "processor": "a chip"},
    "command": "mixkd train --train-file /home/ada/secret/train.csv --out=/srv/runs --seed 3",
    "base": {"license": "apache-2.0", "language": "en"},
}
TEACHER = SUMMARY | {"layers": 6, "parameters": 34_000_000}


def spec(**changes: Any) -> RunSpec:
    values: dict[str, Any] = {
        "task": "moods",
        "data": "f00d" * 16,
        "encoder": CheckpointRef(name="ada/encoder", digest="e1"),
        "student": StudentSpec(training=TrainingSpec(max_length=96)),
    }
    return RunSpec(**(values | changes))


def card(task: Task | None = None, **changes: Any) -> str:
    described = task or Task("moods", ("text",), "label", ("calm", "glad"))
    return model_card(described, spec(**changes), SUMMARY, TEACHER, longest=64)


def test_the_header_says_what_a_hub_wants_to_know() -> None:
    data = ModelCard(card()).data
    assert data.base_model == "ada/encoder"
    assert (data.license, data.language) == ("apache-2.0", "en")
    assert data.pipeline_tag == "text-classification"
    # A folder's name may be another checkpoint's there.
    folder = CheckpointRef(name="ada/encoder", digest="0123456789abcdef")
    assert ModelCard(card(encoder=folder)).data.base_model is None
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_split) == (
        "accuracy", 0.75, "dev"
    )  # fmt: skip


def test_the_text_says_how_long_a_text_may_be_and_what_the_teacher_scores() -> None:
    text = card()
    assert "at most 64 tokens" in text
    assert "truncation=True" in text
    assert "Its teacher has 6 layers and 34 million parameters (this network: 50 % of them)" in text
    assert "accuracy 0.7500 on `dev`" in text


def test_texts_of_the_training_subset_in_another_set_are_told() -> None:
    described = Task("moods", ("text",), "label", ("calm", "glad"))
    assert "Texts of the training subset" not in card(), "earlier runs do not know"
    dev = SUMMARY["results"]["dev"]
    for overlap, told in (
        ({"exact": 0, "alike": 0}, ""),
        ({"exact": 1, "alike": 3}, "`dev` (1 word for word, 2 up to case and spacing)."),
    ):
        results = SUMMARY["results"] | {"dev": dev | {"overlap": overlap}}
        text = model_card(described, spec(), SUMMARY | {"results": results}, TEACHER, longest=64)
        assert ("Texts of the training subset stand in" in text) == bool(told)
        assert told in text


def test_the_length_is_the_one_that_texts_were_cut_at() -> None:
    described = Task("moods", ("text",), "label", ("calm", "glad"))
    for measured, trained, told in (
        (64, 64, "Trained and measured on at most 64 tokens."),
        (
            64,
            40,
            "Trained on at most 40 tokens, which its teacher takes, and measured on at most 64.",
        ),
    ):
        cut = {"longest_text": {"measured": measured, "trained": trained}}
        assert told in model_card(described, spec(), SUMMARY | cut, TEACHER, longest=96)


def test_a_licence_that_is_not_stated_is_not_made_up() -> None:
    described = Task("moods", ("text",), "label", ("calm", "glad"))
    text = model_card(described, spec(), SUMMARY | {"base": {}}, None, longest=64)
    assert "license" not in text.split("---")[1]
    assert "states none that was found" in text


def test_a_teacher_as_it_is_is_called_so() -> None:
    text = card(teacher=TrainingSpec(epochs=0))
    assert "fine-tuned before and used as it is" in text


def test_nothing_of_the_machine_is_told() -> None:
    text = card()
    assert "/home" not in text
    assert "/srv" not in text
    assert "--train-file train.csv --out=runs --seed 3" in text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("mixkd train --out ../x/runs", "mixkd train --out runs"),
        ("mixkd train --out ~/runs", "mixkd train --out runs"),
        ("mixkd train --teacher bert-base-uncased", "mixkd train --teacher bert-base-uncased"),
        ("mixkd run --set tasks.x.data_dir=/a/b/c", "mixkd run --set tasks.x.data_dir=c"),
        (
            "mixkd run --set 'students=[{checkpoint: /home/a/b}, {checkpoint: org/name}]'",
            "mixkd run --set 'students=[{checkpoint: b}, {checkpoint: org/name}]'",
        ),
        ("mixkd train --teacher 'hf://org/name'", "mixkd train --teacher hf://org/name"),
        ("# written by a study; specification ab", "# written by a study; specification ab"),
    ],
)
def test_paths_of_a_command_keep_their_last_part(command: str, shown: str) -> None:
    assert without_folders(command) == shown


@given(st.text(min_size=1, max_size=60))
def test_any_text_shows_as_it_is(text: str) -> None:
    """Rendered by a Markdown reader, it is one paragraph of that text: no tag, link or heading."""
    rendered = MarkdownIt("commonmark").render(f"x {escaped(text)}")
    assert rendered.count("<") == 2  # <p> and </p>


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a: [b]", "x\n---\ny", "| a | b |"])
def test_a_hostile_label_stays_a_label(name: str) -> None:
    text = card(Task("moods", ("text",), "label", (name, "other")))
    assert "<script>" not in text
    assert ModelCard(text).data.base_model == "ada/encoder"


def test_facts_are_read_off_the_encoders_own_card(tmp_path: Path) -> None:
    assert base_facts(tmp_path) == {}
    (tmp_path / "README.md").write_text("---\nlicense: mit\nlanguage: [en, de]\n---\n# x\n")
    assert base_facts(tmp_path) == {"license": "mit", "language": ["en", "de"]}
    (tmp_path / "README.md").write_text("---\n[broken\n---\n")
    assert base_facts(tmp_path) == {}
    assert base_facts("a/name-on-a-hub") == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no file /home/ada/data/train.csv there", "no file train.csv there"),
        ("'/home/ada/x/y.json' cannot be read", "'y.json' cannot be read"),
        ("~ada/runs/a and a/b, and/or", "a and a/b, and/or"),
        ("https://hub.example/a/b stays", "https://hub.example/a/b stays"),
        ("hub glue sst2; 1/2 of it", "hub glue sst2; 1/2 of it"),
    ],
)
def test_a_text_names_no_folder_of_a_machine(text: str, shown: str) -> None:
    assert elsewhere(text) == shown


@pytest.mark.parametrize("name", ["a`b", "``", "a|b", "<b>", "`a"])
def test_names_in_code_end_nothing(name: str) -> None:
    rendered = MarkdownIt("commonmark").render(f"x {_code(name)} y")
    found = re.fullmatch(r"<p>x <code>(.*)</code> y</p>\n", rendered)
    assert found is not None
    assert html.unescape(found[1]) == name


def test_a_regressions_card_has_no_majority_class() -> None:
    measured = RESULT | {
        "metrics": {"pearson": 0.7, "spearman": 0.6},
        "majority_baseline": {"pearson": 0.0, "spearman": 0.0},
    }
    summary = SUMMARY | {"results": {"train": measured, "dev": measured}}
    teacher = TEACHER | {"results": summary["results"]}
    text = model_card(find_task("stsb"), spec(task="stsb"), summary, teacher, longest=64)
    assert "majority" not in text
    assert "majority accuracy" in card()
