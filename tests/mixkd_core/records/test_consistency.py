"""Predictions on altered texts: written whole, read back the same, not believed when changed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixkd_core.data.relations.relation import RelatedText, relation
from mixkd_core.errors import DamagedRecordError
from mixkd_core.records.consistency import (
    ABOUT,
    PREDICTIONS,
    UNKNOWN,
    find_predictions,
    predictions_folder,
    read_predictions,
    stored_predictions,
    write_predictions,
)
from mixkd_core.records.run_folder import seal

RELATED = relation(
    "my texts/here",
    [
        RelatedText("a", "g", "same label", "typo", ("one",), ("oen",), 1, 1),
        RelatedText("b", "g", "changed label", "not", ("one",), ("not one",), 1, None),
        RelatedText("c", "h", "same label", "typo", ("two",), ("tow",), None, None),
    ],
    ["a remark."],
)
ABOUT_IT = {
    "run": "0123456789ab",
    "precision": "bf16",
    "read_alike": {"typo": 1},
    "seconds": 1.5,
    "versions": {"torch": "2"},
    "hardware": {"processor": "p", "accelerator": None},
}


def written(out: Path) -> Path:
    folder = predictions_folder(out, "0123456789ab", RELATED)
    rng = np.random.default_rng(0)
    logits, altered = rng.normal(size=(2, 3, 2)).astype(np.float32)
    write_predictions(folder, RELATED, logits, altered, ABOUT_IT)
    return folder


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert folder.parent == tmp_path / "consistency" / "0123456789ab"
    assert list(stored_predictions(tmp_path, "0123456789ab")) == [folder]
    found = read_predictions(folder)
    assert (found.about.source, found.about.digest) == (RELATED.name, RELATED.digest)
    assert found.about.remarks == ["a remark."]
    assert list(found.ids) == ["a", "b", "c"]
    assert list(found.groups) == ["g", "g", "h"]
    assert list(found.labels) == [1, 1, UNKNOWN]
    assert list(found.altered_labels) == [1, UNKNOWN, UNKNOWN]
    logits, altered = np.random.default_rng(0).normal(size=(2, 3, 2)).astype(np.float32)
    assert np.array_equal(found.logits, logits)
    assert np.array_equal(found.altered_logits, altered)
    assert not any("one" in path.read_text(errors="ignore") for path in folder.glob("*.json"))


def test_what_was_interrupted_is_not_there(tmp_path: Path) -> None:
    folder = written(tmp_path)
    folder.rename(folder.with_name(folder.name + ".partial"))
    assert find_predictions(folder) is None
    assert list(stored_predictions(tmp_path, "0123456789ab")) == []
    assert find_predictions(written(tmp_path)) is not None  # over what was left


@pytest.mark.parametrize("name", [ABOUT, PREDICTIONS])
def test_a_file_that_was_changed_is_not_believed(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DamagedRecordError):
        read_predictions(folder)
    assert find_predictions(folder) is None


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("kind", ["same label", "changed", "same label"], "a kind that there is not"),
        ("label", [1, 2, -1], "column label holds a class"),
        ("altered_label", [1, -2, -1], "column altered_label holds a class"),
        ("logits", [[0.0], [1.0], [2.0]], "differ in their classes"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, column: str, values: Any, message: str) -> None:
    folder = written(tmp_path)
    table = pd.read_parquet(folder / PREDICTIONS)
    dtype = np.float32 if column == "logits" else None
    table[column] = [np.array(one, dtype) for one in values] if dtype else values
    table.to_parquet(folder / PREDICTIONS, index=False)
    seal(folder)
    with pytest.raises(DamagedRecordError, match=message):
        read_predictions(folder)
