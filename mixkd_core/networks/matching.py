"""An objective's demands on two networks: where each is mixed, and which layers are compared."""

from dataclasses import dataclass
from typing import Any

from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import check_teacher_and_student
from mixkd_core.networks.layers import encoder_layers, layer_count
from mixkd_core.networks.limits import check_padding, padding_token
from mixkd_core.networks.mix_layer import POOLED, MixLayer, check_mix_layer, classifier_head
from mixkd_core.networks.probe import Request, check_network
from mixkd_core.networks.theseus import check_replaceable
from mixkd_core.objectives.objective import Objective, patient_layers


@dataclass(frozen=True)
class Matching:
    """Layers of student and teacher that belong together.

    Attributes:
        mix_layer, teacher_mix_layer: where each is mixed.
        student_layers, teacher_layers: layers, counted from 1, that `pkd` compares.
    """

    mix_layer: MixLayer
    teacher_mix_layer: MixLayer
    student_layers: tuple[int, ...] = ()
    teacher_layers: tuple[int, ...] = ()


def match(student: Any, teacher: Any, objective: Objective, mix_layer: MixLayer) -> Matching:
    """Return which layers of the two networks belong together.

    Args:
        teacher: None where the objective needs none.

    Raises:
        InputError: for layers that are not there, a teacher that is missing, or networks of
            different labels, vocabularies or, where states are compared, widths.
    """
    check_mix_layer(mix_layer, _depth_to_mix_in(student, mix_layer))
    if mix_layer == POOLED:
        classifier_head(student)
    if not objective.needs_teacher:
        return Matching(mix_layer, mix_layer)
    if teacher is None:
        raise InputError(
            f"the objective {objective.formula} needs a teacher, and none was "
            "given: pass teacher=..., or use 'ft' or 'sm'."
        )
    check_teacher_and_student(teacher, student)
    check_padding(teacher, padding_token(student))
    if objective.replaces_modules:
        check_replaceable(student, teacher)
    teacher_mix_layer = mix_layer
    if mix_layer == POOLED:
        classifier_head(teacher)
    elif mix_layer:
        depths = len(encoder_layers(teacher)), len(encoder_layers(student))
        teacher_mix_layer = at_relative_depth(mix_layer, *depths)
    if "pkd" not in objective.terms:
        return Matching(mix_layer, teacher_mix_layer)
    widths = [model.config.get_text_config().hidden_size for model in (teacher, student)]
    if widths[0] != widths[1]:
        raise InputError(
            f"the term 'pkd' compares hidden states, and the teacher's have {widths[0]} dimensions "
            f"but the student's {widths[1]}: take a student of the teacher's width."
        )
    matched = patient_layers(layer_count(student), layer_count(teacher))
    return Matching(
        mix_layer,
        teacher_mix_layer,
        student_layers=tuple(layer for layer, _ in matched),
        teacher_layers=tuple(layer for _, layer in matched),
    )


def at_relative_depth(mix_layer: int, teacher_layers: int, student_layers: int) -> int:
    """Return the teacher's layer that mixes where a student of so many layers mixes at its own."""
    return max(1, round(mix_layer * teacher_layers / student_layers))


def check_networks(
    student: Any, teacher: Any, table: TokenTable, objective: Objective, matching: Matching
) -> None:
    """Check both networks as `mixkd_core.networks.probe` does, for what the objective asks.

    Args:
        teacher: None where the objective needs none.

    Raises:
        InputError: naming the network, what is wrong with it, and by how much.
    """
    taught = teacher is not None and objective.needs_teacher
    role = "student" if taught else "network"
    asked = Request(role, matching.mix_layer if objective.draws else None, matching.student_layers)
    check_network(student, table, asked)
    if taught:
        drawn = objective.terms & {"tmkd", "transfer"}
        asked = Request(
            "teacher", matching.teacher_mix_layer if drawn else None, matching.teacher_layers
        )
        check_network(teacher, table, asked)


def _depth_to_mix_in(student: Any, mix_layer: MixLayer) -> int:
    return len(encoder_layers(student)) if mix_layer not in (0, POOLED) else 0
