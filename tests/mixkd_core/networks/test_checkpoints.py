"""Loading encoders and classifiers, and refusing what cannot be used."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, BertTokenizer

from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import (
    check_same_tokenizer,
    check_teacher_and_student,
    load_classifier,
    load_config,
    load_tokenizer,
)
from mixkd_core.networks.embedded_encoder import write_embedded_encoder

THREE = Task("three", ("text",), "label", ("no", "perhaps", "yes"))
TWO = Task("two", ("text",), "label", ("bad", "good"))
SCORE = Task("score", ("text",), "label")


@pytest.fixture
def fine_tuned(tiny_classifier: Any, tmp_path: Path) -> Path:
    """A classifier of three labels without names, saved."""
    tiny_classifier("bert").save_pretrained(tmp_path / "fine-tuned")
    return tmp_path / "fine-tuned"


@pytest.fixture
def encoder(tiny_classifier: Any, tmp_path: Path) -> Path:
    """A pre-trained encoder: no classification head."""
    tiny_classifier("bert").base_model.save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.fixture
def pickled(fine_tuned: Path, tiny_classifier: Any) -> Path:
    """The fine-tuned classifier as it was saved of old."""
    (fine_tuned / "model.safetensors").unlink()
    torch.save(tiny_classifier("bert").state_dict(), fine_tuned / "pytorch_model.bin")
    torch.save({"learning_rate": 1.0}, fine_tuned / "training_args.bin")
    return fine_tuned


def test_an_encoder_gets_the_tasks_head(encoder: Path) -> None:
    for task, problem in (
        (THREE, "single_label_classification"),
        (TWO, "single_label_classification"),
        (SCORE, "regression"),
    ):
        network = load_classifier(encoder, task)
        assert network.config.num_labels == network.classifier.out_features == task.num_labels
        assert network.config.problem_type == problem
    assert load_classifier(encoder, TWO).config.id2label == {0: "bad", 1: "good"}
    assert load_classifier(encoder, TWO).config.label2id == {"bad": 0, "good": 1}


def test_a_new_head_follows_torchs_seed(encoder: Path) -> None:
    heads = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        heads.append(load_classifier(encoder, TWO).classifier.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_fine_tuned_head_is_kept(
    fine_tuned: Path, tiny_classifier: Any, padded_texts: Any
) -> None:
    texts = padded_texts([5, 8])
    network = load_classifier(fine_tuned, THREE).eval()
    with torch.no_grad():
        torch.testing.assert_close(
            network(**texts).logits, tiny_classifier("bert")(**texts).logits, rtol=0, atol=0
        )
    assert network.config.id2label == {0: "no", 1: "perhaps", 2: "yes"}


def test_labels_of_another_task_are_refused(fine_tuned: Path) -> None:
    with pytest.raises(InputError, match="fine-tuned for 3 labels, but task 'two' has 2"):
        load_classifier(fine_tuned, TWO)
    named = load_classifier(fine_tuned, THREE)
    named.save_pretrained(fine_tuned)
    reordered = Task("other", ("text",), "label", ("yes", "perhaps", "not"))
    with pytest.raises(InputError, match="has the labels no, perhaps, yes, but task 'other'"):
        load_classifier(fine_tuned, reordered)
    assert load_classifier(fine_tuned, THREE).config.num_labels == 3


@pytest.mark.slow
def test_pickled_weights_are_refused_and_the_command_converts_them(
    pickled: Path, tiny_classifier: Any, padded_texts: Any
) -> None:
    with pytest.raises(InputError, match=r"pickled weights .pytorch_model\.bin") as refusal:
        load_classifier(pickled, THREE)
    command = str(refusal.value).rsplit("with: ", 1)[1]
    program, *arguments = shlex.split(command)
    assert program == "python"
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=120)
    texts = padded_texts([5, 8])
    with torch.no_grad():
        # The head came along: these are the fine-tuned classifier's logits.
        torch.testing.assert_close(
            load_classifier(pickled, THREE).eval()(**texts).logits,
            tiny_classifier("bert")(**texts).logits,
        )


def test_the_command_takes_nothing_but_a_name_from_the_configuration(pickled: Path) -> None:
    path = pickled / "config.json"
    harmful = {**json.loads(path.read_text()), "architectures": ["X; import os"]}
    path.write_text(json.dumps(harmful))
    with pytest.raises(InputError, match="import AutoModel as Network"):
        load_config(pickled)


def test_a_folder_that_is_not_a_checkpoint_is_refused(tmp_path: Path, fine_tuned: Path) -> None:
    for load in (load_config, load_tokenizer, lambda path: load_classifier(path, TWO)):
        with pytest.raises(InputError, match=r"absent' is not a folder: give the folder"):
            load(tmp_path / "absent")
        with pytest.raises(InputError, match=r"has no config\.json"):
            load(tmp_path)
    (fine_tuned / "model.safetensors").unlink()
    (fine_tuned / "training_args.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"no \*\.safetensors file: is it complete"):
        load_config(fine_tuned)


def test_a_damaged_checkpoint_is_refused(fine_tuned: Path) -> None:
    (fine_tuned / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_config(fine_tuned)
    (fine_tuned / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        load_classifier(fine_tuned, THREE)


def test_truncated_weights_are_refused(fine_tuned: Path) -> None:
    weights = fine_tuned / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read"):
        load_classifier(fine_tuned, THREE)


def test_a_folder_without_a_tokenizer_is_refused(fine_tuned: Path) -> None:
    with pytest.raises(InputError, match="has no tokenizer files"):
        load_tokenizer(fine_tuned)


@pytest.mark.parametrize("longest", [" ", -3, True, None, [8]])
def test_a_tokenizer_that_states_no_usable_length_is_refused(tmp_path: Path, longest: Any) -> None:
    write_embedded_encoder(tmp_path / "encoder", seed=0)
    told = tmp_path / "encoder" / "tokenizer_config.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), "model_max_length": longest}))
    if longest is None:  # as if nothing were said
        assert load_tokenizer(tmp_path / "encoder").model_max_length > 1e20
        return
    with pytest.raises(InputError, match=re.escape(f"may have {longest!r} tokens")):
        load_tokenizer(tmp_path / "encoder")


def tokenizer_of(words: list[str], folder: Path) -> Any:
    folder.mkdir()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *words]))
    return BertTokenizer(str(folder / "vocab.txt"))


def test_teacher_and_student_must_agree(tiny_classifier: Any, tmp_path: Path) -> None:
    teacher, student = tiny_classifier(layers=4), tiny_classifier(width=8)
    check_teacher_and_student(teacher, student)
    with pytest.raises(InputError, match="the teacher has 3 labels and the student 2"):
        check_teacher_and_student(teacher, tiny_classifier(num_labels=2))
    other = tiny_classifier()
    other.config.id2label = {0: "no", 1: "perhaps", 2: "yes"}
    with pytest.raises(InputError, match=r"labels are LABEL_0, LABEL_1, LABEL_2 .* no, perhaps"):
        check_teacher_and_student(teacher, other)
    wordy = tiny_classifier()
    wordy.config.vocab_size = 64  # the same words, and rows that fill a block
    check_teacher_and_student(teacher, wordy)
    wordy.config.vocab_size = 700
    with pytest.raises(InputError, match="vocabulary has 60 entries and the student's 700"):
        check_teacher_and_student(teacher, wordy)

    one = tokenizer_of(["good", "bad"], tmp_path / "one")
    swapped = tokenizer_of(["bad", "good"], tmp_path / "swapped")
    check_same_tokenizer(one, one, ("a", "b"))
    with pytest.raises(InputError, match="teacher 'a' and student 'b' have different vocabularies"):
        check_same_tokenizer(one, swapped, ("a", "b"))


def test_a_real_encoder_loads(encoder_dir: Path) -> None:
    network = load_classifier(encoder_dir, TWO)
    tokenizer = load_tokenizer(encoder_dir)
    assert network.config.num_hidden_layers == 6
    assert len(tokenizer) == network.config.vocab_size
    # The weights are the encoder's own, not a fresh draw.
    embeddings = AutoModel.from_pretrained(encoder_dir).get_input_embeddings().weight
    assert torch.equal(network.get_input_embeddings().weight, embeddings)
