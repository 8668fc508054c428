"""Training the used rows of the word table alone: the same weights as training all of it."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import TrainerCallback

from mixkd_core.errors import InputError
from mixkd_core.networks.speed import compact_embedding
from mixkd_core.networks.speed.compact_embedding import CompactEmbedding

# Twelve words of the sixty; 0 is [PAD].
WORDS = np.array([5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43])
UNUSED = sorted(set(range(60)) - set(WORDS.tolist()) - {0})


@pytest.fixture
def few_words() -> Dataset:
    generator = np.random.default_rng(0)
    texts = [generator.choice(WORDS, size).tolist() for size in generator.integers(3, 9, 16)]
    return Dataset.from_dict({"input_ids": texts, "labels": [ids[0] % 3 for ids in texts]})


@pytest.fixture
def trained(
    mixkd_trainer: Any,
    tiny_classifier: Any,
    no_dropout: Any,
    few_words: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """`trained(compact, architecture=, before=, **arguments)`: a trainer that has trained."""

    def build(
        compact: bool,
        architecture: str = "bert",
        resume: Any = None,
        dataset: Any = None,
        **others: Any,
    ) -> Any:
        monkeypatch.setattr(compact_embedding, "LARGEST_SHARE", 0.5 if compact else -1.0)
        student = no_dropout(tiny_classifier(architecture, seed=1)).double()
        settings = {"method": "sm", "weight_decay": 0.1, "num_train_epochs": 3}
        trainer = mixkd_trainer(
            student=student,
            teacher=tiny_classifier(architecture, layers=4, seed=2).double(),
            dataset=few_words if dataset is None else dataset,
            **settings | others,
        )
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    return build


class Held(TrainerCallback):  # type: ignore[misc]
    """Rows of the word table during each step."""

    def __init__(self) -> None:
        self.rows: set[int] = set()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.rows.add(len(kwargs["model"].get_input_embeddings().weight))


def assert_same(one: Any, other: Any) -> None:
    """float64, twelve steps: but for the order of sums the weights are the same."""
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert"])
def test_what_is_learnt_is_the_same(architecture: str, trained: Any) -> None:
    """RoBERTa counts positions from the ids, and must see those of the texts."""
    held = Held()
    compact = trained(True, architecture, callbacks=[held])
    assert max(held.rows) <= 14
    assert_same(compact, trained(False, architecture))


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"method": "kd+sm+tmkd", "gradient_accumulation_steps": 2},
        {"method": "pkd", "lr_scheduler_type": "linear", "warmup_steps": 2},
        {"method": "theseus"},
        {"max_grad_norm": 0.0, "weight_decay": 0.0},
        {"optim": "adamw_torch"},
    ],
    ids=["accumulation", "schedule", "theseus", "unclipped", "loop"],
)
def test_whatever_the_method_and_the_optimiser(settings: dict[str, Any], trained: Any) -> None:
    assert_same(trained(True, **settings), trained(False, **settings))


def test_unused_rows_decay(trained: Any, tiny_classifier: Any) -> None:
    before = tiny_classifier(seed=1).double().get_input_embeddings().weight
    after = trained(True).model.get_input_embeddings().weight
    factor = (1 - 1e-2 * 0.1) ** 12
    torch.testing.assert_close(after[UNUSED], before[UNUSED] * factor, rtol=1e-12, atol=0.0)
    assert (after[WORDS] - before[WORDS] * factor).abs().min(dim=1).values.max() > 1e-3


def test_a_momentum_that_is_not_adamws_trains_the_whole_table(trained: Any) -> None:
    """Only AdamW is known to do nothing but decay to a row without gradient."""
    held = Held()
    trained(True, optim="sgd", callbacks=[held])
    assert held.rows == {60}


@pytest.mark.slow
def test_evaluation_and_checkpoints_have_the_whole_table(
    trained: Any, few_words: Dataset, tmp_path: Path
) -> None:
    """Words that training never met are looked up in evaluation; files hold every row."""
    foreign = Dataset.from_dict({"input_ids": [[3, 4, 50, 51]] * 4, "labels": [0, 1, 2, 0]})
    settings = {
        "eval_dataset": foreign,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": "loss",
        "num_train_epochs": 3,
    }
    runs = [
        trained(compact, output_dir=str(tmp_path / str(compact)), **settings)
        for compact in (True, False)
    ]
    losses = [
        [entry["eval_loss"] for entry in run.state.log_history if "eval_loss" in entry]
        for run in runs
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)
    assert len(losses[0]) == 3
    assert_same(*runs)
    for step in (4, 8, 12):
        files = [
            load_file(tmp_path / str(compact) / f"checkpoint-{step}" / "model.safetensors")
            for compact in (True, False)
        ]
        torch.testing.assert_close(*files, rtol=1e-9, atol=1e-11)


@pytest.mark.slow
def test_resuming_and_training_again(trained: Any, tmp_path: Path) -> None:
    """Bit by bit: neither an interruption nor a checkpoint may show in what is learnt."""
    settings = {"output_dir": str(tmp_path / "run"), "save_strategy": "epoch"}
    unsaved, straight = trained(True), trained(True, **settings)
    resumed = trained(True, resume=str(tmp_path / "run" / "checkpoint-4"), **settings)
    for other in (unsaved, resumed):
        for name, tensor in straight.model.state_dict().items():
            assert torch.equal(tensor, other.model.state_dict()[name]), name
    straight.train()
    again = trained(False)
    again.train()
    assert_same(straight, again)


@pytest.fixture
def other_words() -> Dataset:
    """Texts of which half the words are others, so that one training's rows are not the other's."""
    generator = np.random.default_rng(1)
    words = np.append(WORDS[::2], WORDS[::2] + 1)
    texts = [generator.choice(words, size).tolist() for size in generator.integers(3, 9, 16)]
    return Dataset.from_dict({"input_ids": texts, "labels": [ids[0] % 3 for ids in texts]})


@pytest.mark.slow
@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused"])
@pytest.mark.parametrize("same_rows", [True, False])
def test_a_checkpoint_does_not_show_how_it_was_written(
    same_rows: bool,
    optim: str,
    trained: Any,
    few_words: Dataset,
    other_words: Dataset,
    tmp_path: Path,
) -> None:
    """{apart, whole} goes on from {apart, whole}, on the same texts or on others, to the same."""
    files: dict[bool, dict[str, Any]] = {}
    gone_on = {}
    for written in (True, False):
        settings = {
            "output_dir": str(tmp_path / str(written)),
            "save_strategy": "epoch",
            "optim": optim,
        }
        trained(written, **settings)
        checkpoint = tmp_path / str(written) / "checkpoint-4"
        files[written] = torch.load(checkpoint / "optimizer.pt", weights_only=True)["state"]
        for read in (True, False):
            gone_on[written, read] = trained(
                read,
                resume=str(checkpoint),
                dataset=few_words if same_rows else other_words,
                **settings | {"save_strategy": "no"},
            )
            assert gone_on[written, read]._holds_rows_apart is read
    torch.testing.assert_close(files[True], files[False], rtol=1e-9, atol=1e-11)
    for ways in gone_on.values():
        assert_same(ways, gone_on[False, False])


@pytest.mark.slow
@pytest.mark.parametrize("compact", [True, False])
def test_a_state_of_another_shape_is_refused(compact: bool, trained: Any, tmp_path: Path) -> None:
    """The word table's used rows alone, for one, as older versions wrote them."""
    settings = {"output_dir": str(tmp_path), "save_strategy": "epoch"}
    trained(compact, **settings)
    file = tmp_path / "checkpoint-4" / "optimizer.pt"
    content = torch.load(file, weights_only=True)
    for state in content["state"].values():
        if state["exp_avg"].shape == (60, 16):
            state["exp_avg"], state["exp_avg_sq"] = state["exp_avg"][:13], state["exp_avg_sq"][:13]
    torch.save(content, file)
    with pytest.raises(InputError, match=r"of shape \(13, 16\) for .* of shape \(60, 16\)"):
        trained(compact, resume=str(tmp_path / "checkpoint-4"), **settings)


def test_it_ends_with_training_however_that_ends(trained: Any) -> None:
    class Stop(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            self.table = kwargs["model"].get_input_embeddings()
            raise RuntimeError("stop")

    stop = Stop()
    with pytest.raises(RuntimeError, match="stop"):
        trained(True, callbacks=[stop])
    assert stop.table.weight.shape == (60, 16)
    assert stop.table.weight.grad is None
    assert not stop.table._forward_pre_hooks
    assert stop.table.padding_idx == 0


class InterruptedAt:
    """Raises `KeyboardInterrupt` before the n-th line that the module executes, and only there."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != compact_embedding.__file__:
            return None
        if event == "line":
            self.left -= 1
            if self.left == -1:
                raise KeyboardInterrupt
        return self


def test_an_interrupt_at_any_line_leaves_a_whole_table(tiny_classifier: Any) -> None:
    """Before it is taken apart, while it is, and at every line of putting it together again."""
    line = finished = 0
    while not finished:
        embedding = tiny_classifier().get_input_embeddings()
        table = embedding.weight.detach().clone()
        optimizer = torch.optim.AdamW([embedding.weight])
        model = SimpleNamespace(get_input_embeddings=lambda held=embedding: held)
        compact = CompactEmbedding(model, WORDS, lambda held=optimizer: held)
        embedding.weight.grad = torch.zeros_like(table)
        optimizer.step()
        table = embedding.weight.detach().clone()
        interrupt = InterruptedAt(line)
        before = sys.gettrace()
        sys.settrace(interrupt)
        try:
            with compact.held():
                embedding.weight.data += 1
                compact.factors = [0.5]
                with compact.whole():
                    pass
            finished = True
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert finished == (interrupt.left >= 0)
        held = [0, *WORDS]
        assert embedding.weight.shape == table.shape
        assert embedding.padding_idx == 0
        assert not embedding._forward_pre_hooks
        for moment in ("exp_avg", "exp_avg_sq"):
            assert optimizer.state[embedding.weight][moment].shape == table.shape
        rows = (
            torch.isclose(embedding.weight, table).all(1),
            torch.isclose(embedding.weight, table + 1).all(1),
        )
        assert rows[0][held].all() or rows[1][held].all()
        unheld = torch.tensor(UNUSED)
        assert rows[0][unheld].all() or torch.equal(embedding.weight[unheld], table[unheld] / 2)
        line += 1
    assert line > 60


def test_a_table_of_which_much_is_used_stays_whole(tiny_classifier: Any) -> None:
    model = tiny_classifier()
    assert CompactEmbedding(model, np.arange(29)).worthwhile
    assert not CompactEmbedding(model, np.arange(31)).worthwhile
    model.get_input_embeddings().weight.requires_grad_(False)
    assert not CompactEmbedding(model, np.arange(29)).worthwhile
