"""Figures: what is drawn is what was measured, told apart without colour, the same every time."""

import colorsys
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_rgb

from mixkd_core.objectives.objective import METHODS
from mixkd_core.records.specs import CheckpointRef, TrainingSpec
from reports.evidence.evidence import Evidence, load_evidence
from reports.figures import levels
from reports.figures.catalogue import draw_all
from reports.figures.drawing import (
    direct_labels,
    drawing_of,
    labels_in_order,
    legend,
    method_styles,
    render,
    with_notes,
)
from reports.figures.style import GREY

Run = Any


@pytest.fixture
def evidence(tmp_path: Path, write_run: Run) -> Evidence:
    for fraction in (0.01, 0.1):
        for seed in range(2):
            for method, accuracy in (("kd", 0.8), ("ft", 0.75), ("sm+tmkd", 0.82 + 0.01 * seed)):
                write_run(
                    method=method, seed=seed, fraction=fraction,
                    sets={"train": (200, 0.95), "remainder": (400, accuracy), "dev": (200, 0.8)},
                )  # fmt: skip
    return load_evidence(tmp_path)


@pytest.mark.slow
def test_every_figure_is_drawn_with_labelled_axes(evidence: Evidence) -> None:
    drawings = draw_all(evidence)
    assert [drawing.name for drawing in drawings] == [
        "accuracy",
        "gap",
        "risks",
        "forest",
        "memorization",
        "agreement",
        "queries",
        "curves",
    ]
    for drawing in drawings:
        for axes in drawing.figure.get_axes():
            assert axes.get_xlabel()
            assert axes.get_title(loc="left")


@pytest.mark.slow
def test_hovering_tells_the_numbers_and_the_run(evidence: Evidence) -> None:
    drawings = {drawing.name: drawing for drawing in draw_all(evidence)}
    svg = render(drawings["risks"], "svg").decode()
    titles = re.findall(r"<title>(.*?)</title>", svg)
    assert len(titles) == len(drawings["risks"].notes) == 12
    for run in evidence.runs["run"]:
        assert sum(run in title for title in titles) == 1
    for drawing in drawings.values():
        for behind in drawing.runs.values():
            assert behind, f"{drawing.name}: each point has its runs"
            assert set(behind.split()) <= set(evidence.runs["run"])
    assert all(len(behind.split()) == 2 for behind in drawings["gap"].runs.values()), "two seeds"
    assert all(len(behind.split()) == 4 for behind in drawings["forest"].runs.values())
    gap = next(t for t in drawings["gap"].notes.values() if t.startswith("sm+tmkd, 1 %"))
    assert "0.1250, 95 % interval 0.0615 to 0.1885, 2 seeds (0, 1)" in gap
    forest = "\n".join(drawings["forest"].notes.values())
    assert "sm+tmkd minus kd, 1 % of sst2 (remainder): -0.0250" in forest


def test_a_forest_tells_controls_of_the_baseline_apart(tmp_path: Path, write_run: Run) -> None:
    for change in ({}, {"epochs": 6.0}, {"learning_rate": 1e-5}):
        write_run(method="kd", training=TrainingSpec.model_validate(change))
    write_run(method="sm+tmkd")
    drawings = {drawing.name: drawing for drawing in draw_all(load_evidence(tmp_path))}
    (axes,) = drawings["forest"].figure.axes
    assert sorted(label.get_text() for label in axes.get_yticklabels()) == [
        "sm+tmkd",
        "sm+tmkd\nagainst kd [epochs=6]",
        "sm+tmkd\nagainst kd [learning rate=1e-05]",
    ]


def test_a_variant_looks_like_its_method_in_a_forest(tmp_path: Path, write_run: Run) -> None:
    """Its label names it; in another style it would pass for another method."""
    for method, change in (("kd", {}), ("sm+tmkd", {}), ("tmkd", {}), ("tmkd", {"epochs": 6.0})):
        write_run(method=method, training=TrainingSpec.model_validate(change))
    drawings = {drawing.name: drawing for drawing in draw_all(load_evidence(tmp_path))}
    (axes,) = drawings["forest"].figure.axes
    styles = [
        (line.get_color(), line.get_marker()) for line in axes.lines if line.get_gid() is not None
    ]
    names = [label.get_text().split(",")[0].split(" [")[0] for label in axes.get_yticklabels()]
    assert sorted(names) == ["sm+tmkd", "tmkd", "tmkd"]
    assert len(set(styles)) == len(set(zip(names, styles, strict=True))) == 2


@pytest.mark.slow
def test_long_labels_leave_a_forest_room_to_be_read(tmp_path: Path, write_run: Run) -> None:
    for task in ("sst2", "rte", "mrpc"):
        for method in ("kd", "sm+tmkd"):
            write_run(task=task, method=method)
        write_run(task=task, method="sm+tmkd", distance="kl", temperature=2.0, mix_layer="pooled")
    drawings = {drawing.name: drawing for drawing in draw_all(load_evidence(tmp_path))}
    render(drawings["forest"], "svg")
    figure = drawings["forest"].figure
    assert len(figure.axes) == 3
    for axes in figure.axes:
        assert axes.get_position().width * figure.get_figwidth() > 1.2, "inches"


@pytest.mark.slow
def test_the_same_store_gives_the_same_files(evidence: Evidence) -> None:
    for kind in ("svg", "pdf", "png"):
        first, second = (
            [render(drawing, kind) for drawing in draw_all(evidence)] for _ in range(2)
        )
        assert first == second, kind


@pytest.mark.slow
def test_every_format_has_its_panels_in_the_same_places(evidence: Evidence) -> None:
    places = []
    for kind in ("svg", "pdf", "png"):
        drawings = draw_all(evidence)
        for drawing in drawings:
            render(drawing, kind)
        figures = [drawing.figure for drawing in drawings]
        places.append([axes.get_position().bounds for figure in figures for axes in figure.axes])
    assert places[0] == places[1] == places[2]


@pytest.mark.slow
def test_titles_of_square_panels_are_not_cut_off(tmp_path: Path, write_run: Run) -> None:
    for task in ("sst2", "mrpc", "rte"):
        for method in METHODS:
            write_run(task=task, method=method)
    drawing = next(
        drawing for drawing in draw_all(load_evidence(tmp_path)) if drawing.name == "risks"
    )
    svg = render(drawing, "svg").decode()
    heights = re.findall(r'<text style="font-weight: 700[^>]* y="([-.\d]+)"', svg)
    assert len(heights) == 3
    assert min(map(float, heights)) > 8, "the baseline, from the upper edge, of letters 10 high"


def test_methods_differ_by_more_than_colour() -> None:
    labels = [*METHODS, "teacher", "kd [temperature=2]", "kd [temperature=4]"]
    styles = method_styles(labels)
    assert len({(s["marker"], str(s["linestyle"])) for s in styles.values()}) == len(labels)
    methods = [styles[name] for name in (*METHODS, "teacher")]
    assert len({style["marker"] for style in methods}) == len(methods), "in figures without lines"
    first = [styles[name] for name in ("kd", "ft", "sm+tmkd")]
    assert len({style["marker"] for style in first}) == 3
    assert len({str(style["linestyle"]) for style in first}) == 3
    lightness = sorted(colorsys.rgb_to_hls(*to_rgb(style["color"]))[1] for style in first)
    assert lightness[0] < lightness[-1]
    assert method_styles(["kd"])["kd"] == styles["kd"], "alike in every figure"
    assert styles["kd [temperature=2]"]["color"] == styles["kd"]["color"], "a variant's method"


def test_variants_stand_in_the_order_of_their_numbers() -> None:
    ratios = ["sm+tmkd [ratio=10]", "sm+tmkd [ratio=2]", "kd", "sm+tmkd [ratio=0.5]", "sm+tmkd"]
    assert labels_in_order(ratios) == [
        "kd",
        "sm+tmkd",
        *(f"sm+tmkd [ratio={n}]" for n in (0.5, 2, 10)),
    ]


@pytest.mark.filterwarnings("error")  # where no room is left, matplotlib gives up with a warning
def test_a_long_legend_leaves_the_panels_their_height() -> None:
    heights = []
    for count in (2, 30):
        drawing, (axes,) = drawing_of("name", "title", "caption", 1)
        legend(drawing.figure, method_styles(f"a long label of number {n}" for n in range(count)))
        render(drawing, "png")
        heights.append(axes.get_window_extent().height)
    assert heights[1] > 0.8 * heights[0]


@pytest.mark.slow
def test_names_cannot_break_the_drawing(tmp_path: Path, write_run: Run) -> None:
    for seed in range(2):
        for method in ("kd", "sm+tmkd"):
            write_run(method=method, seed=seed, versions={"mixkd": "<script>$x_{</script>"})
            write_run(method=method, seed=seed)
    for drawing in draw_all(load_evidence(tmp_path)):
        svg = render(drawing, "svg").decode()
        assert "<script" not in svg
        ElementTree.fromstring(svg)


def test_notes_are_escaped() -> None:
    svg = with_notes('<g id="a"><path/></g>', {"a": '</title><script>"&'}, {})
    assert svg == (
        '<g id="a" class="point"><title>&lt;/title&gt;&lt;script&gt;&quot;&amp;</title><path/></g>'
    )


def test_one_seed_draws_points_without_intervals(tmp_path: Path, write_run: Run) -> None:
    write_run(method="kd")
    drawings = draw_all(load_evidence(tmp_path))
    names = ["accuracy", "gap", "risks", "memorization", "agreement", "curves"]
    assert [drawing.name for drawing in drawings] == names
    assert "interval" not in "".join(drawings[0].notes.values())


def test_a_sweep_is_drawn_field_by_field(tmp_path: Path, write_run: Run) -> None:
    settings: list[dict[str, Any]] = [
        {}, {"weights": {"sm": 0.5}}, {"weights": {"sm": 2.0}}, {"mixup_ratio": 2.0},
        {"weights": {"mle": 0.5}}, {"weights": {"sm": 0.5}, "mixup_ratio": 2.0},
    ]  # fmt: skip
    for seed in range(2):
        for place, change in enumerate(settings):
            accuracy = 0.80 + 0.01 * place + 0.005 * seed
            sets = {"train": (200, 0.95), "dev": (1000, accuracy)}
            write_run(method="sm+tmkd", seed=seed, sets=sets, **change)
    drawings = {drawing.name: drawing for drawing in draw_all(load_evidence(tmp_path))}
    notes = list(drawings["sensitivity"].notes.values())
    assert sorted(note.split(":")[1].strip() for note in notes) == [
        "mixup ratio = 1", "mixup ratio = 2",
        "weight of SM = 0.5", "weight of SM = 1", "weight of SM = 2",
    ]  # fmt: skip
    assert any("weight of SM = 2: 0.8225, 95 % interval" in note for note in notes)
    (curve,) = drawings["curves"].notes.values()  # of the reference, not of what is swept
    assert curve.startswith("sm+tmkd: ends at")
    panels = drawings["sensitivity"].figure.get_axes()
    assert {axes.get_xlabel() for axes in panels} == {"mixup ratio", "weight of SM"}
    (limits,) = {axes.get_ylim() for axes in panels}  # to be compared by eye
    assert limits[0] < 0.80 < 0.8275 < limits[1]


@pytest.mark.slow
def test_variants_do_not_crowd_a_figure(tmp_path: Path, write_run: Run) -> None:
    for seed in range(2):
        for method in ("kd", "ft", "sm+tmkd"):
            for change in ({}, {"layer_choice": "last"}, {"init": "pretrained"}, {"layers": 2}):
                write_run(method=method, seed=seed, **change)
        write_run(method="sm+tmkd", seed=seed, mixup_alpha=1.0)
    drawings = {drawing.name: drawing for drawing in draw_all(load_evidence(tmp_path))}
    drawn = {note.rsplit(":", 1)[0] for note in drawings["curves"].notes.values()}
    depths = {f"{name}{more}" for name in ("kd", "ft", "sm+tmkd") for more in ("", " [layers=2]")}
    assert drawn == depths, "of each method and depth the variant nearest to the defaults"
    legends = [text.get_text() for text in drawings["risks"].figure.legends[0].get_texts()]
    assert legends == ["ft", "kd", "sm+tmkd"], "in the order of the tables"


def test_a_gap_is_drawn_at_every_fraction_it_can_be_compared_at(
    tmp_path: Path, write_run: Run
) -> None:
    small = {"train": (200, 0.95), "remainder": (400, 0.8), "fresh": (400, 0.7)}
    for method in ("kd", "sm+tmkd"):
        write_run(method=method, fraction=0.1, sets=small)
        write_run(method=method, fraction=1.0, sets={"train": (200, 0.9), "fresh": (400, 0.8)})
    drawings = {drawing.name: drawing for drawing in draw_all(load_evidence(tmp_path))}
    gaps = [note.split(",")[1] for note in drawings["gap"].notes.values()]
    assert sorted(gaps) == [" 10 % of sst2: 0.2500"] * 2 + [" 100 % of sst2: 0.1000"] * 2
    assert len(drawings["forest"].notes) == 2
    for name in ("gap", "forest"):
        (axes,) = drawings[name].figure.axes
        assert axes.get_title(loc="left") == "sst2 (fresh)"


def test_each_encoder_has_a_panel_and_methods_keep_their_names_and_looks(
    tmp_path: Path, writing_runs: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of several encoders say so at such length that they are cut before they differ."""
    for encoder, fractions in (("first", (0.01, 0.1)), ("second", (0.01,))):
        monkeypatch.setattr(
            "experiments.benchmarks.synthetic_store.CheckpointRef",
            lambda encoder=encoder, **given: CheckpointRef(name=encoder, digest=encoder * 4),
        )
        for fraction in fractions:
            for method in ("teacher", "kd", "sm+tmkd"):
                writing_runs(tmp_path, method=method, fraction=fraction)
    evidence = load_evidence(tmp_path)
    assert any(label.startswith("kd [encoder") for label in evidence.labels.values())
    drawing = levels.accuracy(evidence)
    assert drawing is not None
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles == ["sst2, first (dev)", "sst2, second (1 %, dev)"]
    lines, dots = drawing.figure.axes
    assert {text.get_text() for text in lines.texts} == {"teacher", "kd", "sm+tmkd"}
    assert [text.get_text() for text in dots.get_yticklabels()] == ["teacher", "kd", "sm+tmkd"]
    looks = [
        {(one.get_color(), one.get_marker()) for one in axes.lines if one.get_gid() is not None}
        for axes in (lines, dots)
    ]
    assert looks[0] == looks[1], "a method looks the same in every panel"


def test_methods_at_two_depths_are_told_apart_by_their_depth(
    tmp_path: Path, writing_runs: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where labels are cut before they come to it."""
    for encoder, depths in (("first", (3, 6)), ("second", (2, 3, 4))):
        monkeypatch.setattr(
            "experiments.benchmarks.synthetic_store.CheckpointRef",
            lambda encoder=encoder, **given: CheckpointRef(name=encoder, digest=encoder * 4),
        )
        writing_runs(tmp_path, method="teacher")
        for layers in depths:
            for method in ("ft", "kd"):
                training = TrainingSpec(
                    epochs=7, learning_rate=7e-5 if encoder == "first" else 1e-4
                )
                writing_runs(tmp_path, method=method, layers=layers, training=training)
    drawing = levels.accuracy(load_evidence(tmp_path))
    assert drawing is not None
    named = [text.get_text() for text in drawing.figure.axes[0].get_yticklabels()]
    assert named == ["teacher", "ft [3 layers]", "ft [6 layers]", "kd [3 layers]", "kd [6 layers]"]


def test_labels_beside_a_panel_stay_apart_and_below_its_title() -> None:
    drawing, (axes,) = drawing_of("x", "x", "x", 1, height=2.3)
    axes.set_ylim(0, 1)
    direct_labels(axes, {f"method {k}": (0.97 + 0.005 * k, "black") for k in range(6)})
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert max(heights) <= 1
    apart = 0.13 / (axes.get_window_extent().height / drawing.figure.dpi)
    assert min(b - a for a, b in pairwise(heights)) >= apart - 1e-6


@pytest.mark.parametrize(("accuracies", "drawn"), [((0.55, 0.6), True), ((0.9, 0.91), False)])
def test_the_majority_class_is_drawn_where_it_leaves_the_methods_apart(
    tmp_path: Path, write_run: Run, accuracies: tuple[float, float], drawn: bool
) -> None:
    for fraction, value in zip((0.01, 0.1), accuracies, strict=True):
        for method in ("kd", "sm+tmkd"):
            write_run(
                method=method, fraction=fraction, sets={"train": (200, 0.95), "dev": (200, value)}
            )
    drawing = levels.accuracy(load_evidence(tmp_path))
    assert drawing is not None
    (axes,) = drawing.figure.axes
    low, _ = axes.get_ylim()
    drawn_levels = [one for one in axes.lines if one.get_color() == GREY]
    assert bool(drawn_levels) is drawn
    assert drawn or low > 0.8
