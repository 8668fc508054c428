"""`mixkd doctor`: what this machine offers and what can be read from here."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.options import TrustRemoteCode
from mixkd_core.records.specs import TrainingSpec

if TYPE_CHECKING:
    from mixkd_core.data.task_data import TaskData

HUB_TIMEOUT_SECONDS = 5.0

# Of unequal length, for the look at a checkpoint.
SENTENCES = ("It rained.", "The train that left in the morning was late, and nobody said why.")

# Beyond which mixkd train cuts texts off where nothing is asked for.
USUAL_LENGTH: int = TrainingSpec.model_fields["max_length"].default

DoctorFinding = tuple[str, bool | None, str]


def doctor(
    data_dir: Annotated[
        Path | None, typer.Option(help="GLUE folder in the official TSV layout to look into.")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="Checkpoint to look into: a folder or a hub name.", metavar="CHECKPOINT"),
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
    hub: Annotated[bool, typer.Option(help="Whether to try to reach the hub.")] = True,
) -> None:
    """Say what is found: hardware, precision, versions, and whether inputs can be read.

    Ends with status 1 if something that was asked for cannot be read.
    """
    from experiments.running.quiet import quiet_libraries

    quiet_libraries()
    asked_for_failed = False
    for subject, good, detail in _findings(data_dir, teacher, hub):
        mark = {True: "ok", False: "NO", None: "--"}[good]
        typer.echo(f"{mark:>3}  {subject:<14} {detail}")
        asked_for_failed |= good is False
    if asked_for_failed:
        raise typer.Exit(1)


def _findings(data_dir: Path | None, teacher: str | None, hub: bool) -> Iterator[DoctorFinding]:
    from mixkd_core.records.environment import hardware, preferred_precision, versions

    for package, version in versions().items():
        yield package, None if version == "not installed" else True, version
    machine = hardware()
    yield (
        "processor",
        True,
        f"{machine.processor}, {machine.cores} cores, {machine.threads} threads",
    )
    yield (
        "accelerator",
        None if machine.accelerator is None else True,
        machine.accelerator or "none",
    )
    native = "computed natively" if machine.bf16 else "not computed natively"
    yield "precision", True, f"{preferred_precision()} (bfloat16 is {native} here)"
    yield _trainer()
    yield from _encoders()
    if hub:
        yield _hub()
    if data_dir is not None:
        yield from _data(data_dir)
    if teacher is not None:
        yield from _checkpoint(teacher)


def _trainer() -> DoctorFinding:
    try:
        import mixkd_core.training.trainer  # noqa: F401
    except Exception as error:  # whatever breaks the import is what the user wants to know
        return (
            "trainer",
            False,
            f"transformers' Trainer cannot be imported: {error}. A torchvision built for another "
            "torch does this: uninstall it.",
        )
    return "trainer", True, "transformers' Trainer can be imported"


def _encoders() -> Iterator[DoctorFinding]:
    from experiments.running.real_encoders import base_encoder, small_encoder
    from mixkd_core.errors import InputError

    places = {"6 layers, make encoder": small_encoder, "12 layers, make base-encoder": base_encoder}
    for name, find in places.items():
        try:
            folder = find()
        except InputError as error:
            yield "real encoder", False, str(error)
            continue
        if folder is None:
            yield "real encoder", None, f"not installed ({name})"
        else:
            yield "real encoder", True, f"{folder} ({name})"


def _hub() -> DoctorFinding:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        HfApi().model_info("bert-base-uncased", timeout=HUB_TIMEOUT_SECONDS)
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:
        return "hub", None, f"not reached ({type(error).__name__}): give folders instead of names"
    except Exception as error:  # the client's own errors differ by version and transport
        return "hub", None, f"not reached ({type(error).__name__}): give folders instead of names"
    return "hub", True, "reached"


def _data(data_dir: Path) -> Iterator[DoctorFinding]:
    from mixkd_core.data.sources import load_glue_folder
    from mixkd_core.data.tasks import GLUE, RESPLIT
    from mixkd_core.errors import InputError

    if not data_dir.is_dir():
        yield "data folder", False, f"{data_dir} is not a folder"
        return
    resplit = {task.tsv: task for task in RESPLIT.values()}
    for task in GLUE.values():
        assert task.tsv is not None
        if not (data_dir / task.tsv.folder).is_dir():
            yield task.name, None, f"no folder {task.tsv.folder} in {data_dir}"
            continue
        try:
            data = load_glue_folder(task, data_dir)
            if task.tsv in resplit and _sizes(data) == resplit[task.tsv].sizes:
                data = load_glue_folder(resplit[task.tsv], data_dir)
        except InputError as error:
            yield task.name, False, str(error)
            continue
        counts = ", ".join(f"{count} {name}" for name, count in _sizes(data).items())
        yield data.task.name, True, " ".join([f"{counts}.", *data.remarks])


def _sizes(data: "TaskData") -> dict[str, int]:
    return {name: len(split) for name, split in {"train": data.train, **data.evaluation}.items()}


def _checkpoint(teacher: str) -> Iterator[DoctorFinding]:
    from mixkd_core.errors import InputError
    from mixkd_core.networks.checkpoints import load_config, load_tokenizer

    try:
        config = load_config(teacher)
        tokenizer = load_tokenizer(teacher)
    except InputError as error:
        yield "checkpoint", False, str(error)
        return
    text = config.get_text_config()
    yield (
        "checkpoint",
        True,
        f"{config.model_type}, {getattr(text, 'num_hidden_layers', '?')} layers, width "
        f"{getattr(text, 'hidden_size', '?')}, {len(tokenizer)} tokens",
    )
    yield _training(teacher, config, tokenizer)


def _training(teacher: str, config: Any, tokenizer: Any) -> DoctorFinding:
    """Ask what mixkd train asks with its default method: a student of half the layers."""
    from datasets import Dataset

    from experiments.running.look_ahead import look_ahead
    from mixkd_core.data.tasks import Task
    from mixkd_core.errors import InputError
    from mixkd_core.networks.checkpoints import load_classifier
    from mixkd_core.networks.layers import layer_count
    from mixkd_core.networks.limits import settle_padding
    from mixkd_core.networks.students import choose_layers, student_from_layers
    from mixkd_core.objectives.objective import objective

    names = tuple(str(name) for name in config.id2label.values())
    task = Task("doctor", ("text",), "label", names if config.num_labels > 1 else None)
    texts = {"text": list(SENTENCES), "label": [0] * len(SENTENCES)}
    single = Dataset.from_dict(texts)
    paired = Dataset.from_dict({**texts, "text_pair": list(reversed(SENTENCES))})

    def look(student: Any, network: Any, split: Any) -> None:
        asked = objective("sm+tmkd")
        look_ahead(student, network, tokenizer, [split], asked, 0, max_length=USUAL_LENGTH)

    try:
        network = load_classifier(teacher, task)
        settle_padding(network, tokenizer)
        depth = layer_count(network)
        student = student_from_layers(network, choose_layers(depth, max(1, depth // 2), "first"))
        look(student, network, single)
    except InputError as error:
        return "training", False, str(error)
    try:
        look(student, network, paired)
    except InputError as error:
        return "training", None, f"on single texts as it should be, but not on pairs: {error}"
    known, rows = (
        max(tokenizer.get_vocab().values()) + 1,
        network.get_input_embeddings().num_embeddings,
    )
    if known > rows:
        return (
            "training",
            None,
            f"as it should be, but its tokenizer knows {known} tokens and its word table has "
            f"{rows} rows: data with one of the others are refused; call resize_token_embeddings "
            "before fine-tuning it, or take the tokenizer that it was trained with",
        )
    return (
        "training",
        True,
        "padding and mixing leave the logits of texts and of pairs as they are, and a student can "
        "be made from the layers",
    )
