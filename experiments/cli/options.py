"""Options that several commands take, declared once, and reading lists among them."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from mixkd_core.errors import InputError
from mixkd_core.records.settings import Setting

Value = TypeVar("Value", int, float, str)

NARROW = "Narrow it"
RUNS = Path("runs")

Out = Annotated[Path, typer.Option(help="Folder that run folders are written to.")]
StudyData = Annotated[
    Path | None,
    typer.Option(help="GLUE folder in the official TSV layout, in place of the study's."),
]
StudyTeacher = Annotated[
    str | None,
    typer.Option(
        help="Pre-trained encoder in place of the study's: a folder or a hub name.",
        metavar="CHECKPOINT",
    ),
]
AllowNewWeights = Annotated[
    bool,
    typer.Option(
        "--allow-new-weights",
        help="Take a checkpoint whose weights do not fit its configuration: what it lacks is made "
        "at random, what is left over is not used.",
    ),
]


def _trust(context: typer.Context, given: bool) -> bool:
    """Trust the code of checkpoints until the command ends, if that is asked for."""
    from mixkd_core.networks.gate import trusting_code

    if given:
        context.with_resource(trusting_code())
    return given


TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        callback=_trust,
        help="Run the code that a checkpoint brings; without it such a checkpoint is refused.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change any key of the study, such as students.0.layers=2; may be repeated.",
    ),
]
Seeds = Annotated[str | None, typer.Option(help="Only these, such as 0,1.", rich_help_panel=NARROW)]


def listed(given: str | None, kind: Callable[[str], Value], option: str) -> list[Value] | None:
    """`"0,1"` as `[0, 1]`.

    Raises:
        InputError: if it is no such list, or empty.
    """
    if given is None:
        return None
    try:
        values = [kind(part.strip()) for part in given.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"{option} {given!r} is not a list of numbers such as 0,1.") from None
    if not values:
        raise InputError(f"{option} {given!r} names nothing: leave it out to keep all.")
    return values


def with_settings(
    groups: Mapping[str, Mapping[str, Setting]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each setting, in place of its `**settings`.

    Args:
        groups: settings, by the name of their option, under the panel of the help that they
            stand in.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        options = [_option(its, panel) for panel, group in groups.items() for its in group.values()]
        own = [its for its in signature.parameters.values() if its.kind is not its.VAR_KEYWORD]
        command.__dict__["__signature__"] = signature.replace(parameters=[*own, *options])
        command.__annotations__.pop("settings")
        command.__annotations__.update({its.name: its.annotation for its in options})
        return command

    return decorate


def _option(setting: Setting, panel: str) -> inspect.Parameter:
    option = typer.Option(help=setting.help, rich_help_panel=panel)
    kind = setting.kind | None if setting.open else setting.kind
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=setting.default,
        annotation=Annotated[kind, option],
    )
