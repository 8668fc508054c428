"""A network that is no better than the majority class is called so wherever its number stands.

The small store's two networks answer one class; that is what its numbers say of them.
"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.cli.console import print_gaps
from mixkd_core.data.tasks import find_task
from mixkd_core.records.model_card import model_card
from mixkd_core.records.run_folder import find_records
from reports.evidence.evidence import load_evidence
from reports.statistics.majority import REMEDY, scores, sets_at_majority, warning
from reports.tables.gaps import gap_table, metric_table

STORE = Path(__file__).parents[2] / "data" / "store"
CALLED = "no better than the majority class"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "gaps", "claims"])
def test_commands_call_it_so_and_say_what_to_try(command: str) -> None:
    shown = CliRunner().invoke(app, [command, str(STORE)])
    assert shown.exit_code == 0, shown.output
    told = " ".join(shown.output.split())
    assert CALLED in told.lower()
    assert REMEDY in told
    assert "on dev" in told


def test_so_does_what_train_and_run_print(capsys: pytest.CaptureFixture[str]) -> None:
    print_gaps(load_evidence(STORE))
    told = " ".join(capsys.readouterr().out.split())
    assert f"{CALLED} on dev (accuracy): teacher (20 %), sm+tmkd (20 %)" in told
    assert REMEDY in told
    for record in find_records(STORE):
        assert sets_at_majority(record.summary) == ["remainder", "dev", "fresh"]
        assert scores(record.summary).count(CALLED) == 3


def test_so_do_the_tables_of_a_report() -> None:
    evidence = load_evidence(STORE)
    assert CALLED in gap_table(evidence).to_markdown().lower()
    assert {row["better"] for row in metric_table(evidence).rows if row["set"] == "dev"} == {"no"}


def test_so_does_the_card() -> None:
    (record, *_) = find_records(STORE)
    arguments = find_task(record.spec.task), record.spec, record.summary
    warned = model_card(*arguments, longest=64, warning=warning(record.summary))
    numbers = warned[warned.index("## Numbers") :]
    assert numbers.index(CALLED) < numbers.index("| set |"), "before anybody reads a number"
    assert CALLED not in model_card(*arguments, longest=64)
