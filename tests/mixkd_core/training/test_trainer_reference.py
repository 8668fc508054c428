"""The trainer's loss, gradient and logged terms against a naive reference.

The reference is written from the equations: one example or pair at a time, texts padded no
further than their pair needs, mixing done by a hook at the place that is mixed, and the teacher
run anew each time. Nothing of the package computes any of it.
"""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

WEIGHTS = {"mle": 0.7, "kd": 1.3, "pkd": 0.9, "sm": 0.6, "tmkd": 1.7}
METHOD_TERMS = {
    "ft": ("mle",),
    "kd": ("mle", "kd"),
    "pkd": ("mle", "kd", "pkd"),
    "sm": ("mle", "sm"),
    "tmkd": ("mle", "tmkd"),
    "sm+tmkd": ("mle", "sm", "tmkd"),
    "kd+sm+tmkd": ("mle", "kd", "sm", "tmkd"),
}
RATIO = 1.5

# float32; sums of a few dozen numbers of order 1 in another order.
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}


# ---- the reference ----


def single(model: nn.Module, text: dict[str, Tensor]) -> Any:
    """The plain pass over one text without padding."""
    length = int(text["attention_mask"].sum())
    return model(
        **{name: text[name][None, :length] for name in ("input_ids", "token_type_ids")},
        output_hidden_states=True,
    )


def mixed_logits(
    model: Any,
    first: dict[str, Tensor],
    second: dict[str, Tensor],
    weight: Tensor,
    layer: int | str,
) -> Tensor:
    """λ x_i + (1−λ) x_j at the sum of embeddings, after hidden layer k, or after the pooler."""
    if layer == "pooled":
        one, other = (
            model.bert.pooler(single(model, text).hidden_states[-1]) for text in (first, second)
        )
        pooled: Tensor = model.classifier(weight * one + (1 - weight) * other)[0]
        return pooled
    masks = torch.stack([first["attention_mask"], second["attention_mask"]])
    union = masks.any(dim=0)
    length = int(union.sum())
    texts = {
        name: torch.stack([first[name], second[name]])[:, :length]
        for name in ("input_ids", "token_type_ids")
    }

    def mixed(states: Tensor) -> Tensor:
        return torch.stack([weight * states[0] + (1 - weight) * states[1], states[1]])

    if layer == 0:  # words + token types + positions, which are one and the same for both
        place = model.bert.embeddings.LayerNorm
        hook = place.register_forward_pre_hook(lambda _, inputs: (mixed(inputs[0]),))
    else:
        place = model.bert.encoder.layer[int(layer) - 1]
        hook = place.register_forward_hook(
            lambda _, __, output: (
                (mixed(output[0]), *output[1:]) if isinstance(output, tuple) else mixed(output)
            )
        )
    logits: Tensor = model(**texts, attention_mask=union[:length].long().expand(2, -1)).logits[0]
    hook.remove()
    return logits


def label_vector(label: Tensor, num_labels: int) -> Tensor:
    if num_labels == 1 or label.dim() == 1:
        return label.float().reshape(-1)
    return torch.eye(num_labels)[label]


def supervised(logits: Tensor, target: Tensor) -> Tensor:
    if len(logits) == 1:
        return (logits[0] - target[0]) ** 2
    partition = sum(logit.exp() for logit in logits)
    return -sum(
        y * torch.log(logit.exp() / partition) for y, logit in zip(target, logits, strict=True)
    )


def between(name: str, tau: float, student: Tensor, teacher: Tensor) -> Tensor:
    if name == "mse":
        return sum((s - t) ** 2 for s, t in zip(student, teacher, strict=True)) / len(student)
    p = [(t / tau).exp() / (teacher / tau).exp().sum() for t in teacher]
    q = [(s / tau).exp() / (student / tau).exp().sum() for s in student]
    if name == "kl":
        return tau**2 * sum(a * torch.log(a / b) for a, b in zip(p, q, strict=True))
    return -(tau**2) * sum(a * torch.log(b) for a, b in zip(p, q, strict=True))


def rows_of(texts: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    names = ("input_ids", "token_type_ids", "attention_mask", "labels")
    for row in range(len(texts["input_ids"])):
        yield {name: texts[name][row] for name in names}


def reference_terms(
    student: Any, teacher: Any, batch: dict[str, Any], arguments: dict[str, Any]
) -> dict[str, Tensor]:
    """Every term on one batch: means over originals, sums over pairs / (ratio · originals)."""
    name, tau = arguments["distance"], arguments["temperature"]
    layer, num_labels = arguments["mix_layer"], student.config.num_labels
    deeper = layer if layer == "pooled" else 2 * layer
    terms = dict.fromkeys(WEIGHTS, torch.tensor(0.0))
    size = len(batch["input_ids"])
    for text in rows_of(batch):
        ours = single(student, text)
        with torch.no_grad():
            theirs = single(teacher, text)
        target = label_vector(text["labels"], num_labels)
        terms["mle"] = terms["mle"] + supervised(ours.logits[0], target) / size
        terms["kd"] = terms["kd"] + between(name, tau, ours.logits[0], theirs.logits[0]) / size
        if student.config.hidden_size == teacher.config.hidden_size:
            # Two student layers, four teacher layers: 1 learns from 2.
            a, b = ours.hidden_states[1][0, 0], theirs.hidden_states[2][0, 0]
            difference = a / a.square().sum().sqrt() - b / b.square().sum().sqrt()
            terms["pkd"] = terms["pkd"] + difference.square().sum() / size
    if "first" in batch:
        rows = zip(
            rows_of(batch["first"]),
            rows_of(batch["second"]),
            batch["mixing_coefficients"],
            strict=True,
        )
        for first, second, weight in rows:
            logits = mixed_logits(student, first, second, weight, layer)
            with torch.no_grad():
                taught = mixed_logits(teacher, first, second, weight, deeper)
            target = weight * label_vector(first["labels"], num_labels)
            target = target + (1 - weight) * label_vector(second["labels"], num_labels)
            share = 1 / (RATIO * size)
            terms["sm"] = terms["sm"] + share * supervised(logits, target)
            terms["tmkd"] = terms["tmkd"] + share * between(name, tau, logits, taught)
    return terms


# ---- the comparison ----

CASES = [
    (method, distance, temperature, layer, labels)
    for method in METHOD_TERMS
    for distance, temperature in (("mse", 1.0), ("kl", 2.0), ("soft-ce", 0.5))
    for layer in (0, 1, "pooled")
    for labels in ("classes", "soft", "real")
    # What a method does not use need not be varied for it.
    if not (method in ("ft", "sm") and distance != "mse")
    if not (method in ("ft", "kd", "pkd") and layer)
    if not (labels == "real" and distance != "mse")
    if not (labels == "soft" and (layer or distance == "soft-ce"))
]


@pytest.mark.parametrize(("method", "distance", "temperature", "layer", "labels"), CASES)
def test_loss_and_gradient_are_those_of_the_equations(
    method: str,
    distance: str,
    temperature: float,
    layer: int | str,
    labels: str,
    tiny_classifier: Any,
    tokenised_texts: Any,
    mixkd_trainer: Any,
) -> None:
    num_labels = 1 if labels == "real" else 3
    width = 16 if method == "pkd" else 8
    student = tiny_classifier(width=width, num_labels=num_labels, seed=1)
    teacher = tiny_classifier(layers=4, num_labels=num_labels, seed=2)
    arguments = {"distance": distance, "temperature": temperature, "mix_layer": layer}
    terms = METHOD_TERMS[method]
    trainer = mixkd_trainer(
        student=student,
        teacher=teacher,
        dataset=tokenised_texts(8, labels),
        method=method,
        mixup_ratio=RATIO,
        mixup_alpha=1.0,
        **arguments,
        **{f"alpha_{term}": WEIGHTS[term] for term in terms},
    )
    for batch in trainer.get_train_dataloader():
        student.zero_grad()
        loss = trainer.compute_loss(student, batch)
        loss.backward()
        gradient = [parameter.grad.clone() for parameter in student.parameters()]

        student.zero_grad()
        expected_terms = reference_terms(student, teacher, batch, arguments)
        expected = sum(WEIGHTS[term] * expected_terms[term] for term in terms)
        torch.testing.assert_close(loss, expected, **TOLERANCE)
        assert loss.item() > 0.1
        expected.backward()
        for ours, parameter in zip(gradient, student.parameters(), strict=True):
            torch.testing.assert_close(ours, parameter.grad, **TOLERANCE)


def test_every_unweighted_term_is_logged(
    tiny_classifier: Any, tokenised_texts: Any, mixkd_trainer: Any, no_dropout: Any
) -> None:
    """Means since the last logging step, over the batches of an accumulated step too."""
    arguments = {"distance": "kl", "temperature": 2.0, "mix_layer": 0}
    student, teacher = no_dropout(tiny_classifier(seed=1)), tiny_classifier(layers=4, seed=2)

    def trainer() -> Any:
        return mixkd_trainer(
            student=student,
            teacher=teacher,
            dataset=tokenised_texts(32),
            method="pkd",
            alpha_sm=WEIGHTS["sm"],
            alpha_tmkd=WEIGHTS["tmkd"],
            alpha_pkd=WEIGHTS["pkd"],
            mixup_ratio=RATIO,
            learning_rate=0.0,
            gradient_accumulation_steps=2,
            logging_steps=2,
            **arguments,
        )

    batches = list(trainer().get_train_dataloader())
    assert len(batches) == 8
    with torch.no_grad():
        terms = [reference_terms(student, teacher, batch, arguments) for batch in batches]
    trained = trainer()
    trained.train()
    logged = [entry for entry in trained.state.log_history if "loss" in entry]
    assert len(logged) == 2
    for entry, here in zip(logged, (terms[:4], terms[4:]), strict=True):
        for term in WEIGHTS:
            mean = sum(values[term].item() for values in here) / 4
            assert math.isclose(entry[f"loss_{term}"], mean, rel_tol=1e-4)
        weighted = (
            entry["loss_mle"]
            + entry["loss_kd"]
            + sum(WEIGHTS[term] * entry[f"loss_{term}"] for term in ("pkd", "sm", "tmkd"))
        )
        assert math.isclose(entry["loss"], weighted, rel_tol=1e-4)
