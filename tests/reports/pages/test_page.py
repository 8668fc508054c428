"""The page: self-contained, escaped, and working in a browser (headless Chromium, if it is there).

A script in the page sorts, filters and follows links, and looks at what is shown.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports.evidence.evidence import load_evidence
from reports.pages.report import TABLES, build, write, write_report
from tests.reports.pages.browser import DESKTOP, PHONE, shown

# A browser, or at least a whole report.
pytestmark = pytest.mark.slow

Run = Any
HOSTILE = '<img src=x onerror="document.title=1">&"\'</script><script>alert(1)</script>'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, writing_runs: Run) -> Path:
    write_run = writing_runs
    out: Path = tmp_path_factory.mktemp("runs")
    for fraction in (0.01, 0.1):
        for seed in range(3):
            for method, accuracy in (("ft", 0.75), ("kd", 0.8), ("sm+tmkd", 0.81)):
                write_run(
                    out, method=method, seed=seed, fraction=fraction,
                    sets={"train": (200, 0.95), "remainder": (400, accuracy), "dev": (200, 0.8)},
                )  # fmt: skip
    failed = write_run(out, method="kd", seed=7, finishing=False)
    (failed / "failure.json").write_text(json.dumps({"reason": HOSTILE}))
    write_run(out, method="kd", seed=8, versions={"mixkd": HOSTILE})
    return out


@pytest.fixture(scope="module")
def html(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(store, tmp_path_factory.mktemp("report"))


class Parsed(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_needs_nothing_but_itself(html: Path) -> None:
    text = html.read_text(encoding="utf-8")
    parsed = Parsed(text)
    for tag, attributes in parsed.tags:
        assert tag not in ("img", "iframe", "object", "link")
        assert not (tag == "script" and attributes), "no script from elsewhere"
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "tables/")), target
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_every_link_and_every_id_is_right(html: Path) -> None:
    parsed = Parsed(html.read_text(encoding="utf-8"))
    ids = [a["id"] for _, a in parsed.tags if a.get("id")]
    assert len(ids) == len(set(ids)), "each id once, in figures too"
    for _, attributes in parsed.tags:
        target = attributes.get("href") or attributes.get("xlink:href") or ""
        if target.startswith("#"):
            assert target[1:] in ids, target
        elif target:
            assert (html.parent / target).is_file(), target


def test_whatever_a_record_holds_is_escaped(html: Path) -> None:
    text = html.read_text(encoding="utf-8")
    assert text.count("&lt;img src=x") >= 2, "the reason of a failure, and a version"
    assert "<img" not in text
    assert text.count("<script>") == 1


def test_the_same_store_gives_the_same_report(store: Path, html: Path, tmp_path: Path) -> None:
    write(build(load_evidence(store)), tmp_path)
    files = [path for path in sorted(html.parent.rglob("*")) if path.is_file()]
    tables = {path.stem for path in files if path.suffix == ".csv"}
    assert len(tables) == len(TABLES) + 2, "the claims and their entries too"
    assert len({path.stem for path in files if path.suffix == ".png"}) >= 5
    for path in files:
        assert (tmp_path / path.relative_to(html.parent)).read_bytes() == path.read_bytes(), path


# What the browser is asked; the answers are compared in Python.
ASK = """
<script>
addEventListener("load", () => {
  const found = { errors };
  const column = (table, title) =>
    [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === title);
  const shown = (table, title) => {
    const place = column(table, title);
    return [...table.tBodies[0].rows].filter((row) => !row.hidden)
      .map((row) => row.cells[place].textContent.trim());
  };
  const seen = (element) => element.getClientRects().length > 0;
  // Of every table what a reader sees before touching it: numbers, the key, the last column.
  document.querySelectorAll(".claim").forEach((claim) => { claim.open = true; });
  found.tables = [...document.querySelectorAll("main table")].map((table) => {
    const frame = table.closest(".scroll").getBoundingClientRect();
    const numbers = [...table.tBodies[0].rows].find(seen).querySelectorAll("td.number");
    const inside = [...numbers].filter((cell) => {
      const place = cell.getBoundingClientRect();
      return seen(cell) && cell.textContent !== "—" && place.left >= frame.left - 1
        && place.right <= Math.min(frame.right, innerWidth) + 1;
    });
    table.closest(".scroll").scrollLeft = 1e6;
    const key = table.tBodies[0].rows[0].cells[0].getBoundingClientRect();
    const kept = Math.abs(key.left - frame.left) <= 2;
    table.closest(".scroll").scrollLeft = 0;
    return { name: table.id, numbers: numbers.length, inside: inside.length, kept,
      over: table.scrollWidth - table.closest(".scroll").clientWidth };
  });
  const gaps = document.getElementById("gaps-table");
  const box = document.querySelector('.filters[data-table="gaps-table"]');
  const say = (field, value) => {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  found.first = shown(gaps, "loss");
  found.width = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
  const outside = (element) => {
    const frame = element.closest(".scroll, .drawing");
    return !frame && element.getBoundingClientRect().right > innerWidth + 1;
  };
  found.outside = [...document.querySelectorAll("main *")].filter(outside)
    .map((element) => element.outerHTML.slice(0, 80));
  found.clipped = [...document.querySelectorAll("td, .tiles dd, .verdict")]
    .filter((cell) => cell.offsetParent && cell.scrollWidth > cell.clientWidth + 1)
    .map((cell) => cell.textContent.slice(0, 60));
  const button = gaps.tHead.rows[0].cells[column(gaps, "gap")].querySelector("button");
  button.click();
  found.rising = shown(gaps, "gap");
  found.sorted = button.parentElement.getAttribute("aria-sort");
  button.focus();
  found.focused = document.activeElement === button;
  button.click();
  found.falling = shown(gaps, "gap");
  say(box.querySelector("input"), "SM+TMKD remainder");
  found.methods = shown(gaps, "method");
  found.sets = shown(gaps, "set");
  found.count = box.querySelector("output").value;
  const behind = document.getElementById("behind");
  const row = [...gaps.tBodies[0].rows].find((other) => !other.hidden);
  row.cells[column(gaps, "gap")].click();
  found.behind = [...behind.querySelectorAll("a")].map((a) => a.getAttribute("href"));
  found.row = [...row.querySelectorAll("details a")].map((a) => a.getAttribute("href"));
  found.told = behind.querySelector("p").textContent;
  found.gap = row.cells[column(gaps, "gap")].textContent;
  const frame = behind.getBoundingClientRect();
  found.inside = !behind.hidden && frame.left >= 0 && frame.right <= innerWidth
    && frame.top >= 0 && frame.bottom <= innerHeight;
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  found.closed = behind.hidden;
  say(box.querySelector("input"), "no such words");
  found.nothing = shown(gaps, "gap").length;
  const runs = document.querySelector('.filters[data-table="runs-table"]');
  say(runs.querySelector("input"), "no such words");
  const link = gaps.querySelector('a[href^="#run-"]');
  location.hash = link.getAttribute("href");
  const point = document.querySelector("#figure-risks .point");
  const place = point.getBoundingClientRect();
  const at = { bubbles: true, clientX: place.x, clientY: place.y };
  point.dispatchEvent(new PointerEvent("pointermove", at));
  found.tip = document.getElementById("tip").textContent;
  const drawing = document.querySelector("#figure-gap .drawing");
  drawing.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  found.key = document.getElementById("tip").textContent;
  drawing.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  found.entered = behind.querySelectorAll('a[href^="#run-"]').length;
  point.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  found.pointed = [...behind.querySelectorAll("a")].map((a) => a.textContent);
  setTimeout(() => {
    found.revealed = !document.querySelector(link.getAttribute("href")).hidden;
    found.title = document.title;
    const answer = document.createElement("pre");
    answer.id = "found-by-the-test";
    answer.textContent = JSON.stringify(found);
    document.body.append(answer);
  }, 300);
});
</script>
"""
CATCH = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => errors.push(event.blockedURI));
</script>
"""


@pytest.fixture(scope="module", params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def answers(request: pytest.FixtureRequest, html: Path, tmp_path_factory: Any) -> dict[str, Any]:
    """What the page did in a browser window of some size."""
    text = html.read_text(encoding="utf-8").replace("<head>", f"<head>{CATCH}", 1)
    return shown(tmp_path_factory.mktemp("browser"), text, ASK, request.param)


def test_it_loads_without_errors(answers: dict[str, Any]) -> None:
    assert answers["errors"] == []
    assert answers["title"].startswith("MixKD"), "no foreign script ran"


def test_it_fits_the_window(answers: dict[str, Any]) -> None:
    width, window = answers["width"]
    assert width <= window
    assert answers["outside"] == []
    assert answers["clipped"] == []


def test_every_table_shows_a_number_before_it_is_scrolled(answers: dict[str, Any]) -> None:
    for table in answers["tables"]:
        assert table["inside"] or not table["numbers"], table
        assert table["kept"], "the key of a row stays in view"


def test_on_a_desktop_no_column_is_out_of_sight(answers: dict[str, Any]) -> None:
    if answers["width"][1] > PHONE[0]:
        assert {
            table["name"]: table["over"] for table in answers["tables"] if table["over"] > 1
        } == {}


def test_a_long_table_opens_at_its_main_loss(answers: dict[str, Any]) -> None:
    assert set(answers["first"]) == {"0-1 error"}


def test_sorting_sorts_both_ways(answers: dict[str, Any]) -> None:
    rising = [float(text) for text in answers["rising"]]
    assert len(set(rising)) > 3
    assert rising == sorted(rising)
    assert answers["sorted"] == "ascending"
    assert [float(text) for text in answers["falling"]] == sorted(rising, reverse=True)
    assert answers["focused"], "the heading can be reached by the keyboard"


def test_filtering_keeps_what_was_asked_for(answers: dict[str, Any]) -> None:
    assert answers["methods"] == ["sm+tmkd"] * 2
    assert answers["sets"] == ["remainder"] * 2
    assert answers["count"].startswith("2 of ")
    assert answers["nothing"] == 0


def test_a_link_finds_its_run_even_when_filtered_away(answers: dict[str, Any]) -> None:
    assert answers["revealed"]


def test_a_number_leads_to_the_runs_behind_it(answers: dict[str, Any]) -> None:
    assert answers["behind"] == answers["row"]
    assert len(answers["behind"]) == 3, "a run a seed"
    assert answers["told"] == f"gap {answers['gap']}: 3 runs"
    assert answers["inside"]
    assert answers["closed"], "by the escape key"


def test_points_tell_their_numbers_to_pointer_and_keyboard(answers: dict[str, Any]) -> None:
    assert re.search(r"empirical 0\.\d{4}, remainder 0\.\d{4}, gap \+0\.\d{4}", answers["tip"])
    assert re.search(r"of sst2: \+?\d\.\d{4}", answers["key"])
    (run,) = answers["pointed"]
    assert f"(run {run})" in answers["tip"]
    assert answers["entered"] == 3, "a run a seed"
