"""The table of architectures is what the code says, and its families keep what it promises."""

import re

import pytest
import torch
import transformers

from mixkd_core.networks.architectures import (
    BEGIN,
    CLASSIFIERS,
    END,
    README,
    TABLE,
    UNTRIED,
    judge_family,
    summary,
)
from mixkd_core.networks.reading import reads_last
from mixkd_core.networks.tiny_networks import tiny_network

# One of each kind; the others are tried with -m slow.
FEW = (
    "albert", "bart", "bert", "bloom", "convbert", "ctrl", "esm", "funnel", "gpt2", "longformer",
    "mobilebert", "qwen2", "roberta", "roc_bert", "t5", "xlm", "xlnet",
)  # fmt: skip
FEW_TO_READ = ("bert", "bloom", "ctrl", "gpt2", "modernbert-decoder", "opt", "qwen2", "roberta")

pytestmark = pytest.mark.skipif(
    f"transformers {transformers.__version__}." not in TABLE.read_text(encoding="utf-8"),
    reason="the table was written with another version of transformers",
)


def few_first(few: tuple[str, ...]) -> list[object]:
    others = sorted(set(CLASSIFIERS) - set(few))
    return [*few, *(pytest.param(family, marks=pytest.mark.slow) for family in others)]


def rows_of_table() -> dict[str, str]:
    page = TABLE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| [\w-]+ \|.*$", page, flags=re.MULTILINE)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines}
    return {name: row for name, row in rows.items() if name not in ("family", "---")}


def without_numbers(row: str) -> str:
    """The row without the sizes of deviations, which differ from processor to processor."""
    return re.sub(r"by [\d.e-]+", "by #", row)


def test_the_table_has_every_classifier() -> None:
    assert set(rows_of_table()) == set(CLASSIFIERS), (
        "run python -m mixkd_core.networks.architectures"
    )


def test_the_readmes_table_is_the_pages_summary() -> None:
    page, readme = TABLE.read_text(encoding="utf-8"), README.read_text(encoding="utf-8")
    assert readme.count(BEGIN) == readme.count(END) == 1
    shown = readme[readme.index(BEGIN) + len(BEGIN) : readme.index(END)]
    assert shown == summary(page), "run python -m mixkd_core.networks.architectures"
    verdicts = {
        name.strip().partition(" ")[0]: line.split(" | ")[0].removeprefix("| ")
        for line in shown.splitlines()[2:]
        for name in re.sub(r"\([^)]*\)", "", line.split(" | ")[1].rstrip(" |")).split(",")
    }
    rows = {family: row.split(" | ")[2] for family, row in rows_of_table().items()}
    assert verdicts == rows, "every family once, by its verdict"
    assert "albert (not mixing after a layer, theseus)" in shown


@pytest.mark.parametrize("family", few_first(FEW))
def test_the_verdict_is_the_one_in_the_table(family: str) -> None:
    assert without_numbers(judge_family(family).row) == without_numbers(rows_of_table()[family])


@pytest.mark.parametrize("family", few_first(FEW_TO_READ))
def test_a_decoder_is_what_reads_the_last_token(family: str) -> None:
    """A second route: on which hidden states the logits depend."""
    if f"| {UNTRIED} |" in rows_of_table()[family]:
        pytest.skip("no tiny network of it can be made")
    model = tiny_network(family)
    ids = torch.tensor([[5, 9, 31, 7, 2]])
    outputs = model(input_ids=ids, output_hidden_states=True)
    if getattr(outputs, "hidden_states", None) is None or model.config.is_encoder_decoder:
        pytest.skip("it gives no hidden states")
    try:
        gradient = torch.autograd.grad(outputs.logits.sum(), outputs.hidden_states[-1])[0]
    except RuntimeError:
        pytest.skip("its hidden states are copies")
    read = gradient.reshape(-1, gradient.shape[-1]).abs().sum(1).nonzero().flatten().tolist()
    assert (read == [4]) == reads_last(model)
