"""A study's file: what it says, what is refused and where, and what may be changed or left out."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.planning.resolved import resolve
from experiments.planning.study import Study
from experiments.planning.study_file import load_study, shipped_studies
from mixkd_core.errors import InputError

SMALL: dict[str, Any] = {
    "name": "small",
    "stands_for": "Figure 0",
    "seeds": [0, 1],
    "fractions": [0.1, 1.0],
    "defaults": {"encoder": "bert-base-uncased", "teacher": {"epochs": 3}},
    "tasks": {
        "sst2": {"student": {"epochs": 4}, "by_fraction": {0.1: {"student": {"epochs": 9}}}},
        "rte": {"fractions": [1.0]},
    },
    "students": [{"layers": 3}],
    "methods": ["ft", {"method": "sm+tmkd", "mixup_alpha": 0.2}],
}


def written(folder: Path, **changes: Any) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}, sort_keys=False))
    return str(path)


@pytest.mark.parametrize("name", shipped_studies())
def test_a_shipped_study_is_found_by_name_and_says_what_it_stands_for(name: str) -> None:
    study = load_study(name)
    assert study.name == name
    assert "igure" in study.stands_for or "table" in study.stands_for
    assert study.every_method()


def test_the_shipped_studies_are_those_of_the_paper() -> None:
    of_the_paper = {"glue", "limited-data", "ablation", "sensitivity", "latent-space"}
    assert of_the_paper | {"smoke"} <= set(shipped_studies())


def test_settings_are_laid_over_each_other(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    settings = study.settings("sst2")
    assert settings.encoder == "bert-base-uncased"
    assert settings.training(1.0, "teacher") == {"epochs": 3}
    assert settings.training(1.0, "student") == {"epochs": 4}
    assert settings.training(0.1, "student") == {"epochs": 9}
    assert study.fractions_of("sst2") == (0.1, 1.0)
    assert study.fractions_of("rte") == (1.0,)


def test_methods_are_called_by_what_they_change(tmp_path: Path) -> None:
    methods = [
        "kd",
        {"method": "kd", "epochs_factor": 2},
        {"method": "kd", "label": "soft"},
        {"method": "sm+tmkd", "weights": {"sm": 0.5}, "training": {"epochs": 2}},
    ]
    sweeps = [{"base": "sm+tmkd", "field": "weights.sm", "values": [0, 2]}]
    study = load_study(written(tmp_path, methods=methods, sweeps=sweeps))
    assert [method.name for method in study.every_method()] == [
        "kd",
        "kd epochs_factor=2.0",
        "soft",
        "sm+tmkd weights.sm=0.5 training.epochs=2.0",
        "sm+tmkd weights.sm=0",
        "sm+tmkd weights.sm=2",
    ]
    swept = study.every_method()[-1]
    assert dict(swept.objective.weights) == {"mle": 1.0, "sm": 2.0, "tmkd": 1.0}


def test_a_sweep_keeps_what_its_base_changes(tmp_path: Path) -> None:
    base = {"method": "kd", "distance": "kl", "epochs_factor": 2}
    sweeps = [{"base": base, "field": "temperature", "values": [1, 4]}]
    study = load_study(written(tmp_path, methods=[], sweeps=sweeps))
    assert [method.temperature for method in study.every_method()] == [1.0, 4.0]
    assert {method.distance for method in study.every_method()} == {"kl"}
    assert {method.epochs_factor for method in study.every_method()} == {2.0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fraction": [0.1]}, r"line \d+: unknown key 'fraction': did you mean 'fractions'"),
        ({"tasks": {"sst2": {"techer": {}}}}, "'tasks.sst2.techer': did you mean 'teacher'"),
        (
            {"tasks": {"sst2": {"by_fraction": {0.1: {"student": {"epoch": 3}}}}}},
            r"'tasks.sst2.by_fraction.0.1.student.epoch': did you mean 'epochs'",
        ),
        ({"methods": [{"method": "kd", "mixup_alfa": 1}]}, "did you mean 'mixup_alpha'"),
        ({"methods": [{"method": "mixkd"}]}, r"methods.0 cannot be used: unknown method 'mixkd'"),
        ({"methods": ["kd", {"weights": {"sm": 1}}]}, r"methods.1 .* has no 'method'"),
        ({"methods": ["kd", "kd"]}, "two of its methods are called 'kd'"),
        ({"methods": []}, "neither methods nor sweeps"),
        ({"seeds": [0, 1, 0]}, r"line \d+: seeds cannot be used: it repeats 0"),
        ({"seeds": []}, "seeds cannot be used: it is empty"),
        ({"seeds": [-1]}, r"seeds.0 is -1: input should be greater than or equal to 0"),
        ({"seeds": 3}, "seeds is 3: input should be a valid list"),
        ({"fractions": [2]}, r"fractions.0 is 2"),
        ({"fractions": [0.1, 0.1]}, "fractions cannot be used: it repeats 0.1"),
        ({"tasks": {}}, "tasks is {}"),
        ({"students": []}, "students cannot be used: it is empty"),
        ({"students": [{"layers": "three"}]}, r"students.0.layers is 'three'"),
        ({"students": [{"layers": 3, "methods": ["pkd"]}]}, "asks for method 'pkd'"),
        ({"tasks": {"sst2": {"teacher": {"epochs": "many"}}}}, r"teacher.epochs is 'many'"),
        (
            {
                "tasks": {
                    "mine": {"files": {"train": "a.csv", "evaluation": {"remainder": "b.csv"}}}
                }
            },
            "files.evaluation cannot be used: An evaluation set cannot be named 'remainder'",
        ),
        ({"name": "Too Nice"}, "name is 'Too Nice'"),
        ({"name": "../x"}, "name is '../x'"),
        ({"name": "x" * 61}, "at most 60 characters"),
        (
            {"sweeps": [{"base": "kd", "field": "temperature", "values": []}]},
            r"sweeps.0.values cannot be used: it is empty",
        ),
        (
            {"sweeps": [{"base": "kd", "field": "temprature", "values": [1]}]},
            "did you mean 'temperature'",
        ),
        (
            {"sweeps": [{"base": "kd", "field": "training.epoch", "values": [1]}]},
            "did you mean 'training.epochs'",
        ),
        (
            {"sweeps": [{"base": "kd", "field": "temperature", "values": ["hot"]}]},
            "'hot' does not fit 'temperature'",
        ),
        (
            {"sweeps": [{"base": "kd", "field": "weights.smm", "values": [1]}]},
            "unknown term 'smm'",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as raised:
        load_study(written(tmp_path, **changes))
    assert "small.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_line_is_the_one_where_the_mistake_stands(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: small\nstands_for: Figure 0\nseeds: [0]\ntasks:\n  sst2:\n    teacher:\n"
        "      epochs: 3\n      epochs_: 2\nstudents: [{layers: 3}]\nmethods: [ft]\n"
    )
    with pytest.raises(InputError, match=r"study.yaml, line 8: unknown key 'tasks.sst2.teacher"):
        load_study(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", r"line \d+ is not YAML"),
        ("- ft\n", "not a mapping"),
        ("", "not a mapping"),
        ("name: a\nseeds: [0]\nname: b\n", r"line 3: the key 'name' was given before \(line 1\)"),
        ("name: small\nseeds: [0]\n", "the key 'stands_for' is missing"),
    ],
)
def test_a_file_that_is_no_study_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        load_study(str(path))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_study(str(tmp_path / "study.yaml"))


def test_an_unknown_study_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'limited-data'\? Give one of ablation"):
        load_study("limited-dat")


def changed(folder: Path, *changes: str) -> Study:
    return load_study(written(folder), changes)


def test_any_key_can_be_changed(tmp_path: Path) -> None:
    study = changed(
        tmp_path,
        "seeds=[5,6,7]",
        "students.0.layers=6",
        "methods.1.mixup_alpha=1",
        "tasks.sst2.by_fraction.0.1.student.epochs=30",
        "tasks.mrpc={}",
        "tasks.rte.teacher.learning_rate=1e-5",
        "evaluation.remainder_size=100",
    )
    assert study.seeds == (5, 6, 7)
    assert study.students[0].layers == 6
    assert study.methods[1].mixup_alpha == 1.0
    assert study.settings("sst2").training(0.1, "student") == {"epochs": 30.0}
    assert study.settings("mrpc").training(0.1, "teacher") == {"epochs": 3.0}
    assert study.settings("rte").training(1.0, "teacher") == {"epochs": 3.0, "learning_rate": 1e-5}
    assert study.evaluation.remainder_size == 100


def test_a_change_reaches_into_a_method_that_is_given_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, sweeps=[{"base": "sm+tmkd", "field": "mixup_ratio", "values": [2]}])
    study = load_study(path, ["methods.0.temperature=4", "sweeps.0.base.mixup_alpha=1"])
    first, swept = study.methods[0], study.every_method()[-1]
    assert (first.method, first.temperature) == (load_study(path).methods[0].method, 4.0)
    assert (swept.method, swept.mixup_alpha, swept.mixup_ratio) == ("sm+tmkd", 1.0, 2.0)


def test_a_change_leaves_what_an_alias_shares_with_it(tmp_path: Path) -> None:
    path = tmp_path / "alias.yaml"
    path.write_text(
        "name: alias\nstands_for: a test\nseeds: [0]\nstudents: [{layers: 2}]\nmethods: [ft]\n"
        "tasks: {sst2: {teacher: &training {epochs: 3}, student: *training}}\n"
    )
    settings = load_study(str(path), ["tasks.sst2.teacher.epochs=5"]).settings("sst2")
    assert settings.training(1.0, "teacher") == {"epochs": 5}
    assert settings.training(1.0, "student") == {"epochs": 3}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seeds.0.first=1", "--set seeds.0.first=1: seeds.0 is {'first': 1}"),
        (
            "methods.0.mix_layer=deep",
            "methods.0.mix_layer cannot be used: it is 'deep': give 0 .*, or 'pooled'",
        ),
        (
            f"seeds={list(range(6000))}",
            r"^--set 'seeds=\[0, 1, .{45,50}…': the value holds more than",
        ),
        ("seeds", "not KEY=VALUE"),
        ("=3", "not KEY=VALUE"),
        ("seeds..a=3", "not KEY=VALUE"),
        ("seeds=[1", "the value, line 1 is not YAML"),
        ("seeds=[1,1]", r"--set seeds=\[1,1\]: seeds cannot be used: it repeats 1"),
        ("sedes=[1]", r"--set sedes=\[1\]: unknown key 'sedes': did you mean 'seeds'"),
        ("students.1.layers=2", "students is a list of 1"),
        ("students.first.layers=2", "not 'first'"),
        ("tasks.sst2.teacher.epochs=many", "--set tasks.sst2.teacher.epochs=many: .* is .many."),
        ("defaults.teacher.epochs.x=1", "defaults.teacher.epochs"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        changed(tmp_path, change)


def test_a_study_can_be_narrowed(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    assert study.narrowed() == study.model_copy(update={"tasks": study.narrowed().tasks})
    small = study.narrowed(tasks=["sst2"], seeds=[1], fractions=[0.1])
    assert list(small.tasks) == ["sst2"]
    assert small.seeds == (1,)
    assert small.fractions_of("sst2") == (0.1,)
    assert list(study.narrowed(fractions=[0.1]).tasks) == ["sst2"], "rte has no tenth"


def test_a_study_can_be_narrowed_to_methods_by_their_labels(tmp_path: Path) -> None:
    sweeps = [{"base": "kd", "field": "temperature", "values": [1, 2]}]
    own = {"layers": 2, "methods": ["ft"]}
    study = load_study(written(tmp_path, sweeps=sweeps, students=[{"layers": 3}, own]))
    small = study.narrowed(methods=["kd temperature=2", "sm+tmkd mixup_alpha=0.2"])
    assert [method.name for method in small.every_method()] == [
        "sm+tmkd mixup_alpha=0.2",
        "kd temperature=2",
    ]
    assert [student.methods for student in small.students] == [None, ()]
    labels = [variant.label for variant in resolve(small).comparisons[0].variants]
    assert labels == ["sm+tmkd mixup_alpha=0.2, 3 layers", "kd temperature=2, 3 layers"]
    every = {variant.label for variant in resolve(study).comparisons[0].variants}
    assert set(labels) < every, "a run is called the same in a part of the study"


@pytest.mark.parametrize(
    ("narrow", "said"),
    [
        ({"tasks": ["mrpc"]}, "no task 'mrpc', only sst2, rte"),
        ({"seeds": [0, 9]}, "no seed 9, only 0, 1"),
        ({"seeds": [1, 1]}, "the seed 1 is named twice"),
        ({"fractions": [0.01]}, r"no fraction 0.01, only 0.1, 1.0"),
        ({"tasks": ["rte"], "fractions": [0.1]}, r"rte has \[1.0\]"),
        ({"methods": ["sm"]}, "no method 'sm', only ft, sm.tmkd mixup_alpha=0.2"),
        ({"methods": ["ft", "ft"]}, "the method 'ft' is named twice"),
    ],
)
def test_narrowing_to_what_is_not_there_is_refused(
    tmp_path: Path, narrow: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        load_study(written(tmp_path)).narrowed(**narrow)
