"""A trial of transformers' sequence classifiers with MixKD, on a tiny network of each.

    python -m mixkd_core.networks.architectures

writes ARCHITECTURES.md beside this file, and its summary into the README. Each is asked what
`MixKDTrainer` asks: the verdict is the trainer's own.
"""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
)

from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.networks.layers import depth
from mixkd_core.networks.matching import check_networks, match
from mixkd_core.networks.mix_layer import POOLED, MixLayer
from mixkd_core.networks.reading import accepted, reads_last
from mixkd_core.networks.students import choose_layers, student_from_layers
from mixkd_core.networks.tiny_networks import WORDS, tiny_network
from mixkd_core.objectives.objective import objective

# Of a reason: some errors of transformers list every weight.
MOST_LETTERS = 300

TABLE = Path(__file__).with_name("ARCHITECTURES.md")
README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- architectures:begin -->\n", "<!-- architectures:end -->\n"

WORKS, LIMITED, REFUSED, UNTRIED = "works", "works, but", "refused", "not tried"

HEADER = f"""# Architectures

Written by `python -m mixkd_core.networks.architectures`, on a tiny random network of each family
of sequence classifiers in transformers {transformers.__version__}. The verdict is the one that
`MixKDTrainer`, `mixkd train` and `mixkd doctor` give before anything is trained
(`mixkd_core/networks/probe.py`). Sizes of deviations are those of logits of order 1.

* **works**: mixing at λ = 1 is the plain pass, padding changes nothing, and so at every place to
  mix (embeddings, a layer, what the classifier reads), with a student made from its layers, with
  `pkd` and `theseus`, and with token types where it takes them.
* **works, but**: so does the default method (`sm+tmkd`, embeddings); what is named is refused.
* **refused**: by the default method, for the reason given.
* **not tried**: no tiny network of it could be made here.

Encoders are aligned at a text's first token, and decoders (*reads: last*) at its last
(`mixkd_core/networks/reading.py`).

| family | reads | verdict | what is refused, and why |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class FamilyVerdict:
    """The findings about one family."""

    family: str
    verdict: str
    reads: str = ""
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """The row of the table."""
        reasons = "; ".join(f"**{what}**: {why}" for what, why in self.reasons.items())
        return f"| {self.family} | {self.reads} | {self.verdict} | {reasons} |"


def judge_family(family: str) -> FamilyVerdict:
    """Return the verdict on a family."""
    tokens = _tokens(types=False)
    try:
        teacher = tiny_network(family)
        teacher(input_ids=tokens.pad(np.arange(1), 6)["input_ids"])
    except Exception as error:  # a family that cannot be made is part of the table
        return FamilyVerdict(family, UNTRIED, reasons={"tiny network": _first_line(error)})
    reasons: dict[str, str] = {}
    try:
        student = student_from_layers(teacher, choose_layers(depth(teacher.config), 2, "first"))
    except InputError as error:
        reasons["student from its layers"] = _first_line(error)
        student = tiny_network(family, seed=1)
    main = _refusal(student, teacher, tokens, "sm+tmkd", 0)
    reads = "last" if reads_last(teacher) else "first"
    if main is not None:
        plain = _refusal(student, teacher, tokens, "kd", 0)
        reasons = {} if plain is None else {"any method": plain}
        if main != plain:
            reasons["mixing"] = main
        return FamilyVerdict(family, REFUSED, reads, reasons)
    asked: dict[str, tuple[str, MixLayer]] = {
        "mixing after a layer": ("sm+tmkd", 1),
        "mixing what the classifier reads": ("sm+tmkd", POOLED),
        "pkd": ("pkd", 0),
        "theseus": ("theseus", 0),
    }
    for what, (method, mix_layer) in asked.items():
        why = _refusal(student, teacher, tokens, method, mix_layer)
        if why is not None and not (what == "theseus" and "student from its layers" in reasons):
            reasons[what] = why
    typed = _tokens(types=True)
    if "token_type_ids" in accepted(teacher, typed.pad(np.arange(1), 1)):
        why = _refusal(student, teacher, typed, "sm+tmkd", 0)
        if why is not None:
            reasons["token types"] = why
    return FamilyVerdict(family, LIMITED if reasons else WORKS, reads, reasons)


def _refusal(
    student: Any, teacher: Any, tokens: TokenTable, method: str, mix_layer: MixLayer
) -> str | None:
    """Return why the trainer refuses the two networks, None if it does not.

    Some networks draw while they answer (Reformer hashes at random): they draw alike every time.
    """
    asked = objective(method)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            matching = match(student, teacher, asked, mix_layer)
            check_networks(student, teacher, tokens, asked, matching)
        except InputError as error:
            return _first_line(error)
    return None


def _tokens(*, types: bool) -> TokenTable:
    """Return three texts that end in the end-of-text token, 2."""
    lengths = np.array([6, 12, 9])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.random.default_rng(0).integers(5, WORDS, offsets[-1])
    ids[offsets[1:] - 1] = 2
    columns = {"input_ids": ids}
    if types:
        columns["token_type_ids"] = np.concatenate(
            [np.arange(length) >= length // 2 for length in lengths]
        ).astype(np.int64)
    return TokenTable(columns, offsets, np.zeros(3, dtype=np.int64), pad_token_id=0)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    return first[:MOST_LETTERS].rstrip(". ").replace("|", "/")


def table(families: list[str]) -> str:
    """Return the page."""
    return HEADER + "\n".join(judge_family(family).row for family in families) + "\n"


def summary(page: str) -> str:
    """Return a table of the page's families by verdict, each with what is refused of it."""
    rows = re.findall(r"^\| ([\w-]+) \| \w* \| ([^|]+) \| (.*) \|$", page, flags=re.MULTILINE)
    lines = ["| verdict | families |", "| --- | --- |"]
    for verdict in (WORKS, LIMITED, REFUSED, UNTRIED):
        told = []
        for family, found, reasons in rows:
            if found == verdict:
                what = ", ".join(re.findall(r"\*\*(.+?)\*\*", reasons))
                told.append(f"{family} (not {what})" if verdict == LIMITED else family)
        lines.append(f"| {verdict} | {', '.join(told)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page and its summary."""
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    page = table(sorted(CLASSIFIERS))
    TABLE.write_text(page, encoding="utf-8")
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + summary(page) + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
