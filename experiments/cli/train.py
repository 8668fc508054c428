"""`mixkd train`: one teacher and one student, on real or embedded data."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from experiments.cli.options import RUNS, AllowNewWeights, Out, TrustRemoteCode, with_settings
from mixkd_core.errors import InputError
from mixkd_core.records.settings import (
    ALTERATION,
    DATA,
    EACH,
    EVALUATION,
    MIXUP,
    OBJECTIVE,
    STUDENT,
    TRAINING,
    Setting,
    settings_of,
)
from mixkd_core.records.specs import (
    Alteration,
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    draw_settings,
)
from mixkd_core.records.usual import (
    ENOUGH_STEPS,
    RATE_OF_RANDOM_WEIGHTS,
    RATE_OF_STUDENTS,
    usual_epochs,
    usual_rate,
)

if TYPE_CHECKING:
    from mixkd_core.objectives.objective import Objective

OBJECTIVE_SETTINGS = settings_of(StudentSpec, OBJECTIVE)
MIXUP_SETTINGS = settings_of(StudentSpec, MIXUP)
TRAINING_SETTINGS = settings_of(TrainingSpec, TRAINING)  # of both networks
EACH_SETTINGS = settings_of(TrainingSpec, EACH)  # where the networks may differ
RUN_SETTINGS = settings_of(RunSpec, DATA)
_ALTERATION, _STUDENT = settings_of(Alteration, ALTERATION), settings_of(StudentSpec, STUDENT)
_SIZES = settings_of(EvaluationSpec, EVALUATION)
AUTO = "auto"
PRECISIONS = (AUTO, *get_args(TrainingSpec.model_fields["precision"].annotation))


def _of_each(network: str, prefix: str, epochs: str) -> tuple[Setting, ...]:
    """Return the options of one network's training; `epochs` says what is done by default."""
    rate = EACH_SETTINGS["learning_rate"]
    usual = RATE_OF_STUDENTS if network == "student" else rate.default
    return (
        EACH_SETTINGS["epochs"].called(f"{prefix}epochs", f", of the {network}").left_open(epochs),
        rate.called(f"{prefix}learning_rate", f", of the {network}").left_open(
            f"{usual:g}, or {RATE_OF_RANDOM_WEIGHTS:g} for the embedded encoder"
        ),
    )


_EPOCHS = (
    f"{EACH_SETTINGS['epochs'].default:g}, or on small data as many as {ENOUGH_STEPS} steps take"
)
_OPTIONS = {
    DATA: (
        *RUN_SETTINGS.values(),
        _SIZES["remainder_size"],
        _ALTERATION["kind"].called("augmentation"),
        _ALTERATION["copies"].called("augmentation_copies"),
    ),
    STUDENT: (
        _STUDENT["layers"].called("student_layers").left_open("half the teacher's"),
        _STUDENT["layer_choice"].called("layers"),
        _STUDENT["init"].called("student", "; for the last give its folder or hub name"),
    ),
    OBJECTIVE: OBJECTIVE_SETTINGS.values(),
    MIXUP: MIXUP_SETTINGS.values(),
    TRAINING: (
        *TRAINING_SETTINGS.values(),
        *_of_each("student", "", _EPOCHS),
        *_of_each(
            "teacher",
            "teacher_",
            "none where --teacher is a classifier of the task's labels, which is used as it is (as "
            "is any by 0), else as the student",
        ),
        replace(
            EACH_SETTINGS["precision"].called(
                "precision", f"; by default {AUTO}, bf16 where the hardware computes it natively"
            ),
            default=AUTO,
        ),
    ),
}


@with_settings({panel: {its.name: its for its in group} for panel, group in _OPTIONS.items()})
def train(
    context: typer.Context,
    task: Annotated[
        str,
        typer.Option(help="A GLUE task, an embedded task, or any name with --train-file."),
    ],
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Pre-trained encoder for the teacher: a folder or a hub name. Embedded tasks "
            "bring a small one of their own.",
            metavar="CHECKPOINT",
        ),
    ] = None,
    allow_new_weights: AllowNewWeights = False,
    trust_remote_code: TrustRemoteCode = False,
    out: Out = RUNS,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="GLUE folder in the official TSV layout; without it, the hub.",
            rich_help_panel=DATA,
        ),
    ] = None,
    train_file: Annotated[
        Path | None,
        typer.Option(
            help="Your own data: CSV, TSV, JSON, JSONL, parquet or Arrow, or a folder that "
            "save_to_disk wrote.",
            rich_help_panel=DATA,
        ),
    ] = None,
    dev_file: Annotated[
        Path | None, typer.Option(help="Its development set.", rich_help_panel=DATA)
    ] = None,
    test_file: Annotated[
        Path | None,
        typer.Option(
            help="A labelled test set, of any task that is not embedded, to measure on too; a run "
            "that is finished is measured on it without being trained again.",
            rich_help_panel=DATA,
        ),
    ] = None,
    dev_fraction: Annotated[
        float | None,
        typer.Option(
            help="Share of its different texts to hold out as the development set, such as 0.2; "
            "by class, the same for every seed.",
            rich_help_panel=DATA,
        ),
    ] = None,
    drop_empty: Annotated[
        bool,
        typer.Option(
            "--drop-empty",
            help="Leave out its rows without a text or label, which are refused otherwise.",
            rich_help_panel=DATA,
        ),
    ] = False,
    text_column: Annotated[
        str, typer.Option(help="Its column with the text.", rich_help_panel=DATA)
    ] = "text",
    text_pair_column: Annotated[
        str | None, typer.Option(help="Its column with the second text.", rich_help_panel=DATA)
    ] = None,
    label_column: Annotated[
        str, typer.Option(help="Its column with the label.", rich_help_panel=DATA)
    ] = "label",
    labels: Annotated[
        str | None,
        typer.Option(
            help="Its label names in order, separated by commas (one that holds a comma in double "
            "quotes); read off the file if not given.",
            rich_help_panel=DATA,
        ),
    ] = None,
    regression: Annotated[
        bool,
        typer.Option(
            "--regression",
            help="Its label is a real number, even where whole numbers look like classes.",
            rich_help_panel=DATA,
        ),
    ] = False,
    translators: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Translation checkpoints (folders or hub names) into another language and back.",
            metavar="THERE BACK",
            rich_help_panel=DATA,
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            help="TERM=VALUE: change, drop (0) or add a term; may be repeated.",
            rich_help_panel=OBJECTIVE,
        ),
    ] = None,
    teacher_mixup: Annotated[
        bool,
        typer.Option(
            help="Fine-tune the teacher with label mixup too, of the student's alpha and ratio.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    **settings: Any,
) -> None:
    """Fine-tune a teacher (or find it), distil a student, and write a complete run folder.

    Started by accelerate launch -m mixkd (or torchrun), the processes share the run: each
    takes its part of a batch, and one of them writes.
    """
    from experiments.cli.console import print_gaps
    from experiments.cli.own_data import check_held_out, own_task
    from experiments.running.encoders import encoder_for
    from experiments.running.quiet import quiet_libraries
    from experiments.running.runner import Resources, run
    from mixkd_core.data.sources import load_task_data
    from mixkd_core.data.tasks import find_task
    from mixkd_core.networks.checkpoints import is_fine_tuned, load_config
    from mixkd_core.networks.label_order import label_names
    from mixkd_core.networks.layers import depth
    from mixkd_core.records.environment import preferred_precision
    from mixkd_core.records.places import this_command
    from mixkd_core.records.run_folder import find_record, read_record, record_folder
    from mixkd_core.records.specs import (
        AugmentationSpec,
        MixupSpec,
        checked,
        checkpoint_ref,
    )
    from reports.evidence.evidence import evidence_of

    quiet_libraries()
    fraction, student = settings["fraction"], settings["student"]
    augmentation, precision = settings["augmentation"], settings["precision"]
    if train_file is not None:
        check_held_out(dev_file, dev_fraction, fraction, settings["remainder_size"])
        described = own_task(
            task,
            train_file,
            text_column=text_column,
            text_pair_column=text_pair_column,
            label_column=label_column,
            labels=labels,
            regression=regression,
            say=typer.echo,
        )
    else:
        of_file = ("text_column", "text_pair_column", "label_column", "labels", "regression")
        if any(_was_given(context, name) for name in of_file):
            raise InputError(
                "--text-column, --text-pair-column, --label-column, --labels and --regression "
                f"describe a file of your own, and task {task!r} has its columns and labels: give "
                "--train-file too, or leave them out."
            )
        described = find_task(task)
    altering = any(_was_given(context, name) for name in ("augmentation_copies", "translators"))
    if augmentation is None and altering:
        raise InputError(
            "--augmentation-copies and --translators say how texts are altered, but not one is: "
            "give --augmentation too, or leave them out."
        )
    if precision not in PRECISIONS:
        raise InputError(f"--precision is {precision!r}: choose one of {', '.join(PRECISIONS)}.")
    encoder = encoder_for(described, teacher, out)
    own = student not in ("teacher", "pretrained")
    random_weights = teacher is None
    shared: dict[str, Any] = {
        **{name: settings[name] for name in TRAINING_SETTINGS},
        "precision": preferred_precision() if precision == AUTO else precision,
    }
    there, back = (None, None) if translators is None else map(checkpoint_ref, translators)
    copies = (
        None
        if augmentation is None
        else checked(
            AugmentationSpec,
            kind=augmentation,
            copies=settings["augmentation_copies"],
            forward=there,
            backward=back,
        )
    )
    student_spec = checked(
        StudentSpec,
        layers=settings["student_layers"]
        if settings["student_layers"] is not None or own
        else max(1, depth(load_config(encoder)) // 2),
        layer_choice=settings["layers"],
        init="checkpoint" if own else student,
        checkpoint=checkpoint_ref(student) if own else None,
        weights=_weights(weight or []),
        **{name: settings[name] for name in (*OBJECTIVE_SETTINGS, *MIXUP_SETTINGS)},
        training=checked(
            TrainingSpec,
            **_given(epochs=settings["epochs"]),
            learning_rate=_either(
                settings["learning_rate"],
                usual_rate(random_weights=random_weights, student=True),
            ),
            augmentation=copies,
            **shared,
        ),
    )
    _check_mixup_options(context, student_spec.objective, teacher_mixup=teacher_mixup)
    data = load_task_data(
        described,
        data_dir=data_dir,
        train_file=train_file,
        evaluation_files=None if dev_file is None else {"dev": dev_file},
        dev_fraction=dev_fraction,
        drop_empty=drop_empty,
        test_file=test_file,
    )
    for sentence in data.remarks:
        typer.echo(f"data: {sentence}")
    typer.echo(f"objective: {student_spec.objective.formula}")
    enough = usual_epochs(fraction * len(data.train), shared["batch_size"])
    if settings["epochs"] is None:
        longer = student_spec.training.model_copy(update={"epochs": enough})
        student_spec = student_spec.model_copy(update={"training": longer})
    spec = checked(
        RunSpec,
        task=described.name,
        data=data.fingerprint,
        fraction=fraction,
        seed=settings["seed"],
        encoder=checkpoint_ref(encoder),
        teacher=checked(
            TrainingSpec,
            epochs=_teacher_epochs(settings["teacher_epochs"], encoder, enough),
            learning_rate=_either(
                settings["teacher_learning_rate"],
                usual_rate(random_weights=random_weights, student=False),
            ),
            **shared,
        ),
        teacher_mixup=checked(
            MixupSpec, alpha=settings["mixup_alpha"], ratio=settings["mixup_ratio"]
        )
        if teacher_mixup
        else None,
        student=student_spec,
        evaluation=checked(EvaluationSpec, remainder_size=settings["remainder_size"]),
    )
    config = load_config(encoder)
    if is_fine_tuned(config) and described.label_names and label_names(config) is None:
        typer.echo(
            f"the labels of {encoder} have no names: its logits are taken in the order "
            f"{', '.join(described.label_names)}"
        )
    if not spec.teacher.epochs:
        typer.echo(
            f"{encoder} is a fine-tuned classifier and the teacher as it is: to train it on, give "
            "--teacher-epochs"
        )
    resources = Resources(
        data=data,
        encoder=encoder,
        out=out,
        student_checkpoint=student if own else None,
        translators={}
        if translators is None or there is None or back is None
        else {there.digest: translators[0], back.digest: translators[1]},
        allow_new_weights=allow_new_weights,
        command=this_command(),
        say=typer.echo,
    )
    if find_record(out, spec) is not None:
        typer.echo("this run was finished before: nothing is left to train")
    record = run(spec, resources)
    teacher_record = read_record(record_folder(out, spec.teacher_spec))
    print_gaps(evidence_of([teacher_record, record]))
    typer.echo(f"student: {record.summary['student_source']}")
    typer.echo(f"objective: {record.summary['objective']}")
    typer.echo(f"everything was written to {record.folder}")


def _was_given(context: typer.Context, name: str) -> bool:
    """Return True if an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _given(**values: Any) -> dict[str, Any]:
    """Return the values that are not left open."""
    return {name: value for name, value in values.items() if value is not None}


def _either(given: float | None, usual: float) -> float:
    return usual if given is None else given


def _teacher_epochs(given: float | None, encoder: str, usual: float) -> float:
    """Return the epochs asked for; by default none for a classifier that is fine-tuned already."""
    from mixkd_core.networks.checkpoints import is_fine_tuned, load_config

    if given is not None:
        return given
    return 0.0 if is_fine_tuned(load_config(encoder)) else usual


def _check_mixup_options(
    context: typer.Context, objective: "Objective", *, teacher_mixup: bool
) -> None:
    """Refuse options of mixup that were given where no network mixes by them."""
    of_teacher = ("mixup_alpha", "mixup_ratio") if teacher_mixup else ()
    in_force = draw_settings(objective)
    for name in MIXUP_SETTINGS:
        if name in in_force or name in of_teacher or not _was_given(context, name):
            continue
        value = context.params[name]
        given = f"--{name.replace('_', '-')}" + ("" if isinstance(value, bool) else f" {value}")
        raise InputError(
            f"{given} is about mixed samples, and the objective has no term on any "
            f"({objective.formula}): leave it out, or choose a method that mixes, such as sm+tmkd."
        )


def _weights(given: list[str]) -> dict[str, float]:
    """`["sm=0.5"]` as `{"sm": 0.5}`."""
    weights = {}
    for text in given:
        term, _, value = text.partition("=")
        try:
            weights[term] = float(value)
        except ValueError:
            raise InputError(
                f"--weight {text!r} is not TERM=VALUE with a number, such as sm=0.5."
            ) from None
    return weights
