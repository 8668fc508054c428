"""Plain tables: titles over numbers fold at spaces, and lines that were given stay."""

import pytest

from experiments.cli.grid import TITLE_WIDTH, plain_console, plain_grid


def test_titles_over_numbers_leave_room_for_names(capsys: pytest.CaptureFixture[str]) -> None:
    title = "latency (ms), 95th percentile of all texts"
    grid = plain_grid(["network", title, "empirical\nrisk"], [title, "empirical\nrisk"])
    name = "a-task-1-s0-sm+tmkd-0123456789ab"
    grid.add_row(name, "1.5", "0.1")
    plain_console(file_width=80).print(grid)
    *heading, row = capsys.readouterr().out.splitlines()
    assert row.split() == [name, "1.5", "0.1"]
    assert heading[-1].split()[-1] == "risk", "a title's own lines stay"
    assert "empirical risk" not in "\n".join(heading)
    assert all(len(line.strip()) <= TITLE_WIDTH for line in str(grid.columns[1].header).split("\n"))


def test_a_long_word_is_not_broken() -> None:
    (column,) = plain_grid(["an_uncommonly_long_word"], ["an_uncommonly_long_word"]).columns
    assert column.header == "an_uncommonly_long_word"
