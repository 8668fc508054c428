"""The README's results are what the committed results say, to the last digit."""

import datetime as dt
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from mixkd_core.errors import InputError
from reports.evidence.evidence import load_evidence, load_exports
from reports.evidence.export import ABOUT, is_export, write_export
from reports.figures.levels import accuracy
from reports.pages.readme import results_section, stale_sections, update_readme

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "experiments" / "results"

Run = Any

# What the README's figure is drawn from.
DRAWN = ("limited-data-sst2", "limited-data-sst2-base", "limited-data-sst2-base-3-tuned")
HOLE = "<!-- results:begin results -->\n<!-- results:end -->\n"


@pytest.fixture
def results(tmp_path: Path, write_run: Run) -> Path:
    """MixKD a point and a half better than KD on dev, from four seeds; fine-tuning from one."""
    out = tmp_path / "runs"

    def run(method: str, seed: int, dev: float) -> None:
        write_run(
            out, method=method, seed=seed,
            sets={"train": (100, 0.97), "remainder": (1000, 0.9), "dev": (200, dev)},
        )  # fmt: skip

    for seed, dev in enumerate((0.80, 0.82, 0.84, 0.86)):
        run("kd", seed, dev)
        run("sm+tmkd", seed, dev + 0.015)
    run("ft", 0, 0.5)
    write_run(out, method="ft", seed=1, finishing=False)
    evidence = load_evidence(out)
    write_export(evidence.entries, evidence.measurements, tmp_path / "results", dt.date(2026, 3, 1))
    return tmp_path / "results"


def row(section: str, *first: str) -> list[str]:
    """The cells of the row that begins with these."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    (found,) = [cells for cells in lines if cells[: len(first)] == list(first)]
    return found


@pytest.mark.slow
def test_the_section_says_what_was_planted(results: Path) -> None:
    section = results_section(results)
    assert "9 finished runs, as of 2026-03-01" in section
    assert "Encoder: an/encoder" in section
    assert "torch 2.13.0" in section
    assert "In no mean: 1 unfinished runs." in section
    assert "### sst2, 1 % of the training data\n" in section
    assert "Majority class: 0.500 on remainder (1000 examples), 0.500 on dev" in section
    # 0.83 with sd 0.0258 over four seeds: half of the interval is 3.182 · 0.0258 / 2.
    assert row(section, "kd", "4 (0–3)") == [
        "kd", "4 (0–3)", "0.900 ± 0.000", "0.830 ± 0.041", "0.030", "+0.070 ± 0.000",
    ]  # fmt: skip
    assert row(section, "ft", "1 (0)")[2:5] == ["0.900", "0.500", "0.030"]
    assert row(section, "sm+tmkd", "kd")[2:5] == [
        "4",
        "+0.0000 (+0.0000 to +0.0000), p 1.000",
        "+0.0150 (+0.0150 to +0.0150), p 0.125",
    ]
    assert row(section, "sm+tmkd", "ft")[2:5] == ["1", "+0.0000", "+0.3150"]
    assert "| inconclusive | With 1 % and 10 % of the data, MixKD exceeds distillation" in section


@pytest.mark.slow
def test_only_the_place_between_the_marks_is_written(results: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{HOLE}\ntail\n")
    assert stale_sections(readme) == ["results"]
    update_readme(readme, results)
    text = readme.read_text()
    assert text.startswith("# Title\n\n<!-- results:begin results -->\n9 finished runs")
    assert text.endswith("<!-- results:end -->\n\ntail\n")
    assert stale_sections(readme) == []
    update_readme(readme, results)
    assert readme.read_text() == text


@pytest.mark.slow
def test_a_digit_changed_on_either_side_is_noticed(
    results: Path, tmp_path: Path, write_run: Run
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(HOLE)
    update_readme(readme, results)
    readme.write_text(readme.read_text().replace("0.830 ±", "0.831 ±"))
    assert stale_sections(readme) == ["results"]
    update_readme(readme, results)
    write_run(tmp_path / "runs", method="ft", seed=5)
    evidence = load_evidence(tmp_path / "runs")
    write_export(evidence.entries, evidence.measurements, results, dt.date(2026, 3, 1))
    assert stale_sections(readme) == ["results"]


@pytest.mark.slow
def test_a_readme_without_the_place_is_told_how_to_make_one(results: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    with pytest.raises(InputError, match="cannot read"):
        update_readme(readme, results)
    readme.write_text("# Title\n" + HOLE.replace("begin results", "begin others"))
    with pytest.raises(InputError, match="add the lines '<!-- results:begin results -->'"):
        update_readme(readme, results)
    with pytest.raises(InputError, match="holds no exported results"):
        results_section(tmp_path)


@pytest.mark.slow
def test_the_projects_own_pages_agree_with_its_committed_results() -> None:
    committed = {path.parent for path in COMMITTED.glob(f"*/{ABOUT}")}
    shown = set()
    for readme in (ROOT / "README.md", COMMITTED / "README.md"):
        assert stale_sections(readme) == [], f"mixkd export FOLDER --readme {readme.name}"
        named = re.findall(r"<!-- results:begin (\S+) -->", readme.read_text(encoding="utf-8"))
        shown |= {readme.parent / name for name in named}
    assert shown == committed
    for folder in committed:
        assert is_export(folder)
        assert load_evidence(folder).gaps["gap"].notna().all()


@pytest.mark.slow
def test_what_mixkd_changes_joins_folders_and_follows_each_of_them(
    results: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "again"
    shutil.copytree(results, copy)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- results:overview results again -->\n<!-- results:end -->\n")
    assert stale_sections(readme) == ["results again"]
    update_readme(readme, copy)
    text = readme.read_text()
    assert stale_sections(readme) == []
    assert len(re.findall(r"^\| sst2 \| 1 % \| accuracy, dev \| ", text, flags=re.MULTILINE)) == 2
    readme.write_text(text.replace("+0.015", "+0.016"))
    assert stale_sections(readme) == ["results again"]


@pytest.mark.slow
def test_one_table_holds_the_methods_of_several_folders_and_counts_a_run_once(
    results: Path, tmp_path: Path, write_run: Run
) -> None:
    write_run(tmp_path / "rte", task="rte", method="kd", layers=2)
    rte = load_evidence(tmp_path / "rte")
    write_export(rte.entries, rte.measurements, tmp_path / "other", dt.date(2026, 3, 1))
    shutil.copytree(results, tmp_path / "again")
    readme = tmp_path / "README.md"
    readme.write_text("<!-- results:table results again other -->\n<!-- results:end -->\n")
    assert stale_sections(readme) == ["results again other"]
    update_readme(readme, tmp_path / "other")
    text = readme.read_text()
    assert stale_sections(readme) == []
    heading, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "rte, 1 %: accuracy, dev | sst2, 1 %: accuracy, dev" in heading
    assert "| kd | 3 layers | — | 0.830 ± 0.041 |" in text, "of four seeds"
    places = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in rows]
    assert places == [
        ("ft", "3 layers"), ("kd", "3 layers"), ("sm+tmkd", "3 layers"), ("kd", "2 layers"),
        ("majority class", ""),
    ]  # fmt: skip
    readme.write_text(text.replace("0.500", "0.501"))
    assert stale_sections(readme) == ["results again other"]
    shutil.rmtree(tmp_path / "again")
    with pytest.raises(InputError, match="again holds no exported results"):
        stale_sections(readme)


@pytest.mark.slow
def test_the_readmes_figure_is_drawn_from_the_committed_results() -> None:
    drawing = accuracy(load_exports([COMMITTED / name for name in DRAWN]))
    assert drawing is not None
    told = re.findall(r"<title>(.*?)</title>", (COMMITTED / "accuracy.svg").read_text("utf-8"))
    assert [unescape(text) for text in told] == list(drawing.notes.values())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "](experiments/results/accuracy.svg)" in readme
    assert len(readme.splitlines()) <= 200, "a front door; the rest is the experiments' own page"
