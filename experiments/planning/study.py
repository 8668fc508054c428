"""A study: which runs stand for a table or a figure. Validated YAML, every key of it below.

    name: limited-data
    stands_for: Figure 1 of ...
    seeds: [0, 1, 2]
    fractions: [0.01, 0.1]
    defaults: {encoder: bert-base-uncased}     # of every task
    tasks:
      sst2:
        teacher: {epochs: 3}
        by_fraction: {0.01: {student: {epochs: 20}}}
    students:
      - layers: 3
    methods:
      - kd
      - {method: sm+tmkd, mixup_alpha: 0.2}    # a variant: any field of a student
    sweeps:
      - {base: sm+tmkd, field: weights.sm, values: [0.5, 1, 2]}

What a key leaves out comes from the next in this order: sweep, method, student, the task's settings
for the fraction, the task's own, `defaults`, and last `mixkd_core.records.specs`.
`experiments.planning.study_file` reads a study, `experiments.planning.resolved` lays its settings
together, and `experiments.planning.plan` expands it.
"""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from experiments.planning.partial import PartialSettings, merge, nested
from experiments.planning.settings import (
    Few,
    Fractions,
    MethodSettings,
    Name,
    Seeds,
    StudentSettings,
    TaskSettings,
    Translators,
    distinct,
)
from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import TERMS
from mixkd_core.records.specs import EvaluationSpec, TrainingSpec

# Of a whole study, which would take a machine years.
MOST_RUNS = 10_000


class Sweep(PartialSettings):
    """One field of a method swept, the others fixed.

    Attributes:
        base: the method.
        field: which field of it, such as `mixup_alpha` or `weights.sm`.
        values: what it is set to.
    """

    base: MethodSettings
    field: Name
    values: Annotated[tuple[Any, ...], AfterValidator(distinct), Few]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for value in self.values:
            try:
                self._method(value)
            except ValidationError as error:
                first = error.errors()[0]
                if first["type"] == "extra_forbidden":
                    known = [*MethodSettings.model_fields, *(
                        f"training.{name}" for name in TrainingSpec.model_fields
                    ), *(f"weights.{term}" for term in TERMS)]  # fmt: skip
                    near = difflib.get_close_matches(self.field, known, n=1)
                    suggestion = f"did you mean {near[0]!r}? " if near else ""
                    raise ValueError(
                        f"a method has no field {self.field!r}: {suggestion}It has "
                        f"{', '.join(known)}"
                    ) from error
                reason = first.get("ctx", {}).get("error", first["msg"])
                raise ValueError(f"{value!r} does not fit {self.field!r}: {reason}") from error
        return self

    def methods(self) -> tuple[MethodSettings, ...]:
        """A method for each value, labelled by it."""
        return tuple(self._method(value) for value in self.values)

    def _method(self, value: Any) -> MethodSettings:
        parts = (
            self.base.given,
            nested(self.field, value),
            {"label": f"{self.base.name} {self.field}={value}"},
        )
        return MethodSettings.model_validate(merge(*parts))


class Study(PartialSettings):
    """See the module.

    Attributes:
        name: names it in the store.
        stands_for: the table or figure of the paper that its runs reproduce.
        seeds: all methods are run with the first before any with the second.
        fractions: shares of the training split, unless a task has its own.
        evaluation: sizes of the held-out samples.
        translators: of whatever is trained on back-translated texts too.
        defaults: settings of every task, unless it has its own.
        tasks: the tasks and their own settings.
        students, methods: every student is trained by every method.
        sweeps: more methods, each varying one field.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    stands_for: Name
    seeds: Seeds
    fractions: Fractions = (1.0,)
    evaluation: EvaluationSpec = EvaluationSpec()
    translators: Translators = Translators()
    defaults: TaskSettings = TaskSettings()
    tasks: Annotated[dict[str, TaskSettings], Field(min_length=1), Few]
    students: Annotated[tuple[StudentSettings, ...], AfterValidator(distinct), Few]
    methods: Annotated[tuple[MethodSettings, ...], Few] = ()
    sweeps: Annotated[tuple[Sweep, ...], Few] = ()

    @model_validator(mode="after")
    def _labels(self) -> Self:
        methods = self.every_method()
        if not methods:
            raise ValueError("it has neither methods nor sweeps: nothing is left to run")
        fractions = sum(len(self.fractions_of(task)) for task in self.tasks)
        runs = len(self.seeds) * fractions * len(self.students) * len(methods)
        if runs > MOST_RUNS:
            raise ValueError(
                f"it asks for {runs} runs (seeds, fractions, students and methods, each with each "
                f"other), and at most {MOST_RUNS} are planned: make several studies of it"
            )
        _check_distinct("methods", [method.name for method in self.methods])
        _check_distinct("students", [student.name for student in self.students])
        known = {method.name for method in methods}
        for student in self.students:
            for label in student.methods or ():
                if label not in known:
                    raise ValueError(
                        f"student {student.name!r} asks for method {label!r}, which is none of "
                        f"the study's: {', '.join(sorted(known))}"
                    )
        return self

    def every_method(self) -> tuple[MethodSettings, ...]:
        """The methods and those of the sweeps."""
        return (*self.methods, *(method for sweep in self.sweeps for method in sweep.methods()))

    def settings(self, task: str) -> TaskSettings:
        """A task's settings, the defaults filled in."""
        return TaskSettings.model_validate(merge(self.defaults.given, self.tasks[task].given))

    def fractions_of(self, task: str) -> tuple[float, ...]:
        """A task's fractions, in ascending order."""
        own = self.tasks[task]
        settings = own if "fractions" in own.model_fields_set else self.defaults
        return tuple(sorted(settings.fractions or self.fractions))

    def narrowed(
        self,
        *,
        tasks: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        fractions: Sequence[float] | None = None,
        methods: Sequence[str] | None = None,
    ) -> "Study":
        """The part of the study with these tasks, seeds, fractions and methods; None keeps all.

        A method is named by its label, one of a sweep too.

        Raises:
            InputError: for one that the study does not have, or when nothing is left.
        """
        every_fraction = sorted({value for task in self.tasks for value in self.fractions_of(task)})
        _check_known("task", tasks, tuple(self.tasks))
        _check_known("seed", seeds, self.seeds)
        _check_known("fraction", fractions, tuple(every_fraction))
        kept = {}
        for task, settings in self.tasks.items():
            its = [f for f in self.fractions_of(task) if fractions is None or f in fractions]
            if its and (tasks is None or task in tasks):
                kept[task] = settings.model_copy(update={"fractions": tuple(its)})
        if not kept:
            raise InputError(
                f"study {self.name!r} has no run on these tasks with these fractions: "
                + "; ".join(f"{task} has {list(self.fractions_of(task))}" for task in tasks or ())
                + "."
            )
        update: dict[str, Any] = {"tasks": kept}
        if seeds is not None:
            update["seeds"] = tuple(seeds)
        if methods is not None:
            update |= self._with_methods(methods)
        return self.model_copy(update=update)

    def _with_methods(self, labels: Sequence[str]) -> dict[str, Any]:
        """The keys of the study that say which methods train which students."""
        known = {method.name: method for method in self.every_method()}
        _check_known("method", labels, tuple(known))
        # One that no method is left for stays, so that the others are called as they were.
        students = [
            student
            if student.methods is None
            else student.model_copy(
                update={"methods": tuple(name for name in labels if name in student.methods)}
            )
            for student in self.students
        ]
        if all(student.methods == () for student in students):
            raise InputError(
                f"no student of study {self.name!r} is trained by {', '.join(labels)}: name "
                "methods that its students have."
            )
        return {
            "students": tuple(students),
            "methods": tuple(method for name, method in known.items() if name in labels),
            "sweeps": (),
        }


def _check_distinct(what: str, labels: Sequence[str]) -> None:
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise ValueError(f"two of its {what} are called {label!r}: give one another 'label'")


def _check_known(what: str, asked: Sequence[Any] | None, known: Sequence[Any]) -> None:
    asked = asked or ()
    for place, value in enumerate(asked):
        if value in asked[:place]:
            raise InputError(f"the {what} {value!r} is named twice: name each once.")
        if value not in known:
            raise InputError(
                f"the study has no {what} {value!r}, only "
                f"{', '.join(str(item) for item in known)}: name those, or change the study with "
                f"--set {'tasks.NAME.KEY=VALUE' if what == 'task' else f'{what}s=[...]'}."
            )
