"""A teacher's outputs on disk: found again exactly when what they follow from is the same."""

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixkd_core.data.token_table import TokenTable, token_table
from mixkd_core.errors import InputError
from mixkd_core.mixing.pairing import Pairs, pairs_over_dataset
from mixkd_core.networks import teacher_outputs
from mixkd_core.networks.inference import Inference, run_inference
from mixkd_core.networks.teacher_outputs import TeacherOutputs


@pytest.fixture
def table(tokenised_texts: Any) -> TokenTable:
    return token_table(tokenised_texts(10), 0)


def pairs(seed: int = 0) -> Pairs:
    return pairs_over_dataset(10, 1.0, 0.4, False, np.random.default_rng(seed))


def passes_of(model: Any) -> list[int]:
    """Grows with every forward pass of `model`."""
    seen: list[int] = []
    model.register_forward_hook(lambda *_: seen.append(1))
    return seen


def outputs_of(teacher: Any, table: TokenTable, folder: Path | None, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "state_layers": (1,),
        "precision": nullcontext,
        "precision_name": "no",
        "folder": folder,
    }
    return TeacherOutputs(teacher, table, **settings | changes)


def test_a_second_run_finds_what_the_first_computed(
    tmp_path: Path, table: TokenTable, tiny_classifier: Any
) -> None:
    teacher, again = tiny_classifier(seed=2), tiny_classifier(seed=2)
    first, second = passes_of(teacher), passes_of(again)
    made = outputs_of(teacher, table, tmp_path)
    found = outputs_of(again, table, tmp_path)
    for _ in range(2):
        np.testing.assert_array_equal(made.on_texts().logits, found.on_texts().logits)
        np.testing.assert_array_equal(made.on_texts().states, found.on_texts().states)
        np.testing.assert_array_equal(made.on_pairs(pairs, 0), found.on_pairs(pairs, 0))
    assert (len(first), len(second)) == (2, 2), "all once, and a batch of each to compare"
    plain = run_inference(tiny_classifier(seed=2), table, state_layers=(1,))
    np.testing.assert_array_equal(found.on_texts().logits, plain.logits)
    np.testing.assert_array_equal(found.on_texts().states, plain.states)
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_folder_they_are_kept_in_memory(table: TokenTable, tiny_classifier: Any) -> None:
    teacher = tiny_classifier(seed=2)
    passes = passes_of(teacher)
    outputs = outputs_of(teacher, table, None)
    for _ in range(3):
        outputs.on_texts()
        outputs.on_pairs(pairs, 0)
    assert len(passes) == 2


def nudged(teacher: Any) -> Any:
    with torch.no_grad():
        teacher.classifier.bias[0] += 1e-6
    return teacher


def with_config(teacher: Any, **changes: Any) -> Any:
    teacher.config.update(changes)
    return teacher


@pytest.mark.parametrize(
    "change",
    [
        lambda teacher, table: (nudged(teacher), table, {}),
        lambda teacher, table: (with_config(teacher, layer_norm_eps=1e-5), table, {}),
        lambda teacher, table: (teacher.double(), table, {}),
        lambda teacher, table: (
            teacher,
            dataclasses.replace(
                table, columns={name: values[::-1] for name, values in table.columns.items()}
            ),
            {},
        ),
        lambda teacher, table: (
            teacher,
            dataclasses.replace(table, offsets=np.array([0, 1, *table.offsets[2:]])),
            {},
        ),
        lambda teacher, table: (teacher, dataclasses.replace(table, pad_token_id=3), {}),
        lambda teacher, table: (teacher, table, {"state_layers": (2,)}),
        lambda teacher, table: (teacher, table, {"precision_name": "bf16"}),
    ],
    ids=["weight", "config", "type", "tokens", "lengths", "padding", "layers", "precision"],
)
def test_whatever_changes_the_outputs_changes_the_name(
    change: Callable[..., Any], tmp_path: Path, table: TokenTable, tiny_classifier: Any
) -> None:
    outputs_of(tiny_classifier(seed=2), table, tmp_path).on_texts()
    teacher, texts, settings = change(tiny_classifier(seed=2), table)
    outputs_of(teacher, texts, tmp_path, **settings).on_texts()
    assert len(list(tmp_path.iterdir())) == 2


def test_other_pairs_and_another_layer_have_another_name(
    tmp_path: Path, table: TokenTable, tiny_classifier: Any
) -> None:
    teacher = tiny_classifier(seed=2)
    for drawn, mix_layer in ((pairs, 0), (lambda: pairs(1), 0), (pairs, 1), (pairs, "pooled")):
        outputs_of(teacher, table, tmp_path).on_pairs(drawn, mix_layer)
    assert len(list(tmp_path.iterdir())) == 4
    outputs_of(teacher, table, tmp_path).on_pairs(pairs, "pooled")
    assert len(list(tmp_path.iterdir())) == 4


def test_names_and_labels_of_a_teacher_do_not_matter(
    tmp_path: Path, table: TokenTable, tiny_classifier: Any
) -> None:
    outputs_of(tiny_classifier(seed=2), table, tmp_path).on_texts()
    renamed = with_config(tiny_classifier(seed=2), id2label={0: "a", 1: "b", 2: "c"})
    renamed.config._name_or_path = "elsewhere"
    relabelled = dataclasses.replace(table, labels=table.labels[::-1])
    outputs_of(renamed, relabelled, tmp_path).on_texts()
    assert len(list(tmp_path.iterdir())) == 1


def swapped(folder: Path) -> None:
    """Two files, each under the other's name."""
    one, other = sorted(folder.iterdir())
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)


def rewritten(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Every file with its arrays changed, and a checksum that is right."""

    def rewrite(folder: Path) -> None:
        for path in folder.iterdir():
            found = teacher_outputs._read(path, path.stem)
            states = None if found.states is None else change(found.states)
            path.unlink()
            teacher_outputs._write(path, path.stem, Inference(change(found.logits), states))

    return rewrite


@pytest.mark.parametrize(
    "harm",
    [
        swapped,
        rewritten(lambda array: array[::-1]),
        rewritten(lambda array: array[:-1]),
        rewritten(lambda array: array + 0.01),
        rewritten(lambda array: array * np.float32(np.nan)),
    ],
    ids=["swapped", "reversed", "cut", "shifted", "nan"],
)
def test_outputs_that_are_not_the_teachers_are_computed_anew(
    harm: Callable[[Path], None],
    tmp_path: Path,
    table: TokenTable,
    tiny_classifier: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = outputs_of(tiny_classifier(seed=2), table, tmp_path)
    texts, mixed = made.on_texts(), made.on_pairs(pairs, 0)
    harm(tmp_path)
    found = outputs_of(tiny_classifier(seed=2), table, tmp_path)
    np.testing.assert_array_equal(found.on_texts().logits, texts.logits)
    np.testing.assert_array_equal(found.on_texts().states, texts.states)
    np.testing.assert_array_equal(found.on_pairs(pairs, 0), mixed)
    assert caplog.text.count("are damaged") == 2


def test_under_autocast_another_order_is_noticed_and_rounding_is_not(
    tmp_path: Path, table: TokenTable, tiny_classifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A teacher's logits may differ by little from text to text, and are still told apart."""

    def teacher() -> Any:
        network = tiny_classifier(seed=2)
        with torch.no_grad():
            network.classifier.weight *= 0.02
        return network

    def outputs() -> Any:
        settings = {"precision_name": "bf16", "state_layers": ()}
        return outputs_of(teacher(), table, tmp_path, **settings)

    made = outputs().on_texts().logits
    spread = made.std(axis=0).max()
    assert spread < 0.05, "less than any tolerance of logits as such would let pass"
    rewritten(lambda array: array + np.float32(0.02 * spread))(tmp_path)
    np.testing.assert_array_equal(outputs().on_texts().logits, made + np.float32(0.02 * spread))
    assert not caplog.text
    rewritten(lambda array: array[::-1])(tmp_path)
    np.testing.assert_array_equal(outputs().on_texts().logits, made)
    assert "the teacher gives other outputs" in caplog.text


@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied", "other"])
def test_a_damaged_file_is_named_and_computed_anew(
    harm: str,
    tmp_path: Path,
    table: TokenTable,
    tiny_classifier: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = outputs_of(tiny_classifier(seed=2), table, tmp_path).on_texts()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    path.write_bytes(
        {"cut": whole[:-9], "flipped": flipped, "emptied": b"", "other": b"{}" * 40}[harm]
    )
    found = outputs_of(tiny_classifier(seed=2), table, tmp_path).on_texts()
    np.testing.assert_array_equal(found.logits, made.logits)
    assert f"{path} are damaged" in caplog.text
    assert path.read_bytes() == whole


def test_what_is_too_large_is_not_kept(
    tmp_path: Path, table: TokenTable, tiny_classifier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_outputs, "MOST_BYTES", 100)
    outputs_of(tiny_classifier(seed=2), table, tmp_path).on_texts()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, table: TokenTable, tiny_classifier: Any
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give another teacher_cache_dir"):
        outputs_of(tiny_classifier(), table, tmp_path / "file" / "cache").on_texts()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"method": "kd"}, {"method": "tmkd", "fixed_draws": True}, {"method": "pkd"}]
)
def test_runs_of_the_trainer_share_them_and_learn_the_same(
    settings: dict[str, Any],
    tmp_path: Path,
    mixkd_trainer: Any,
    tiny_classifier: Any,
    weights_of: Any,
) -> None:
    """Without a folder, with an empty one, and with what the run before left there."""
    after, times = [], []
    for folder in (None, str(tmp_path / "kept"), str(tmp_path / "kept")):
        student, teacher = tiny_classifier(seed=1), tiny_classifier(layers=4, seed=2)
        mixkd_trainer(
            student=student, teacher=teacher, teacher_cache_dir=folder, **settings
        ).train()
        after.append(weights_of(student))
        times.append([path.stat().st_mtime_ns for path in (tmp_path / "kept").glob("*")])
    assert times[0] == []
    assert times[1] == times[2] != [], "found, not written again"
    assert torch.equal(after[0], after[1])
    assert torch.equal(after[0], after[2])
