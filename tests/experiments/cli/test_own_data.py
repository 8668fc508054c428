"""What the options say about a file of one's own."""

from pathlib import Path

import pytest

from experiments.cli.own_data import check_held_out, listed_labels, own_task
from mixkd_core.errors import InputError


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("a,b", ("a", "b")),
        (" a , b c ", ("a", "b c")),
        ('"help, EU",sales', ("help, EU", "sales")),
        ('sales, "say ""hi"", now"', ("sales", 'say "hi", now')),
        ("True,False", ("True", "False")),
    ],
)
def test_label_names_may_hold_commas(given: str, names: tuple[str, ...]) -> None:
    assert listed_labels(given) == names


@pytest.mark.parametrize("given", ["pos,,neg", "a,b,", ",a", "", " , ", '"a,b', 'a,"b"c', "a\nb"])
def test_a_list_of_labels_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="--labels"):
        listed_labels(given)


@pytest.mark.parametrize(
    ("column", "names", "said"),
    [
        ("queue", ("help", "sales"), "2 classes, help, sales"),
        ("urgent", ("0", "1"), "2 classes, 0, 1"),
        ("score", None, "real values"),
    ],
)
def test_labels_are_read_off_the_file_and_said(
    tmp_path: Path, column: str, names: tuple[str, ...] | None, said: str
) -> None:
    path = tmp_path / "train.csv"
    rows = [f"text {row},{'help' if row % 2 else 'sales'},{row % 2},{row / 7}" for row in range(8)]
    path.write_text("\n".join(["text,queue,urgent,score", *rows]))
    heard: list[str] = []

    def described(regression: bool) -> tuple[str, ...] | None:
        return own_task(
            "mine",
            path,
            text_column="text",
            text_pair_column=None,
            label_column=column,
            labels=None,
            regression=regression,
            say=heard.append,
        ).label_names

    assert described(regression=False) == names
    assert said in heard[0]
    assert described(regression=True) is None
    assert len(heard) == 1


def test_something_must_be_held_out() -> None:
    for arguments in ((None, None, 1.0, 5000), (None, None, 0.8, 0)):
        with pytest.raises(InputError, match=r"--dev-fraction 0\.2"):
            check_held_out(*arguments)
    check_held_out(None, None, 0.8, 5000)
    check_held_out(None, 0.2, 1.0, 0)
    check_held_out(Path("dev.csv"), None, 1.0, 0)
