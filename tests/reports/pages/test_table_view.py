"""A table's layout on the page: nothing said twice, what decides in view, details on demand."""

import pandas as pd

from reports.pages.table_view import TableView, table_view
from reports.tables.table import Column, Table

COLUMNS = (
    Column("task", "task"),
    Column("fraction", "fraction", "share"),
    Column("method", "method", role="key"),
    Column("set", "set"),
    Column("value", "mean", "number"),
    Column("sd", "sd", "number", role="detail"),
    Column("missing", "latency", "number"),
    Column("verdict", "verdict"),
)


def view(**changes: object) -> TableView:
    rows = {
        "task": ["sst2", "sst2"],
        "fraction": [0.01, 0.01],
        "method": ["kd", "sm+tmkd"],
        "set": ["dev", "remainder"],
        "value": [0.8, 0.9],
        "sd": [0.1, 0.2],
        "missing": [None, None],
        "verdict": ["supported", "supported"],
        "runs": ["a b", "c"],
    }
    return table_view(Table("some", "Some", "", COLUMNS, pd.DataFrame(rows | changes)))


def test_what_is_the_same_in_every_row_is_said_once() -> None:
    assert view().constant == (("task", "sst2"), ("fraction", "1 %"))
    assert view().absent == ("latency",)
    assert view(task=["sst2", "rte"]).constant == (("fraction", "1 %"),)


def test_what_came_out_stays_even_where_it_came_out_alike() -> None:
    """Equal numbers and verdicts are results; a reader looks for them in the rows."""
    same = view(value=[0.8, 0.8])
    assert [head.title for head in same.heads] == ["method", "set", "mean", "sd", "verdict"]


def test_the_key_comes_first_and_numbers_before_words_about_them() -> None:
    assert [head.title for head in view().heads] == ["method", "set", "mean", "sd", "verdict"]
    assert view().heads[0].css == "key"
    assert [row.where for row in view().rows] == ["dev", "remainder"], "for where there is no room"


def test_details_are_behind_a_switch() -> None:
    assert view().has_details
    assert [head.title for head in view().heads if "detail" in head.css] == ["sd"]


def test_numbers_lead_to_the_runs_behind_them() -> None:
    assert view().traced
    assert [row.runs for row in view().rows] == [("a", "b"), ("c",)]


def test_few_rows_need_no_search() -> None:
    assert not view().searched
    many = {name: values * 6 for name, values in {
        "task": ["sst2", "rte"], "fraction": [0.01, 0.1], "method": ["kd", "ft"],
        "set": ["dev", "dev"], "value": [0.8, 0.9], "sd": [0.1, 0.2], "missing": [None, None],
        "verdict": ["supported", "contradicted"], "runs": ["a", "b"],
    }.items()}  # fmt: skip
    long = view(**many)
    assert long.searched
    assert [choice.title for choice in long.choices] == ["method", "task", "fraction", "verdict"]
