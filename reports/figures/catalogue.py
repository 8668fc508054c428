"""The figures of a report: those that a store has something to show in."""

from collections.abc import Callable, Sequence

import matplotlib as mpl

from reports.evidence.evidence import Evidence
from reports.figures.behaviour import agreement, memorization, queries
from reports.figures.consistency import consistency
from reports.figures.cost import risk_against_latency
from reports.figures.curves import training_curves
from reports.figures.drawing import Drawing
from reports.figures.forest import forest
from reports.figures.latent_space import latent_space
from reports.figures.levels import accuracy, gap
from reports.figures.risks import risk_scatter
from reports.figures.sensitivity import sensitivity
from reports.figures.style import STYLE

DRAWINGS: Sequence[Callable[[Evidence], Drawing | None]] = (
    accuracy,
    gap,
    risk_scatter,
    forest,
    sensitivity,
    latent_space,
    consistency,
    memorization,
    agreement,
    queries,
    risk_against_latency,
    training_curves,
)


def draw_all(evidence: Evidence) -> list[Drawing]:
    """Draw every figure that the store has something to show in."""
    with mpl.rc_context(STYLE):
        drawn = [draw(evidence) for draw in DRAWINGS]
    return [drawing for drawing in drawn if drawing is not None]
