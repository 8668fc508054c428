"""A plan with a run that cannot be is refused before anything is trained."""

from pathlib import Path
from typing import Any

import pytest

from experiments.planning.plan import Source, load_source, source_of
from experiments.planning.preflight import check_sets
from experiments.planning.settings import TaskSettings
from mixkd_core.errors import InputError


def own(tmp_path: Path, **files: Any) -> Source:
    path = tmp_path / "own.csv"
    path.write_text("text,label\n" + "".join(f"text {row},{'ab'[row % 2]}\n" for row in range(20)))
    settings = TaskSettings.model_validate({"files": {"train": str(path), **files}})
    return source_of("mine", settings, None)


def test_one_file_needs_a_held_out_part(tmp_path: Path) -> None:
    source = own(tmp_path)
    with pytest.raises(InputError, match=r"mine: at fraction 1 .* give 'evaluation' or 'dev_frac"):
        check_sets(source, 1.0, None)
    check_sets(source, 0.8, None)
    check_sets(source, 1.0, 0.2)
    check_sets(own(tmp_path, dev_fraction=0.2), 1.0, None)


def test_settings_of_the_files_reach_the_data(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"text {row},{row % 2}\n" for row in range(60)) + ",1")
    files = {"train": str(path), "dev_fraction": 0.2}
    with pytest.raises(InputError, match="1 row without a text"):
        load_source(source_of("mine", TaskSettings.model_validate({"files": files}), None))
    kept = {**files, "drop_empty": True}
    data = load_source(source_of("mine", TaskSettings.model_validate({"files": kept}), None))
    assert (len(data.train), len(data.evaluation["dev"])) == (48, 12)
    assert data.task.label_names == ("0", "1")
    real = {**kept, "regression": True}
    settings = TaskSettings.model_validate({"files": real})
    assert load_source(source_of("mine", settings, None)).task.is_regression
    with pytest.raises(ValueError, match="is a regression"):
        TaskSettings.model_validate({"files": {**real, "label_names": ["0", "1"]}})
