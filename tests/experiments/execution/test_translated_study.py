"""A study whose students learn from back-translated texts, by translators of its own, offline."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.running.encoders import encoder_for
from mixkd_core.augmentation import back_translation
from mixkd_core.data.tasks import find_task
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import find_records

LINES = [
    "a warm and funny film about very little",
    "the plot goes nowhere and takes its time",
    "nobody laughed at the long joke",
    "an actor of great charm in a dull story",
    "slow at first but worth the wait",
]

STUDY = """
name: translated
stands_for: no table; a test
seeds: [0]
evaluation: {{fresh_size: 20}}
translators: {{forward: {there}, backward: {back}}}
defaults:
  teacher: {{epochs: 1, learning_rate: 1e-3, batch_size: 16, max_length: 64}}
  student: {{epochs: 1, learning_rate: 1e-3, batch_size: 16, max_length: 64}}
tasks:
  embedded-sentiment: {{train_size: 40, dev_size: 20}}
students:
  - layers: 1
methods:
  - kd
  - {{label: kd translated, method: kd, training: {{augmentation: {{kind: back-translation}}}}}}
  - {{label: kd swapped, method: kd, training: {{augmentation: {{kind: swap}}}}}}
"""


def written(folder: Path, there: Path, back: Path) -> str:
    path = folder / "translated.yaml"
    path.write_text(STUDY.format(there=there, back=back))
    return str(path)


@pytest.mark.slow
def test_a_study_names_its_translators_as_folders(
    tmp_path: Path, write_marian: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_translation, "MAXIMUM_TOKENS", 6)
    folders = [write_marian(tmp_path / name, LINES, seed) for seed, name in enumerate("ab")]
    arguments = ["run", written(tmp_path, *folders), "--out", str(tmp_path / "runs")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    records = [r for r in find_records(tmp_path / "runs") if r.spec.student is not None]
    augmented = {
        None if r.spec.training.augmentation is None else r.spec.training.augmentation.kind: (
            r.summary["augmented_examples"]
        )
        for r in records
    }
    assert augmented == {None: 0, "back-translation": 40, "swap": 40}
    assert len({r.summary["teacher_id"] for r in records}) == 1
    assert len(list((tmp_path / "runs" / "translations").iterdir())) == 2


def test_a_translator_that_does_not_translate_is_refused_before_anything_is_trained(
    tmp_path: Path, write_marian: Any
) -> None:
    translator = write_marian(tmp_path / "there", LINES, 0)
    out = tmp_path / "runs"
    encoder = encoder_for(find_task("embedded-sentiment"), None, out)  # reads texts, writes none
    plain = ["run", written(tmp_path, translator, Path(encoder)), "--out", str(out)]
    with pytest.raises(InputError, match="encoder' does not translate: give a sequence"):
        CliRunner().invoke(app, plain, catch_exceptions=False)
    assert not list(out.glob("embedded-*"))
