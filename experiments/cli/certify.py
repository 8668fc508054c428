"""The command `mixkd certify`: bounds on the risks behind a table of held-out losses."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.grid import plain_console, plain_grid

if TYPE_CHECKING:
    from theory.bounds.bound import Bound
    from theory.bounds.certificates import TableCertificate
    from theory.bounds.losses import ClipReport


# A larger table is a slip, or is better certified in parts.
MOST_BYTES = 100 * 10**6
MOST_METHODS = 2000


def certify(
    losses: Annotated[
        Path,
        typer.Argument(
            metavar="LOSSES.csv",
            help="Held-out losses: a header of method names, then one row an example.",
        ),
    ],
    delta: Annotated[
        float, typer.Option(help="Probability with which a family of statements may fail.")
    ] = 0.05,
    loss_bound: Annotated[
        float, typer.Option(help="M: the largest value the loss can take, declared beforehand.")
    ] = 1.0,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Compare every other method with this one instead of all pairs; of more than 20 "
            "methods it is the first by default.",
        ),
    ] = None,
    clip: Annotated[
        bool, typer.Option("--clip", help="Replace losses above M by M, and say what that changed.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output, and nothing else.")
    ] = False,
) -> None:
    """Certify each method's risk and paired differences from held-out losses.

    Upper bounds hold for all methods together, and intervals for all
    differences together, each family with probability at least 1 - DELTA for
    one kind of bound chosen beforehand. Columns of 0 and 1 also get the exact
    binomial bounds. The rows must be independent examples, unused in training
    and selection, in an order fixed before looking at the losses.
    """
    from theory.bounds.certificates import as_document, certify_table
    from theory.bounds.losses import clip_losses

    columns: Mapping[str, list[float]] = _read(losses)
    clipped: dict[str, ClipReport] = {}
    table = dict(columns)
    if clip:
        for method, values in columns.items():
            kept, clipped[method] = clip_losses(values, loss_bound, name=f"column {method!r}")
            table[method] = kept.tolist()
    certificate = certify_table(table, delta, loss_bound, reference=reference, track=_track)
    if json:
        _print_json({**as_document(certificate), "clipping": _clip_documents(clipped)})
    else:
        _print_tables(certificate, clipped)


def _read(path: Path) -> dict[str, list[float]]:
    """Read {method: losses}; errors name the line of the file, its header being line 1."""
    import csv
    from io import StringIO

    from mixkd_core.errors import InputError

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise InputError(f"{path} cannot be read: {error}") from None
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{path} is larger than {MOST_BYTES // 10**6} MB, the most that is read; give fewer "
            "methods or examples at a time"
        )
    try:
        rows = list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from None
    while rows and not rows[-1]:  # lines without anything end a file; elsewhere a loss is missing
        rows.pop()
    if not rows:
        raise InputError(f"{path} is empty; give a header of method names and one row an example")
    methods = [name.strip() for name in rows[0]]
    if len(methods) > MOST_METHODS:
        raise InputError(
            f"{path} has {len(methods)} columns, more than the {MOST_METHODS} that are certified "
            "together; give fewer methods at a time"
        )
    if len(set(methods)) < len(methods) or "" in methods:
        raise InputError(
            f"the header of {path} is {', '.join(map(repr, methods))}; every column needs a name "
            "of its own"
        )
    if all(_is_number(name) for name in methods):
        raise InputError(
            f"the first row of {path} holds numbers only; it must be a header of method names"
        )
    columns: dict[str, list[float]] = {method: [] for method in methods}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) > len(methods):
            raise InputError(
                f"{path}: line {number} has {len(row)} values for {len(methods)} columns"
            )
        for method, text in zip(methods, row, strict=False):
            if not text.strip():
                continue
            if not _is_number(text):
                raise InputError(
                    f"{path}: line {number}, column {method!r} is {text!r}, which is no number"
                )
            if len(columns[method]) < number - 2:
                raise InputError(
                    f"{path}: column {method!r} is empty in line {len(columns[method]) + 2} but "
                    f"not in line {number}; every method needs a loss for every example"
                )
            columns[method].append(float(text))
    return columns


def _track(steps: "Sequence[Any]") -> "Iterable[Any]":
    """Return the steps and, where somebody looks on, show how many are done."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal or len(steps) < 100
    return track(steps, "certifying", console=console, transient=True, disable=hidden)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _clip_documents(clipped: "Mapping[str, ClipReport]") -> dict[str, dict[str, float | None]]:
    from dataclasses import asdict
    from math import isfinite

    return {
        method: {key: value if isfinite(value) else None for key, value in asdict(report).items()}
        for method, report in clipped.items()
    }


def _print_json(document: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def _print_tables(certificate: "TableCertificate", clipped: "Mapping[str, ClipReport]") -> None:
    kinds = ("exact", "betting", "empirical_bernstein", "hoeffding")
    titles = [kind.replace("_", " ") for kind in kinds]
    console = plain_console(file_width=140)
    level = f"{1 - certificate.delta:g}"
    console.print(
        f"Risk of each method from {certificate.n} losses in [0, {certificate.loss_bound:g}]: "
        f"upper bounds that hold together with probability {level} (each kind by itself)"
    )
    risks = plain_grid(("method", "mean loss", *titles), ("mean loss", *titles))
    for method in certificate.methods:
        cells = (_cell(method.bounds.get(kind)) for kind in kinds)
        risks.add_row(method.method, f"{method.mean:.4f}", *cells)
    console.print(risks)
    if certificate.differences:
        console.print()
        if certificate.reference is not None:
            console.print(f"Every method is compared with {certificate.reference} only.")
        console.print(
            f"Paired differences of risk, first minus second: intervals that hold together with "
            f"probability {level} (each kind by itself)"
        )
        pairs = plain_grid(("first - second", "mean", *titles), ("mean", *titles))
        for difference in certificate.differences:
            cells = (
                f"[{_cell(interval.lower)}, {_cell(interval.upper)}]"
                if (interval := difference.intervals.get(kind))
                else "-"
                for kind in kinds
            )
            pairs.add_row(
                f"{difference.first} - {difference.second}",
                f"{difference.mean:+.4f}",
                *cells,
            )
        console.print(pairs)
    console.print()
    for name, report in clipped.items():
        typer.echo(
            f"clipped {name}: {report.clipped} of {report.n} losses above {report.loss_bound:g} "
            f"(largest {report.largest:g}); mean {report.mean_before:.4f} became "
            f"{report.mean_after:.4f}, and every statement is about the clipped loss"
        )
    typer.echo(
        "(v) vacuous: says no more than the range of the loss. Choose the kind of bound before "
        "looking; rows must be independent, held out, and in an order fixed beforehand."
    )


def _cell(bound: "Bound | None") -> str:
    if bound is None:
        return "-"
    return f"{bound.value:.4f}{' (v)' if bound.vacuous else ''}"
