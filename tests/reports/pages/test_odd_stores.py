"""Stores that no study leaves: each has a page that says what there is and can be read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mixkd_core.data.tasks import find_task
from mixkd_core.errors import InputError
from mixkd_core.records.specs import CheckpointRef
from reports.evidence.evidence import load_evidence
from reports.pages.page import page
from reports.pages.report import build, write_report
from tests.reports.pages.browser import DESKTOP, PHONE, shown

pytestmark = pytest.mark.slow

Run = Any
SETS = {"train": (60, 0.95), "remainder": (80, 0.8), "dev": (60, 0.8)}
LONG = "a-name-without-a-space" * 15


def one_run(write: Run) -> None:
    write(method="kd")


def one_seed(write: Run) -> None:
    for method in ("teacher", "ft", "kd", "sm+tmkd"):
        write(method=method)


def one_method(write: Run) -> None:
    for seed in range(5):
        write(method="kd", seed=seed)


def a_regression(write: Run) -> None:
    for seed in range(2):
        for method in ("ft", "kd", "sm+tmkd"):
            write(task=find_task("stsb"), method=method, seed=seed)


def none_finished(write: Run) -> None:
    for seed in range(2):
        write(method="kd", seed=seed, finishing=False)


def forty_methods(write: Run) -> None:
    write(method="kd")
    for place in range(40):
        write(method="sm+tmkd", mixup_ratio=0.1 * (place + 1))


def long_labels(write: Run) -> None:
    for place in range(2):
        named = CheckpointRef(name=f"{place}{LONG}", digest=f"{place}" * 16)
        for seed in range(2):
            write(method="kd", seed=seed, init="checkpoint", checkpoint=named)
            write(method="sm+tmkd", seed=seed, init="checkpoint", checkpoint=named)


STORES: dict[Callable[[Run], None], str] = {
    one_run: "One method (kd) on sst2 with 1 % of the data",
    one_seed: "on sst2 with 1 % of the data (60 examples), from one seed (0)",
    one_method: "from five seeds (0–4)",
    a_regression: "on stsb with 1 % of the data",
    none_finished: "No run is finished yet, so there is nothing to compare.",
    forty_methods: "Two methods (kd, sm+tmkd), with 39 further settings, on sst2",
    long_labels: "Two methods (kd, sm+tmkd)",
}

LOOK = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(String(event.message)));
addEventListener("load", () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const framed = (element) => element.closest(".scroll, .drawing, .skip, #tip, #behind");
  const tables = [...document.querySelectorAll("main table")].map((table) => {
    const frame = table.closest(".scroll").getBoundingClientRect();
    const row = [...table.tBodies[0].rows].find((one) => !one.hidden);
    const numbers = [...row.querySelectorAll("td.number")]
      .filter((cell) => cell.getClientRects().length && cell.textContent.trim() !== "—");
    const seen = numbers.filter((cell) => cell.getBoundingClientRect().right <=
      Math.min(frame.right, innerWidth) + 1);
    return { name: table.id, numbers: numbers.length, seen: seen.length };
  });
  const found = {
    errors, tables,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    outside: [...document.querySelectorAll("main *")].filter((element) =>
      !framed(element) && element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 80)),
    clipped: [...document.querySelectorAll("td, tbody th, .verdict, summary")]
      .filter((cell) => cell.offsetParent && cell.scrollWidth > cell.clientWidth + 1)
      .map((cell) => cell.textContent.slice(0, 60)),
  };
  const answer = document.createElement("pre");
  answer.id = "found-by-the-test";
  answer.textContent = JSON.stringify(found);
  document.body.append(answer);
});
</script>"""


@pytest.fixture(scope="module", params=STORES, ids=lambda store: store.__name__)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, writing_runs: Run
) -> tuple[str, str]:
    """The page of a store, and what its answer must say."""
    store = tmp_path_factory.mktemp("odd")
    request.param(lambda **settings: writing_runs(store, **{"sets": SETS} | settings))
    return page(build(load_evidence(store, unfinished=True))), STORES[request.param]


def test_the_answer_says_what_there_is(told: tuple[str, str]) -> None:
    text, answer = told
    assert answer in " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "nan" not in re.sub(r"<(script|style|svg)\b.*?</\1>", "", text, flags=re.DOTALL).split()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_shows_its_numbers(
    told: tuple[str, str], size: tuple[int, int], tmp_path: Path
) -> None:
    found = shown(tmp_path, told[0], LOOK, size)
    assert found["errors"] == found["outside"] == found["clipped"] == []
    assert found["wide"] <= 0
    for table in found["tables"]:
        assert table["seen"] or not table["numbers"], table


def test_a_folder_without_any_run_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no runs: make some with 'mixkd train', 'run'"):
        write_report(tmp_path, tmp_path / "report")
    assert not (tmp_path / "report").exists()
