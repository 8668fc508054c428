"""The embedded tasks' encoder: made once in a store, whole or not at all."""

from pathlib import Path
from typing import Any

import pytest

from experiments.running.encoders import encoder_for
from mixkd_core.data.tasks import find_task
from mixkd_core.networks import embedded_encoder

TASK = find_task("embedded-sentiment")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_killed_start_leaves_nothing_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, it tidies nothing up: the next start does, and no folder has a name of its own."""
    written = embedded_encoder.write_embedded_encoder

    def killed(folder: Path, *, seed: int) -> Any:
        written(folder, seed=seed)
        (folder / "config.json").unlink()
        raise SystemExit

    monkeypatch.setattr(embedded_encoder, "write_embedded_encoder", killed)
    for _ in range(2):
        with pytest.raises(SystemExit):
            encoder_for(TASK, None, tmp_path)
        assert names(tmp_path) == {".locks", "encoder.partial"}
    monkeypatch.setattr(embedded_encoder, "write_embedded_encoder", written)
    encoder = encoder_for(TASK, None, tmp_path)
    assert names(tmp_path) == {".locks", "encoder"}
    assert (Path(encoder) / "config.json").is_file()
