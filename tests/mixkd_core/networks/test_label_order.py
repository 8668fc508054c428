"""Labels are matched by name, and logits moved exactly."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.tasks import GLUE, Task
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import check_teacher_and_student, load_classifier
from mixkd_core.networks.label_order import label_names, label_order, reorder_labels

# As public checkpoints of MNLI have them.
PUBLIC = ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")
WORDS = [3, 10, 11, 12, 13, 2]


def tiny(kind: str) -> Any:
    common = {"vocab_size": 60, "num_labels": 3, "pad_token_id": 0}
    usual = common | {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
    }
    small = {"emb_dim": 16, "n_layers": 1, "n_heads": 2, "max_position_embeddings": 40}
    bart = {
        "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "eos_token_id": 2,
    }  # fmt: skip
    config: Any = {
        "bert": lambda: transformers.BertConfig(**usual),
        "roberta": lambda: transformers.RobertaConfig(**usual),
        "deberta-v2": lambda: transformers.DebertaV2Config(**usual, type_vocab_size=0),
        "mpnet": lambda: transformers.MPNetConfig(**usual),
        "modernbert": lambda: transformers.ModernBertConfig(**usual),
        "distilbert": lambda: transformers.DistilBertConfig(
            **common, dim=16, n_layers=1, n_heads=2, hidden_dim=32
        ),
        "xlm": lambda: transformers.XLMConfig(**common, **small),
        "bart": lambda: transformers.BartConfig(**common, **bart),
        "gpt2": lambda: transformers.GPT2Config(**common, n_embd=16, n_layer=1, n_head=2),
    }[kind]()
    torch.manual_seed(0)
    network = transformers.AutoModelForSequenceClassification.from_config(config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


@torch.no_grad()
def logits(network: Any) -> torch.Tensor:
    found: torch.Tensor = network(input_ids=torch.tensor([WORDS])).logits[0]
    return found


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    """A product of matrices may round the same rows otherwise in another order."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "kind",
    ["bert", "roberta", "deberta-v2", "mpnet", "modernbert", "distilbert", "xlm", "bart", "gpt2"],
)
def test_a_permuted_checkpoint_is_put_into_the_tasks_order(kind: str, tmp_path: Path) -> None:
    network = tiny(kind)
    network.config.id2label = dict(enumerate(PUBLIC))
    network.config.label2id = {name: index for index, name in enumerate(PUBLIC)}
    network.save_pretrained(tmp_path)
    aligned = load_classifier(tmp_path, GLUE["mnli"]).eval()
    same(logits(aligned), logits(network)[[2, 1, 0]])
    assert label_names(aligned.config) == ["entailment", "neutral", "contradiction"]
    aligned.save_pretrained(tmp_path / "stored")
    again = load_classifier(tmp_path / "stored", GLUE["mnli"]).eval()
    same(logits(again), logits(aligned))  # it is aligned once


@pytest.mark.parametrize(
    ("found", "wanted", "order"),
    [
        (["no", "yes"], ["no", "yes"], [0, 1]),
        (["yes", "no"], ["no", "yes"], [1, 0]),
        (["NOT_entailment", "Entailment"], ["entailment", "not-entailment"], [1, 0]),
        (["a", "A"], ["A", "a"], [1, 0]),
        (["a", "A"], ["b", "a"], None),
        (["a", "b"], ["a", "c"], None),
        (["a", "b", "c"], ["a", "b"], None),
        (["a", "a"], ["a", "b"], None),
    ],
)
def test_names_are_matched(found: list[str], wanted: list[str], order: list[int] | None) -> None:
    assert label_order(found, wanted) == order


@given(names=st.permutations(["no", "Perhaps", "yes_sir", "never"]), seed=st.randoms())
def test_any_permutation_is_found(names: list[str], seed: Any) -> None:
    wanted = [name.upper().replace("_", " ") for name in names]
    seed.shuffle(wanted)
    order = label_order(names, wanted)
    assert order is not None
    assert [names[place].upper().replace("_", " ") for place in order] == wanted


def test_a_head_that_cannot_be_told_is_left_alone() -> None:
    network = tiny("bert")
    network.more = torch.nn.Linear(16, 3)
    with pytest.raises(InputError, match="BertForSequenceClassification cannot be reordered"):
        reorder_labels(network, [2, 1, 0])


def test_other_names_are_refused(tmp_path: Path) -> None:
    network = tiny("bert")
    network.config.id2label = {0: "a", 1: "b", 2: "c"}
    network.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="has the labels a, b, c, but task 'mnli' has entailment"):
        load_classifier(tmp_path, GLUE["mnli"])
    named = Task("mine", ("text",), "label", ("C", "B", "a"))
    same(logits(load_classifier(tmp_path, named).eval()), logits(network)[[2, 1, 0]])


def test_teacher_and_student_may_differ_in_case_but_not_in_order() -> None:
    teacher, student = tiny("bert"), tiny("bert")
    teacher.config.id2label = dict(enumerate(PUBLIC))
    student.config.id2label = dict(enumerate(name.lower() for name in PUBLIC))
    check_teacher_and_student(teacher, student)
    for others in (reversed(PUBLIC), ("a", "b", "c")):
        student.config.id2label = dict(enumerate(others))
        with pytest.raises(InputError, match="position by position"):
            check_teacher_and_student(teacher, student)
