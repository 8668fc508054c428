"""A file is replaced whole or stays as it was."""

from pathlib import Path

import pytest

from mixkd_core.atomic import replacing


def test_what_was_written_takes_the_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_where_writing_fails_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="no space"), replacing(path) as beside:  # noqa: PT012
        beside.write_text("half")
        raise OSError("no space")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
