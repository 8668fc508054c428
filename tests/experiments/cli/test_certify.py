"""`mixkd certify`: what it prints, its JSON, and the sentences it ends with on bad input."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app, main
from mixkd_core.errors import InputError
from theory.bounds.certificates import as_document, certify_table
from theory.errors import TheoryInputError

GENERATOR = np.random.default_rng(30)
COLUMNS = {
    "kd": (GENERATOR.random(60) < 0.3).astype(float),
    "mixkd": (GENERATOR.random(60) < 0.2).astype(float),
    "soft": GENERATOR.random(60),
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "losses.csv"
    rows = zip(*(column.tolist() for column in COLUMNS.values()), strict=True)
    lines = [",".join(COLUMNS), *(",".join(map(repr, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def _certify(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["certify", *map(str, arguments)], catch_exceptions=False)


def test_json_is_the_whole_output_with_full_precision(table: Path) -> None:
    result = _certify(table, "--delta", 0.1, "--json")
    document = json.loads(result.stdout)
    assert document.pop("clipping") == {}
    assert document == json.loads(json.dumps(as_document(certify_table(COLUMNS, 0.1))))
    assert result.stderr == ""


def test_the_tables_name_every_method_pair_and_kind(table: Path) -> None:
    output = _certify(table).stdout
    for text in ("kd - mixkd", "kd - soft", "mixkd - soft", "exact", "betting", "hoeffding"):
        assert text in output
    certificate = certify_table(COLUMNS, 0.05)
    for method in certificate.methods:
        for bound in method.bounds.values():
            assert f"{bound.value:.4f}" in output
    for difference in certificate.differences:
        for interval in difference.intervals.values():
            assert f"[{interval.lower.value:.4f}" in output
            assert f"{interval.upper.value:.4f}" in output
    assert "0.95" in output


def test_options_reach_the_bounds(table: Path) -> None:
    output = _certify(table, "--loss-bound", 2, "--delta", 0.2, "--json").stdout
    document = json.loads(output)
    assert (document["loss_bound"], document["delta"]) == (2.0, 0.2)
    assert "exact" not in document["methods"][0]["bounds"]


def test_clipping_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("kl\n0.5\n3.0\ninf\n0.25\n")
    with pytest.raises(TheoryInputError, match=r"column 'kl': row 1 .* is 3\.0"):
        _certify(path, "--loss-bound", 1)
    document = json.loads(_certify(path, "--clip", "--json").stdout)
    assert document["clipping"]["kl"]["clipped"] == 2
    assert document["clipping"]["kl"]["mean_before"] is None
    assert document["clipping"]["kl"]["mean_after"] == 0.6875
    assert "clipped kl: 2 of 4 losses above 1" in _certify(path, "--clip").stdout


def test_every_other_method_is_compared_with_the_reference(table: Path) -> None:
    output = _certify(table, "--reference", "mixkd").stdout
    assert "mixkd - kd" in output
    assert "mixkd - soft" in output
    assert "kd - soft" not in output.replace("mixkd - soft", "")
    assert "compared with mixkd only" in output
    document = json.loads(_certify(table, "--reference", "mixkd", "--json").stdout)
    assert document["reference"] == "mixkd"
    with pytest.raises(TheoryInputError, match="the nearest of 3 is 'kd'"):
        _certify(table, "--reference", "kdd")


def test_a_file_that_never_ends_and_one_too_wide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"/dev/zero is larger than 100 MB"):
        _certify("/dev/zero")
    wide = tmp_path / "wide.csv"
    names = [f"m{number}" for number in range(2001)]
    wide.write_text(",".join(names) + "\n" + ",".join("0" for _ in names) + "\n")
    with pytest.raises(InputError, match="2001 columns, more than the 2000"):
        _certify(wide)


def test_vacuous_bounds_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("a\n0.5\n0.25\n")
    assert "(v)" in _certify(path).stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n0,1\n1\n0,1\n", r"column 'b' is empty in line 3 but not in line 4"),
        ("a,b\n0,1\n1\n", "different lengths"),
        ("a,b\n", "column 'a' is empty"),
        ("a,b\n0,1,0\n", "line 2 has 3 values for 2 columns"),
        ("a,b\n0,x\n", "line 2, column 'b' is 'x'"),
        ("a,a\n0,1\n", "a name of its own"),
        ("a,\n0,1\n", "a name of its own"),
        ("0,1\n1,1\n", "must be a header"),
        ("a\nnan\n", "NaN"),
        ("a\n0\n\n1\n", r"column 'a' is empty in line 3 but not in line 4"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "losses.csv"
    path.write_text(text)
    with pytest.raises((InputError, TheoryInputError), match=message):
        _certify(path)


def test_a_missing_file_ends_with_one_sentence_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mixkd", "certify", str(tmp_path / "absent.csv")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mixkd: ")
    assert "absent.csv" in captured.err
    assert "Traceback" not in captured.err


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; import experiments.cli.certify; "
        "print(sorted({'torch', 'transformers', 'scipy', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
