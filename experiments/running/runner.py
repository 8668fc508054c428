"""One run, from its specification to its record: data, teacher, student, evaluation."""

import datetime as dt
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from transformers import set_seed

from experiments.running.evaluation_sets import (
    evaluation_sets,
    remark_on_remainder,
    transfer_set,
)
from experiments.running.look_ahead import look_ahead
from experiments.running.measuring import lacks_test, measure_on_test, results_of, tables_of
from experiments.running.processes import count as processes
from experiments.running.processes import share_of_batch
from experiments.running.store import noting_failure, run_lock
from experiments.running.training import TOKENS, in_words, train
from mixkd_core.augmentation.back_translation import BackTranslation, Translator
from mixkd_core.augmentation.copies import augmented
from mixkd_core.data.columns import column_values
from mixkd_core.data.encoding import count_of_length, encode, encode_table
from mixkd_core.data.task_data import TaskData
from mixkd_core.errors import InputError
from mixkd_core.evaluation.encodings import latent_sample, latent_table
from mixkd_core.networks.checkpoints import (
    check_same_tokenizer,
    is_fine_tuned,
    load_classifier,
    load_config,
    load_stored_classifier,
    load_tokenizer,
)
from mixkd_core.networks.layers import depth, layer_count
from mixkd_core.networks.limits import settle_padding, text_limit
from mixkd_core.networks.students import choose_layers, student_from_layers
from mixkd_core.networks.weights import write_network
from mixkd_core.records.environment import describe
from mixkd_core.records.locks import holder
from mixkd_core.records.model_card import base_facts, model_card
from mixkd_core.records.run_folder import (
    RunRecord,
    find_record,
    finish,
    finish_sealed,
    partial_folder,
    write_examples,
    write_json,
    write_latent,
)
from mixkd_core.records.specs import RunSpec
from mixkd_core.training.checks import check_settings
from reports.statistics.majority import scores, warning

Say = Callable[[str], None]


@dataclass(frozen=True)
class Resources:
    """The things a run needs that its result does not depend on.

    Attributes:
        data: the task's examples (the specification holds their fingerprint).
        encoder: folder or hub name of the pre-trained encoder.
        out: folder that run folders are written to.
        student_checkpoint: folder or hub name of the student's own checkpoint, if it has one.
        translators: folders of translation checkpoints by digest; one that is missing here is
            looked for on the hub.
        allow_new_weights: whether checkpoints may lack weights of the network, which are then
            made at random, or have some beyond it.
        command: the command line that asked for the run, for the model card.
        say: told of each step that takes time.
        wait: whether to wait for a run that another process is working on.
    """

    data: TaskData
    encoder: str
    out: Path
    student_checkpoint: str | None = None
    translators: Mapping[str, str] = field(default_factory=dict)
    allow_new_weights: bool = False
    command: str = ""
    say: Say = print
    wait: bool = True


def run(spec: RunSpec, resources: Resources) -> RunRecord:
    """The record of `spec`: found, or made now; its teacher likewise.

    A record that is found is measured on the test set, if there is one and it was not.

    Several processes may ask for the same run: one does it.

    Raises:
        InputError: for anything in the specification that the data or checkpoints do not allow.
        NonFiniteError: if a loss became NaN or infinite.
        RunBusyError: if another process works on it and `resources` say not to wait.
        DiskFullError: if no space is left.
    """
    found = find_record(resources.out, spec)
    if found is not None and not lacks_test(found, resources.data):
        return found
    if found is None:
        check(spec, resources)

    def on_wait() -> None:
        who = holder(resources.out, spec.id)
        resources.say(f"{spec.folder_name}: waiting for the process that works on it ({who})")

    out = resources.out
    with run_lock(out, spec.id, on_wait if resources.wait else None):
        # Looked for once more: whoever held the lock may have finished it.
        found = find_record(out, spec) or finish_sealed(out, spec)
        if found is not None and not lacks_test(found, resources.data):
            return found
        with noting_failure(out, spec):
            if found is not None:
                return _measure_on_test(found, resources)
            return _run(spec, resources)


def _measure_on_test(record: RunRecord, resources: Resources) -> RunRecord:
    """Measure a locked run that is finished on the test set, and its teacher before it."""
    spec, data = record.spec, resources.data
    check_data(spec, data)
    teacher = run(spec.teacher_spec, resources) if spec.student is not None else None
    train = evaluation_sets(spec, data)["train"]
    return measure_on_test(record, data, train, teacher, resources.out, resources.say)


def _run(spec: RunSpec, resources: Resources) -> RunRecord:
    """Do the run that is locked."""
    sets = evaluation_sets(spec, resources.data)
    points = None
    if spec.evaluation.latent_points:
        points = latent_sample(
            column_values(sets["train"], "label"), spec.evaluation.latent_points, spec.seed
        )
    teacher = run(spec.teacher_spec, resources) if spec.student is not None else None
    remark = remark_on_remainder(sets, resources.data)
    if teacher is None and remark is not None:  # a student's sets are its teacher's
        resources.say(f"{spec.folder_name}: {remark}")
    partial = partial_folder(resources.out, spec)
    write_json(partial / "spec.json", spec.model_dump(mode="json"))  # first: it names the rest
    doing = "training" if spec.training.epochs else "evaluating the teacher as it is"
    resources.say(f"{spec.folder_name}: {doing}")
    started = time.monotonic()
    set_seed(spec.seed)
    network, tokenizer, source = untrained_network(spec, resources, teacher)
    examples = _training_examples(spec, resources, sets["train"])
    if spec.training.epochs:
        resources.say(f"{spec.folder_name}: {in_words(spec.training, len(examples))}")
    longest = text_limit(spec.training.max_length, network)
    history = _train(spec, resources, partial, network, tokenizer, examples, teacher)
    trained = time.monotonic()
    out = resources.out
    tables = tables_of(spec, resources.data.task, network, tokenizer, sets, teacher, longest, out)
    if points is not None:
        tokens = encode_table(sets["train"], tokenizer, longest, out / TOKENS)
        ids = column_values(sets["train"], "example_id")
        write_latent(partial, latent_table(network, tokens, ids, points))
    summary: dict[str, Any] = {
        "id": spec.id,
        "teacher_id": None if teacher is None else teacher.spec.id,
        "objective": spec.objective.formula,
        "student_source": source,
        "layers": depth(network.config),
        "longest_text": {"measured": longest, "trained": _longest_trained(longest, teacher)},
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "origin": resources.data.origin,
        "train_examples": len(sets["train"]),
        "augmented_examples": len(examples) - len(sets["train"]),
        "primary_metric": resources.data.task.primary_metric,
        "results": results_of(resources.data, sets, tables, sets["train"]),
        "seconds": {
            "training": round(trained - started, 2),
            "evaluation": round(time.monotonic() - trained, 2),
        },
        "processes": processes(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": resources.command or f"# written by a study; specification {spec.id}",
        **describe(),
    }
    summary["base"] = base_facts(resources.encoder)
    of_teacher = None if teacher is None else teacher.summary
    card = model_card(
        resources.data.task, spec, summary, of_teacher, longest=longest, warning=warning(summary)
    )
    record = _write(spec, resources, partial, network, tokenizer, history, tables, summary, card)
    resources.say(_outcome(record))
    return record


def check_data(spec: RunSpec, data: TaskData) -> None:
    """Check that the data are those that a run was specified for.

    Raises:
        InputError: naming both by their fingerprints.
    """
    if spec.data != data.fingerprint:
        raise InputError(
            f"the data of task {spec.task!r} have fingerprint {data.fingerprint[:12]}, "
            f"but the run was specified for {spec.data[:12]}: give the data that it was made for."
        )


def check(spec: RunSpec, resources: Resources) -> None:
    """Refuse other data, and a student that cannot be made, before hours go into its teacher.

    Raises:
        InputError: naming what does not fit.
    """
    check_data(spec, resources.data)
    share_of_batch(spec.training.batch_size)
    if not spec.teacher.epochs and not is_fine_tuned(load_config(resources.encoder)):
        raise InputError(
            f"the teacher is to be used as it is (0 epochs), and {resources.encoder!r} is a "
            "pre-trained encoder without a classifier: fine-tune it for some epochs, or give a "
            "classifier of this task."
        )
    teacher = None
    if spec.student is not None:
        regression = resources.data.task.is_regression
        check_settings(spec.student, regression=regression, has_classes=not regression)
        if spec.student.objective.transfers:
            transfer_set(spec, resources.data)
        if spec.student.init == "checkpoint":
            if resources.student_checkpoint is None:
                raise InputError(
                    "the student is to start from a checkpoint of its own, and none was given: "
                    "give one, or start it from the 'teacher' or the 'pretrained' encoder."
                )
            names = (resources.encoder, resources.student_checkpoint)
            check_same_tokenizer(load_tokenizer(names[0]), load_tokenizer(names[1]), names)
        teacher = _classifier(resources.encoder, resources)
    network, tokenizer, _ = untrained_network(spec, resources, None)
    mix_layer = 0 if spec.student is None else spec.student.mix_layer
    splits = [resources.data.train, *resources.data.evaluation.values()]
    splits += [resources.data.test] if resources.data.test is not None else []
    look_ahead(
        network,
        teacher,
        tokenizer,
        splits,
        spec.objective,
        mix_layer,
        max_length=spec.training.max_length,
        encodes=spec.evaluation.latent_points > 0,
    )


def _outcome(record: RunRecord) -> str:
    """One line for the terminal: the metric on each held-out set, and the time it took."""
    seconds = sum(record.summary["seconds"].values())
    return f"{record.spec.folder_name}: {scores(record.summary)}; {seconds:.0f} s"


def _longest_trained(measured: int, teacher: RunRecord | None) -> int:
    """Return the tokens beyond which training cuts a text: its teacher may take fewer."""
    limits = {} if teacher is None else teacher.summary.get("longest_text", {})
    return min(measured, int(limits.get("measured", measured)))


def untrained_network(
    spec: RunSpec, resources: Resources, teacher: RunRecord | None
) -> tuple[Any, Any, str]:
    """Return the network to train, its tokenizer, and in words where its weights come from.

    Before there is a fine-tuned teacher, the encoder stands for it.
    """
    tokenizer = load_tokenizer(resources.encoder)
    network, source = _whole_network(spec, resources, teacher)
    settle_padding(network, tokenizer)
    if spec.student is None:
        return network, tokenizer, source
    if spec.student.layers is None:
        return network, tokenizer, f"all layers of {source}"
    chosen = choose_layers(layer_count(network), spec.student.layers, spec.student.layer_choice)
    named = ", ".join(str(layer + 1) for layer in chosen)
    return student_from_layers(network, chosen), tokenizer, f"layers {named} of {source}"


def _whole_network(
    spec: RunSpec, resources: Resources, teacher: RunRecord | None
) -> tuple[Any, str]:
    """The network before layers are chosen, and in words where its weights come from."""
    if spec.student is None:
        source = "the encoder" if spec.teacher.epochs else "the fine-tuned classifier, as it is"
        return _classifier(resources.encoder, resources), source
    if spec.student.init == "checkpoint":
        assert resources.student_checkpoint is not None
        name = spec.student.checkpoint.name if spec.student.checkpoint else ""
        return _classifier(resources.student_checkpoint, resources), f"checkpoint {name}"
    if spec.student.init == "pretrained" or teacher is None:
        return _classifier(resources.encoder, resources), "the pre-trained encoder"
    return load_classifier(teacher.model_folder, resources.data.task), "the fine-tuned teacher"


def _classifier(checkpoint: str, resources: Resources) -> Any:
    return load_classifier(
        checkpoint, resources.data.task, allow_new_weights=resources.allow_new_weights
    )


def _training_examples(spec: RunSpec, resources: Resources, subset: Any) -> Any:
    """Return what the run's network learns from: the subset, and its augmented copies if any."""
    augmentation = spec.training.augmentation
    if augmentation is None:
        return subset
    back_translate = None
    if augmentation.forward is not None and augmentation.backward is not None:
        there, back = (
            Translator(
                resources.translators.get(ref.digest, ref.name),
                ref,
                resources.out / "translations",
            )
            for ref in (augmentation.forward, augmentation.backward)
        )
        back_translate = BackTranslation(there, back)
        resources.say(f"{spec.folder_name}: back-translating what is not translated yet")
    return augmented(subset, augmentation, seed=spec.seed, back_translate=back_translate)


def _train(
    spec: RunSpec,
    resources: Resources,
    partial: Path,
    network: Any,
    tokenizer: Any,
    examples: Any,
    teacher: RunRecord | None,
) -> list[dict[str, Any]]:
    if not spec.training.epochs:
        return []
    teacher_network = None
    if spec.objective.needs_teacher and teacher is not None:
        teacher_network = load_stored_classifier(teacher.model_folder)
    longest = text_limit(spec.training.max_length, network, teacher_network)
    tokens = encode(examples, tokenizer, longest, resources.out / TOKENS)
    cut = count_of_length(tokens, longest)
    if cut and longest < spec.training.max_length:
        resources.say(
            f"{spec.folder_name}: {cut} of {len(tokens)} training texts fill the {longest} tokens "
            "that the network has positions for; what is longer is cut off there"
        )
    transfer = None
    if spec.student is not None and spec.student.objective.transfers:
        unlabelled = transfer_set(spec, resources.data)
        transfer = encode(unlabelled, tokenizer, longest, resources.out / TOKENS)
        asked = spec.training.epochs * round(spec.student.mixup_ratio * len(tokens))
        resources.say(
            f"{spec.folder_name}: the teacher is asked {asked:g} times about unlabelled texts, of "
            f"which there are {len(unlabelled)}: as often as about mixtures"
        )
    return train(
        network,
        tokens,
        spec,
        folder=partial / "checkpoints",
        label=f"{spec.task} {spec.fraction:g} seed {spec.seed} {spec.method}",
        teacher=teacher_network,
        transfer=transfer,
        say=lambda text: resources.say(f"{spec.folder_name}: {text}"),
    )


def _write(
    spec: RunSpec,
    resources: Resources,
    partial: Path,
    network: Any,
    tokenizer: Any,
    history: list[dict[str, Any]],
    tables: dict[str, pd.DataFrame],
    summary: dict[str, Any],
    card: str,
) -> RunRecord:
    write_network(network.cpu(), partial / "model")
    # Where a pipeline cuts, told to.
    tokenizer.model_max_length = text_limit(spec.training.max_length, network)
    tokenizer.save_pretrained(partial / "model")
    (partial / "model" / "README.md").write_text(card, encoding="utf-8")
    for name, table in tables.items():
        write_examples(partial, name, table)
    write_json(partial / "history.json", history)
    write_json(partial / "run.json", summary)
    shutil.rmtree(partial / "checkpoints", ignore_errors=True)
    return finish(partial, resources.out, spec)
