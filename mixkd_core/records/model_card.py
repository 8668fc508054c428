"""The model card of a run's network: data, method, numbers, and how to make it again."""

from typing import Any

from mixkd_core.data.tasks import Task
from mixkd_core.networks.mix_layer import POOLED, MixLayer
from mixkd_core.records.specs import AugmentationSpec, RunSpec, TrainingSpec

SET_MEANINGS = {
    "train": "the training subset, in evaluation mode",
    "remainder": "a random sample of the training split's unused part",
    "fresh": "new draws of the law itself",
}


def set_meaning(name: str) -> str:
    """What a set of examples is, in words."""
    return SET_MEANINGS.get(name, "the task's development split")


def model_card(task: Task, spec: RunSpec, summary: dict[str, Any]) -> str:
    """The card's text, YAML header for the hub included.

    Args:
        summary: what becomes the run's `run.json`.
    """
    student = spec.student
    kind = "student" if student is not None else "teacher"
    header = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-classification",
        "tags: [mixkd, knowledge-distillation, mixup]",
        *([f"datasets: [{task.hub_path}]"] if task.hub_path else []),
        f"metrics: [{', '.join(task.metrics)}]",
        "---",
    ]
    body = [
        f"# {task.name}: {kind}, {spec.method}, {spec.fraction:.3g} of the training split, "
        f"seed {spec.seed}",
        "",
        f"A {summary['layers']}-layer sequence classifier"
        + (
            f" with labels {', '.join(task.label_names)}." if task.label_names else " (regression)."
        ),
        "",
        "## Data",
        f"{summary['origin']}; fingerprint `{spec.data[:16]}`; {summary['train_examples']} "
        f"training examples (fraction {spec.fraction:g}, stratified, seed {spec.seed}).",
        "",
        "## Method",
        *_method(spec, summary),
        "",
        "## Numbers",
        *_numbers(task, summary["results"]),
        "",
        "Every number belongs to the set in its row. The training subset says how well the network "
        "fits; only the others say how well it generalises.",
        "",
        "## How to reproduce",
        f"Run id `{spec.id}`; the full specification is `spec.json` beside this folder. Made with",
        ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
        + f" on {summary['hardware']['accelerator'] or summary['hardware']['processor']}.",
        "```",
        summary["command"],
        "```",
    ]
    return "\n".join([*header, *body]) + "\n"


def _method(spec: RunSpec, summary: dict[str, Any]) -> list[str]:
    if spec.student is None:
        return [f"Encoder `{spec.encoder.name}`, fine-tuned: {_teacher_training(spec)}."]
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
    lines += [
        f"Student from {summary['student_source']}; trained: {_training(student.training)}.",
        f"Teacher: `{spec.encoder.name}`, run `{spec.teacher_spec.id}`, fine-tuned: "
        f"{_teacher_training(spec)}.",
    ]
    return lines


def _place(mix_layer: MixLayer) -> str:
    if mix_layer == POOLED:
        return "on what the classifier reads"
    return f"after layer {mix_layer}" if mix_layer else "on embeddings"


def _teacher_training(spec: RunSpec) -> str:
    mixup = spec.teacher_mixup
    if mixup is None:
        return _training(spec.teacher)
    return (
        f"{_training(spec.teacher)}, with label mixup (λ ~ Beta({mixup.alpha:g}, {mixup.alpha:g}), "
        f"{mixup.ratio:g} mixed samples per original)"
    )


def _training(training: TrainingSpec) -> str:
    return (
        f"{training.epochs:g} epochs, batch {training.batch_size}, AdamW, peak learning rate "
        f"{training.learning_rate:g}, {training.precision}"
        + ("" if training.augmentation is None else f", {_augmentation(training.augmentation)}")
    )


def _augmentation(augmentation: AugmentationSpec) -> str:
    if augmentation.forward is not None and augmentation.backward is not None:
        names = f"`{augmentation.forward.name}` and `{augmentation.backward.name}`"
        return f"every example also back-translated by {names}"
    return (
        f"{augmentation.copies} more of every example by {augmentation.kind} of words (rate "
        f"{augmentation.rate:g})"
    )


def _numbers(task: Task, results: dict[str, Any]) -> list[str]:
    losses = list(next(iter(results.values()))["risk"])
    titles = ["set", "examples", *task.metrics, f"majority {task.primary_metric}", *losses]
    rows = [titles, ["---"] * len(titles)]
    for name, result in results.items():
        rows.append(
            [
                f"`{name}`: {set_meaning(name)}",
                str(result["examples"]),
                *(f"{result['metrics'][metric]:.4f}" for metric in task.metrics),
                f"{result['majority_baseline'][task.primary_metric]:.4f}",
                *(f"{result['risk'][loss]:.4f}" for loss in losses),
            ]
        )
    return ["| " + " | ".join(row).replace("_", "\\_") + " |" for row in rows]
