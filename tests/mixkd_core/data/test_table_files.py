"""Files of every kind that people have, and bytes of no kind at all."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.data import arrow_files, source_rows, splits, text_files
from mixkd_core.data.labels import read_label_names
from mixkd_core.data.source_rows import BrokenRow
from mixkd_core.data.splits import build_split
from mixkd_core.data.table_files import read_table
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

MINE = Task("mine", ("text",), "label", ("no", "yes"))


@pytest.mark.parametrize(
    ("text", "separated", "columns"),
    [
        ("text,label\na,yes\n", None, ("text", "label")),
        ("text;label\na;yes\n", "semicolons", ("text", "label")),
        ("text\tlabel\na\tyes\n", "tabs", ("text", "label")),
        ("id|text|label\n1|a|yes\n", "vertical bars", ("id", "text", "label")),
        ('"text","label"\n"a;b",yes\n', None, ("text", "label")),
        ('"text";"label, as given"\n"a,b";yes\n', "semicolons", ("text", "label, as given")),
        ("id;text, or so;label\n1;a;yes\n", "semicolons", ("id", "text, or so", "label")),
        ("text\na\n", None, ("text",)),
    ],
)
def test_the_separator_is_guessed_and_said(
    tmp_path: Path, text: str, separated: str | None, columns: tuple[str, ...]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeff" + text, encoding="utf-8")
    table = read_table(path)
    assert table.columns == columns
    assert len(list(table.rows)) == 1
    assert [separated in remark for remark in table.remarks if separated] == [True] * bool(
        separated
    )
    assert bool(table.remarks) == bool(separated)


def test_a_field_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'text,label\n"{"long " * 50_000}",yes\n')
    ((_, row),) = read_table(path).rows
    assert not isinstance(row, BrokenRow)
    assert len(row["text"]) == 250_000


def test_a_tsv_that_looks_quoted_is_read_as_it_stands_and_remarked_on(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"a ""quoted"" text"\tyes\nan "inner" one\tno\n"\tno\n')
    table = read_table(path)
    assert any("has 1 field in double quotes" in remark for remark in table.remarks)
    assert next(iter(table.rows))[1]["text"] == '"a ""quoted"" text"'  # type: ignore[index]
    path.write_text("text\tlabel\na\tyes\n")
    assert not read_table(path).remarks


def limited(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, most in limits.items():
        for module in (source_rows, splits, arrow_files, text_files):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, most)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"MOST_BYTES": 20}, r"bytes.*at most 20"),
        ({"MOST_ROWS": 2}, r"and that is the most|at most .* and 2 rows"),
        ({"MOST_COLUMNS": 1}, r"has 2 columns"),
        ({"MOST_CHARACTERS": 4}, r"texts of up to 4"),
    ],
    ids=["bytes", "rows", "columns", "characters"],
)
def test_a_table_has_limits(
    tmp_path: Path,
    ending: str,
    limits: dict[str, int],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [{"text": f"text {row}", "label": ("no", "yes")[row % 2]} for row in range(4)]
    path = tmp_path / f"a.{ending}"
    if ending in ("csv", "tsv"):
        separator = "," if ending == "csv" else "\t"
        lines = [separator.join(row.values()) for row in ({"a": "text", "b": "label"}, *rows)]
        path.write_text("\n".join(lines) + "\n")
    elif ending == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif ending == "json":
        path.write_text(json.dumps(rows))
    else:
        table = pa.Table.from_pylist(rows)
        write = pa.parquet.write_table if ending == "parquet" else pa.feather.write_feather
        write(table, path)
    build_split(MINE, "train", read_table(path))
    limited(monkeypatch, **limits)
    with pytest.raises(InputError, match=said):
        build_split(MINE, "train", read_table(path))


def test_a_small_parquet_file_that_unpacks_to_much_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(pa.table({"text": ["a" * 50_000] * 10, "label": ["no"] * 10}), path)
    assert path.stat().st_size < 10_000
    limited(monkeypatch, MOST_BYTES=20_000)
    monkeypatch.setattr(pa.parquet, "read_table", None)
    with pytest.raises(InputError, match=r"unpacks to .* at most 20,000"):
        read_table(path)


def test_numbers_of_json_are_finite(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for number in ("1e999", "-Infinity", "Infinity"):
        path.write_text(f'{{"text": "a", "label": {number}}}')
        with pytest.raises(InputError, match=r"line 1: the number .* is not finite"):
            read_table(path)
    path.write_text('{"text": "a", "label": NaN}')
    assert next(iter(read_table(path).rows))[1]["label"] is None  # type: ignore[index]


def test_lines_of_json_may_be_called_json(tmp_path: Path) -> None:
    path = tmp_path / "a.JSON"
    path.write_text('{"text": "a"}\n\n{"text": "b"}\n')
    assert [(place, row) for place, row in read_table(path).rows] == [
        (1, {"text": "a"}),
        (3, {"text": "b"}),
    ]


def test_a_repeated_column_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label,note,note\na,yes,1,2\n")
    remarks: list[str] = []
    build_split(MINE, "train", read_table(path), remark=remarks.append)
    assert "several columns called 'note'" in remarks[0]
    path.write_text("text,label,text\na,yes,1\n")
    with pytest.raises(InputError, match="2 columns called 'text'"):
        build_split(MINE, "train", read_table(path))


@pytest.mark.parametrize("kind", ["parquet", "saved"])
def test_declared_classes_come_by_name(tmp_path: Path, kind: str) -> None:
    """Their order may be another than the task's."""
    features = datasets.Features(
        text=datasets.Value("string"), label=datasets.ClassLabel(names=["yes", "no"])
    )
    rows = {"text": ["a", "b"], "label": [0, 1]}
    data = datasets.Dataset.from_dict(rows, features=features)
    path = tmp_path / f"a.{kind}"
    data.to_parquet(path) if kind == "parquet" else data.save_to_disk(path)
    table = read_table(path)
    assert list(build_split(MINE, "train", table)["label"]) == [1, 0]
    labels = [row["label"] for _, row in read_table(path).rows if not isinstance(row, BrokenRow)]
    assert read_label_names(labels, "it") == ("no", "yes")


CLASSES = '{"info": {"features": {"label": %s}}}'


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize(
    ("metadata", "labels"),
    [
        (CLASSES % '{"names": ["yes", "no"], "_type": "ClassLabel"}', [1, 0]),
        (CLASSES % '{"names": 5, "_type": "ClassLabel"}', [0, 1]),
        (CLASSES % '{"_type": "Unheard"}', [0, 1]),
        ("[1]", [0, 1]),
        ("garbage", [0, 1]),
    ],
)
def test_metadata_of_strangers_stop_nobody(
    tmp_path: Path, ending: str, metadata: str, labels: list[int]
) -> None:
    path = tmp_path / f"a.{ending}"
    # A column of a type that `datasets` does not know, and nobody asked for.
    others = pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64()))
    table = pa.table({"text": ["a", "b"], "label": [0, 1], "others": others})
    table = table.replace_schema_metadata({"huggingface": metadata})
    if ending == "parquet":
        pa.parquet.write_table(table, path)
    else:
        with pa.ipc.new_stream(path, table.schema) as file:
            file.write_table(table)
    assert list(build_split(MINE, "train", read_table(path))["label"]) == labels


def test_a_repeated_column_of_an_arrow_table_is_named(tmp_path: Path) -> None:
    table = pa.table([["a"], ["b"]], names=["text", "text"])
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as file:
        file.write_table(table)
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    for name in ("a.arrow", "a.parquet"):
        with pytest.raises(InputError, match=rf"{name} has several columns called 'text': rename"):
            read_table(tmp_path / name)


def test_a_folder_of_several_splits_names_them(tmp_path: Path) -> None:
    data = datasets.Dataset.from_dict({"text": ["a"]})
    datasets.DatasetDict(train=data, validation=data).save_to_disk(tmp_path / "both")
    with pytest.raises(InputError, match=r"splits train, validation.*both/train"):
        read_table(tmp_path / "both")
    assert len(list(read_table(tmp_path / "both" / "train").rows)) == 1
    with pytest.raises(InputError, match="cannot be read as what"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        (False, r"3 rows without a text \(lines 3, 4, 6\) and 1 row without a label \(line 5\)"),
        (True, r"left out 3 rows without a text"),
    ],
)
def test_rows_without_text_or_label_are_counted(tmp_path: Path, drop: bool, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,yes\n,no\n  ,no\nb,\n,yes\nc,no\n")
    remarks: list[str] = []
    if not drop:
        with pytest.raises(InputError, match=f"{said}: mend the file, or .* --drop-empty"):
            build_split(MINE, "train", read_table(path))
        return
    data = build_split(MINE, "train", read_table(path), empty="drop", remark=remarks.append)
    assert data["text"][:] == ["a", "c"]
    assert data["example_id"][:] == ["train-0", "train-5"], "the places stay"
    (remark,) = remarks
    assert said in remark


def test_official_files_may_hold_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,yes\n,no\n")
    remarks: list[str] = []
    data = build_split(MINE, "train", read_table(path), empty="keep", remark=remarks.append)
    assert data["text"][:] == ["a", ""]
    assert "kept 1 row without a text (line 3)" in remarks[0]


SHREDS = st.sampled_from(
    [
        *(b"text", b"label", b"yes", b"no", b"1e999", b"NaN", b"null", b"true", b"\\ud800"),
        *(b",", b";", b"\t", b"|", b'"', b"\n", b"\r", b"\0", b"{", b"}", b"[", b"]", b":"),
        *(b"\xff", b"\xef\xbb\xbf", b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"),
    ]
)
BYTES = st.one_of(st.binary(max_size=60), st.lists(SHREDS, max_size=40).map(b"".join))


@settings(max_examples=150)
@given(
    content=BYTES,
    ending=st.sampled_from(["csv", "TSV", "json", "jsonl", "parquet", "arrow", "feather"]),
    names=st.sampled_from([("no", "yes"), None]),
)
def test_whatever_a_file_holds_it_is_read_or_refused(
    content: bytes, ending: str, names: tuple[str, ...] | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{ending}"
        path.write_bytes(content)
        refusal = ""
        try:
            build_split(Task("mine", ("text",), "label", names), "train", read_table(path))
        except InputError as error:
            refusal = str(error)
        assert "\n" not in refusal


def arrow_bytes() -> dict[str, bytes]:
    """A small table as each of Arrow's files."""
    table = pa.table({"text": [f"text {row}" for row in range(6)], "label": ["no", "yes"] * 3})
    parquet, stream, file = (pa.BufferOutputStream() for _ in range(3))
    pa.parquet.write_table(table, parquet)
    for sink, new in ((stream, pa.ipc.new_stream), (file, pa.ipc.new_file)):
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    sinks = {"parquet": parquet, "arrow": stream, "feather": file}
    return {ending: sink.getvalue().to_pybytes() for ending, sink in sinks.items()}


@pytest.mark.slow
@settings(max_examples=150)
@given(
    ending=st.sampled_from(["parquet", "arrow", "feather"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_arrow_file_is_read_or_refused(
    ending: str, changes: list[tuple[float, int]]
) -> None:
    """A wrong offset would lead outside the file's memory."""
    content = bytearray(arrow_bytes()[ending])
    for place, byte in changes:
        content[int(place * (len(content) - 1))] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{ending}"
        path.write_bytes(content)
        with suppress(InputError):
            build_split(MINE, "train", read_table(path))
