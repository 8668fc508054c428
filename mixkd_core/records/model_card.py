"""The model card of a run's network: data, method, numbers, and how to make it again."""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixkd_core.data.tasks import Task
from mixkd_core.networks.mix_layer import POOLED, MixLayer
from mixkd_core.records.places import elsewhere, without_folders
from mixkd_core.records.specs import AugmentationSpec, RunSpec, TrainingSpec

SET_MEANINGS = {
    "train": "the training subset, in evaluation mode",
    "remainder": "a random sample of the training split's unused part",
    "fresh": "new draws of the law itself",
    "test": "a labelled test set",
}


def set_meaning(name: str) -> str:
    """Return the meaning of a set of examples, in words."""
    usual = "the task's development split" if name.startswith("dev") else "a set of the user's own"
    return SET_MEANINGS.get(name, usual)


def model_card(
    task: Task,
    spec: RunSpec,
    summary: Mapping[str, Any],
    teacher: Mapping[str, Any] | None = None,
    *,
    longest: int,
    warning: str = "",
) -> str:
    """Return the card's text, with the YAML header that a hub reads.

    Args:
        summary: what becomes the run's `run.json`.
        teacher: a student's teacher's.
        longest: tokens at which texts were cut off.
        warning: what a reader of the numbers is to know first.
    """
    kind = "student" if spec.student is not None else "teacher"
    name = f"{task.name}: {kind}, {spec.method}, {spec.fraction:.3g} of the training split"
    body = [
        f"# {escaped(name)}, seed {spec.seed}",
        "",
        f"A sequence classifier of {summary['layers']} layers and "
        f"{summary['parameters'] / 1e6:.3g} million parameters"
        + (
            f" with labels {escaped(', '.join(task.label_names))}."
            if task.label_names
            else " (regression)."
        ),
        "",
        "## Use",
        *_use(task, longest, summary),
        "",
        "## Numbers",
        *([warning, ""] if warning else []),
        *_numbers(task, summary["results"]),
        "",
        "Every number belongs to the set in its row. The training subset says how well the network "
        "fits; only the others say how well it generalises.",
        *_shared_texts(summary["results"]),
        *_beside_teacher(task, summary, teacher),
        "",
        "## Data",
        f"{escaped(elsewhere(summary['origin']))}; fingerprint `{spec.data[:16]}`; "
        f"{summary['train_examples']} training examples (fraction {spec.fraction:g}, stratified, "
        f"seed {spec.seed}).",
        "",
        "## Method",
        *_method(spec, summary),
        "",
        "## Licence",
        _licence(spec, summary),
        "",
        "## How to reproduce",
        f"Run id `{spec.id}`; the full specification is `spec.json` beside this folder. Made with",
        ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
        + f" on {summary['hardware']['accelerator'] or summary['hardware']['processor']}.",
        *_fenced(without_folders(summary["command"])),
    ]
    return "\n".join(["---", _header(task, spec, summary, name), "---", "", *body]) + "\n"


def base_facts(checkpoint: str | Path) -> dict[str, str | list[str]]:
    """Read what an encoder's own card states: its `license` and `language`, where it has them.

    Only a folder's card is read, never the hub.
    """
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    path = Path(checkpoint) / "README.md"
    if not path.is_file():
        return {}
    try:
        data = ModelCard.load(path).data.to_dict()
    except (OSError, ValueError, YAMLError):  # a card of somebody else's, written in any way
        return {}
    return {name: data[name] for name in ("license", "language") if data.get(name)}


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, whatever is in it."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", plain)


def _code(text: str) -> str:
    """Return text as inline code, whatever is in it."""
    plain = " ".join(text.split())
    marks = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{marks}{space}{plain}{space}{marks}"


def _fenced(text: str) -> list[str]:
    """Return text as a block of code that nothing in it ends."""
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return [marks, text, marks]


def _header(task: Task, spec: RunSpec, summary: Mapping[str, Any], name: str) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    facts = summary.get("base", {})
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=task.hub_path or task.name,
            dataset_name=task.name,
            dataset_config=task.hub_config,
            dataset_split=set_name,
            metric_type=metric,
            metric_value=round(float(result["metrics"][metric]), 4),
        )
        for set_name, result in summary["results"].items()
        if set_name != "train"
        for metric in task.metrics
    ]
    header: str = ModelCardData(
        base_model=spec.encoder.hub_name,
        license=facts.get("license"),
        language=facts.get("language"),
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["mixkd", "knowledge-distillation", "mixup"],
        datasets=[task.hub_path] if task.hub_path else None,
        metrics=list(task.metrics),
        model_name=name if results else None,
        eval_results=results or None,
    ).to_yaml()
    return header


def _use(task: Task, longest: int, summary: Mapping[str, Any]) -> list[str]:
    pair = len(task.text_columns) > 1
    text = '{"text": "first text", "text_pair": "second text"}' if pair else '"a text"'
    return [
        "```python",
        "from transformers import pipeline",
        "",
        'classify = pipeline("text-classification", model="FOLDER")',
        f"classify({text}, truncation=True)",
        "```",
        f"{_lengths(longest, summary)} "
        "`truncation=True` cuts longer texts there, as in training; without it a text beyond the "
        "network's positions ends in an error.",
    ]


def _lengths(longest: int, summary: Mapping[str, Any]) -> str:
    """Say where texts were cut: at the length asked for, or at the positions of a network."""
    found = summary.get("longest_text", {"measured": longest, "trained": longest})
    if found["trained"] == found["measured"]:
        return f"Trained and measured on at most {found['measured']} tokens."
    return (
        f"Trained on at most {found['trained']} tokens, which its teacher takes, and measured on "
        f"at most {found['measured']}."
    )


def _beside_teacher(
    task: Task, summary: Mapping[str, Any], teacher: Mapping[str, Any] | None
) -> list[str]:
    if teacher is None:
        return []
    metric = task.primary_metric
    scores = ", ".join(
        f"{result['metrics'][metric]:.4f} on {_code(name)}"
        for name, result in teacher["results"].items()
        if name != "train"
    )
    share = summary["parameters"] / teacher["parameters"]
    return [
        "",
        f"Its teacher has {teacher['layers']} layers and {teacher['parameters'] / 1e6:.3g} million "
        f"parameters (this network: {100 * share:.0f} % of them), and {metric} {scores}.",
    ]


def _licence(spec: RunSpec, summary: Mapping[str, Any]) -> str:
    stated = summary.get("base", {}).get("license")
    if stated:
        stated = escaped(str(stated))
        return (
            f"The encoder {_code(spec.encoder.name)} is under {stated}, which this network "
            "inherits; the data may have terms of their own."
        )
    return (
        f"The card of the encoder {_code(spec.encoder.name)} states none that was found: see where "
        "it comes from. The data may have terms of their own."
    )


def _method(spec: RunSpec, summary: Mapping[str, Any]) -> list[str]:
    if spec.student is None:
        return [f"Encoder {_code(spec.encoder.name)}, {_teacher_training(spec)}."]
    student = spec.student
    lines = [f"`{summary['objective']}` with distance {student.distance}"]
    lines[-1] += f" (temperature {student.temperature:g})." if student.distance != "mse" else "."
    if student.objective.mixes:
        lines.append(
            f"Mixup: λ ~ Beta({student.mixup_alpha:g}, {student.mixup_alpha:g}), "
            f"{student.mixup_ratio:g} mixed samples per original"
            + (", drawn once" if student.fixed_draws else ", drawn anew in each epoch")
            + f", pairing {student.pairing}, "
            + f"{_place(student.mix_layer)}."
        )
    if student.objective.transfers:
        lines.append(
            f"Transfer set: {student.mixup_ratio:g} unlabelled texts of the training split per "
            "original, "
            + ("the same" if student.fixed_draws else "others")
            + " in each epoch; none of them is in a set below or above."
        )
    lines += [
        f"Student from {escaped(summary['student_source'])}; "
        f"trained: {_training(student.training)}.",
        f"Teacher: {_code(spec.encoder.name)}, run `{spec.teacher_spec.id}`, "
        f"{_teacher_training(spec)}.",
    ]
    return lines


def _shared_texts(results: Mapping[str, Any]) -> list[str]:
    """Say which sets hold texts that the network was trained on; nothing where none does."""
    told = [
        f"{shared['alike']} of the {result['examples']} of `{name}` ({shared['exact']} word for "
        f"word, {shared['alike'] - shared['exact']} up to case and spacing)"
        for name, result in results.items()
        if (shared := result.get("overlap")) and shared["alike"]
    ]
    return ["", f"Texts of the training subset stand in {'; '.join(told)}."] if told else []


def _place(mix_layer: MixLayer) -> str:
    if mix_layer == POOLED:
        return "on what the classifier reads"
    return f"after layer {mix_layer}" if mix_layer else "on embeddings"


def _teacher_training(spec: RunSpec) -> str:
    mixup = spec.teacher_mixup
    if not spec.teacher.epochs:
        return "fine-tuned before and used as it is"
    if mixup is None:
        return f"fine-tuned: {_training(spec.teacher)}"
    return (
        f"fine-tuned: {_training(spec.teacher)}, with label mixup "
        f"(λ ~ Beta({mixup.alpha:g}, {mixup.alpha:g}), {mixup.ratio:g} mixed samples per original)"
    )


def _training(training: TrainingSpec) -> str:
    return (
        f"{training.epochs:g} epochs, batch {training.batch_size}, AdamW, peak learning rate "
        f"{training.learning_rate:g}, {training.precision}"
        + ("" if training.augmentation is None else f", {_augmentation(training.augmentation)}")
    )


def _augmentation(augmentation: AugmentationSpec) -> str:
    if augmentation.forward is not None and augmentation.backward is not None:
        names = f"{_code(augmentation.forward.name)} and {_code(augmentation.backward.name)}"
        return f"every example also back-translated by {names}"
    return (
        f"{augmentation.copies} more of every example by {augmentation.kind} of words (rate "
        f"{augmentation.rate:g})"
    )


def _numbers(task: Task, results: dict[str, Any]) -> list[str]:
    losses = list(next(iter(results.values()))["risk"])
    # A regression has no classes, and its metrics of a constant are zero by definition.
    majority = [] if task.is_regression else [task.primary_metric]
    of_majority = [f"majority {metric}" for metric in majority]
    titles = ["set", "examples", *task.metrics, *of_majority, *losses]
    rows = [titles, ["---"] * len(titles)]
    for name, result in results.items():
        rows.append(
            [
                f"{_code(name)}: {set_meaning(name)}".replace("|", "\\|"),
                str(result["examples"]),
                *(f"{result['metrics'][metric]:.4f}" for metric in task.metrics),
                *(f"{result['majority_baseline'][metric]:.4f}" for metric in majority),
                *(f"{result['risk'][loss]:.4f}" for loss in losses),
            ]
        )
    return ["| " + " | ".join(row).replace("_", "\\_") + " |" for row in rows]
