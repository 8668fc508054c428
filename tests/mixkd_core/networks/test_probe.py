"""The look at networks before training: what fails is refused and named when a trainer is made."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import nn
from transformers import BertTokenizer, RobertaConfig, RobertaForSequenceClassification

from mixkd_core.data.token_table import token_table
from mixkd_core.errors import InputError
from mixkd_core.networks.limits import longest_text, settle_padding, text_limit
from mixkd_core.networks.mixed_forward import MixedPairs, forward
from mixkd_core.networks.probe import Request, check_network
from mixkd_core.networks.students import student_from_layers
from mixkd_core.networks.tiny_networks import tiny_network

PLAIN = Request("student", mix_layer=None)
MIXED = Request("student", mix_layer=0)


def rows(*texts: list[int], **columns: list[list[int]]) -> Dataset:
    return Dataset.from_dict(
        {"input_ids": list(texts), **columns, "labels": [k % 3 for k in range(len(texts))]}
    )


def texts_of(count: int = 8, longest: int = 12) -> Dataset:
    generator = np.random.default_rng(0)
    lengths = np.linspace(3, longest, count).astype(int)
    return rows(*(generator.integers(5, 60, length).tolist() for length in lengths))


@pytest.mark.parametrize("family", ["convbert", "nystromformer", "fnet", "yoso", "funnel"])
def test_networks_that_padding_changes_are_refused(family: str, mixkd_trainer: Any) -> None:
    with pytest.raises(InputError, match=r"padding changes the logits of the network \(\w+\) by "):
        mixkd_trainer(student=tiny_network(family), teacher=False, method="sm", dataset=texts_of())


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("esm", r"mixing the embeddings changes the logits of the network \(Esm\w+\) by \d"),
        ("roc_bert", r"shape and sound of characters .* change its logits by \d"),
        ("t5", "its decoder reads the tokens once more"),
        ("bart", "its decoder reads the tokens once more"),
        ("ibert", "cannot mix the embeddings: AttributeError"),
    ],
)
def test_networks_that_cannot_be_mixed_are_refused(
    family: str, reason: str, mixkd_trainer: Any
) -> None:
    texts = [[*ids[:-1], 2] for ids in texts_of()["input_ids"]]  # BART looks for the end of text
    with pytest.raises(InputError, match=reason):
        mixkd_trainer(
            student=tiny_network(family), teacher=False, method="sm", dataset=rows(*texts)
        )


@pytest.mark.slow
@pytest.mark.parametrize("family", ["qwen2", "gpt2", "albert", "xlm", "longformer", "mobilebert"])
@pytest.mark.parametrize("method", ["sm+tmkd", "kd"])
def test_networks_that_pass_are_trained(family: str, method: str, mixkd_trainer: Any) -> None:
    teacher = tiny_network(family)
    trainer = mixkd_trainer(
        student=student_from_layers(teacher, [0, 1]),
        teacher=teacher,
        method=method,
        dataset=texts_of(),
        max_steps=1,
    )
    trainer.train()
    assert np.isfinite(trainer.state.log_history[-1]["train_loss"])


def test_a_text_with_the_padding_token_inside_is_refused_where_it_counts(
    mixkd_trainer: Any,
) -> None:
    """RoBERTa numbers positions by the ids that are not padding; a mixture has no ids."""
    inside = rows([5, 6, 7, 8], [9, 0, 10, 11, 12], [13, 14])
    with pytest.raises(InputError, match=r"row 1, whose text contains the padding token \(id 0\)"):
        mixkd_trainer(student=tiny_network("roberta"), teacher=False, method="sm", dataset=inside)
    mixkd_trainer(student=tiny_network("bert"), teacher=False, method="sm", dataset=inside)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (rows([5, 6], [7, 64, 8]), "row 1 of the data set has the token id 64, and the word table"),
        (
            rows([5, 6], [7, 8], token_type_ids=[[0, 1], [2, 0]]),
            "row 1 of the data set has the token type 2, and the token-type table",
        ),
        (rows([5, 6], [7] * 65), "row 1 of the data set has 65 tokens, .* takes at most 64"),
    ],
)
def test_what_is_outside_of_a_table_is_refused(
    dataset: Dataset, message: str, mixkd_trainer: Any
) -> None:
    with pytest.raises(InputError, match=message):
        mixkd_trainer(student=tiny_network("bert"), teacher=False, method="ft", dataset=dataset)


@pytest.mark.parametrize(("family", "longest"), [("bert", 64), ("roberta", 63), ("opt", 64)])
def test_the_longest_text_is_one_that_the_network_takes(family: str, longest: int) -> None:
    model = tiny_network(family)
    assert longest_text(model) == longest
    with torch.no_grad():
        model(input_ids=torch.full((1, longest), 7))
    assert text_limit(100, model, None) == longest
    assert text_limit(10, model) == 10


def test_a_network_of_relative_positions_has_no_longest_text() -> None:
    assert longest_text(tiny_network("xlnet")) is None


def test_positions_begin_behind_the_padding_id() -> None:
    config = RobertaConfig(
        vocab_size=60, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    assert longest_text(RobertaForSequenceClassification(config)) == 62


def test_padding_that_differs_between_the_networks_is_refused(mixkd_trainer: Any) -> None:
    student, teacher = tiny_network("bert"), tiny_network("bert")
    teacher.config.pad_token_id = 3
    with pytest.raises(InputError, match="the teacher's pad_token_id is 3 and the student's 0"):
        mixkd_trainer(student=student, teacher=teacher, method="kd", dataset=texts_of())


def test_the_trainer_pads_as_its_tokenizer_does(mixkd_trainer: Any) -> None:
    """Padding takes part in a mixture: with another id, that would be another one."""
    tokenizer = SimpleNamespace(pad_token_id=3, pad_token="[END]")
    asked = {"teacher": False, "method": "sm", "dataset": texts_of()}
    student = tiny_network("bert")
    with pytest.raises(InputError, match=r"pad_token_id 0 and its tokenizer 3 \('\[END\]'\)"):
        mixkd_trainer(student=student, processing_class=tokenizer, **asked)
    student.config.pad_token_id = None
    trainer = mixkd_trainer(student=student, processing_class=tokenizer, **asked)
    assert trainer.table.pad_token_id == 3
    assert mixkd_trainer(student=student, **asked).table.pad_token_id == 0


@pytest.mark.parametrize("method", ["pkd", "theseus"])
def test_a_student_of_another_width_is_refused_when_the_trainer_is_made(
    method: str, mixkd_trainer: Any, tiny_classifier: Any
) -> None:
    with pytest.raises(InputError, match=r"dimensions|width"):
        mixkd_trainer(
            student=tiny_classifier(width=8), teacher=tiny_classifier(layers=4), method=method
        )


@pytest.mark.slow
def test_a_student_of_a_padded_word_table_works(mixkd_trainer: Any, tiny_classifier: Any) -> None:
    student = tiny_classifier(width=8)
    student.resize_token_embeddings(64, mean_resizing=False)
    trainer = mixkd_trainer(student=student, method="sm+tmkd")
    trainer.train()
    assert trainer.state.global_step > 0


def test_network_and_tokenizer_get_one_padding_token(tmp_path: Any) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n[END]\nword")
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    model = tiny_network("gpt2")
    model.config.pad_token_id, tokenizer.pad_token, tokenizer.eos_token = None, None, "[END]"
    settle_padding(model, tokenizer)
    assert model.config.pad_token_id == tokenizer.pad_token_id == 5
    model.config.pad_token_id = 2
    with pytest.raises(InputError, match=r"pad_token_id 2 and its tokenizer 5 \('\[END\]'\)"):
        settle_padding(model, tokenizer)


def test_the_probe_leaves_no_trace() -> None:
    model = tiny_network("bert").train()
    seen: list[int] = []
    model.register_forward_hook(lambda *_: seen.append(1))
    before = torch.random.get_rng_state()
    check_network(model, token_table(texts_of(), 0), MIXED)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert model.training
    assert not seen


@pytest.mark.parametrize("family", ["bert", "mobilebert", "nystromformer", "roberta"])
def test_a_deviation_is_found_before_the_network_has_learnt(family: str) -> None:
    """Weights as they are initialised: what they deviate by would grow in training."""
    model = tiny_network(family)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(0.02 / 0.3)
    inside = rows([5, 6, 7, 8], [9, 0, 10, 11, 12], [13, 14])
    typed = rows(*([5, 6, 7, 8, 9, 10],) * 2, token_type_ids=[[0, 0, 0, 1, 1, 1]] * 2)
    texts = inside if family == "roberta" else typed if family == "mobilebert" else texts_of()
    table = token_table(texts, 0)
    if family == "bert":
        check_network(model, table, MIXED)
        return
    with pytest.raises(InputError, match="changes the logits of the student"):
        check_network(model, table, MIXED)


class ReadsPadding(nn.Module):
    """A layer that adds a little of the last slot, padding or not, to the first."""

    def __init__(self, layer: nn.Module, share: float) -> None:
        super().__init__()
        self.layer, self.share = layer, share

    def forward(self, states: torch.Tensor, *others: Any, **named: Any) -> Any:
        first = torch.zeros_like(states)
        first[:, 0] = self.share * states[:, -1]
        return self.layer(states + first, *others, **named)


@pytest.mark.parametrize(("share", "refused"), [(0.0, False), (0.05, True)])
def test_a_deviation_of_any_origin_is_found_and_rounding_is_not(
    share: float, refused: bool
) -> None:
    model = tiny_network("roberta")
    layers = model.roberta.encoder.layer
    layers[1] = ReadsPadding(layers[1], share)
    table = token_table(texts_of(), 0)
    if not refused:
        check_network(model, table, PLAIN)
        return
    with pytest.raises(InputError, match="padding changes the logits of the student"):
        check_network(model, table, PLAIN)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(value: float) -> None:
    model = tiny_network("bert")
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.weight[0] = value
    table = token_table(texts_of(), 0)
    with pytest.raises(InputError, match=r"NaN or infinite \(so are values of 'bert.encoder"):
        check_network(model, table, PLAIN)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 2), (5, 5), (300, 400)])
def test_texts_of_any_length_can_be_looked_at(lengths: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    dataset = rows(*(generator.integers(5, 60, length).tolist() for length in lengths))
    check_network(tiny_network("mpt"), token_table(dataset, 0), MIXED)


def test_mobilebert_mixes_texts_without_token_types(padded_texts: Any) -> None:
    model = tiny_network("mobilebert")
    first, second = padded_texts([5, 12], 1), padded_texts([9, 4], 2)
    for texts in (first, second):
        texts["token_type_ids"].zero_()
    with torch.no_grad():
        found = forward(model, None, MixedPairs(first, second, torch.ones(2))).mixed_logits
        expected = model(**first).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
