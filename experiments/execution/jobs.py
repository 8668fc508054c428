"""A job: one run to be done, where, by whom, and how the attempt ended.

Everything that several kinds of workers share, so that none of them needs the executor.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from experiments.planning.plan import PlannedRun, load_source
from experiments.running.store import reason_of
from mixkd_core.errors import DiskFullError, RunBusyError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Workplace:
    """The folder where runs are done, and the command in whose name.

    Attributes:
        out: the store.
        command: the command line, for the model cards.
        allow_new_weights: as in `experiments.running.runner.Resources`.
        trust_remote_code: whether checkpoints may run code of their own.
    """

    out: Path
    command: str
    allow_new_weights: bool = False
    trust_remote_code: bool = False


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster, and what a run asks of it.

    Attributes:
        address: as `ray.init` takes it; `"auto"` is the cluster that this machine belongs to.
        cpus: CPUs that a run takes: its threads.
        gpus: GPUs that a run takes; None is one where the cluster has any.
    """

    address: str = "auto"
    cpus: int = 1
    gpus: float | None = None


@dataclass(frozen=True)
class JobOutcome:
    """The end of an attempt at a run.

    Attributes:
        state: `"busy"` if another process works on it.
        reason: of a failure; the sentence of a full disk.
    """

    state: Literal["done", "busy", "failed", "disk full"]
    reason: str = ""


News = str | tuple[PlannedRun, JobOutcome]


class Workers(Protocol):
    """Workers that do the runs they are given."""

    @property
    def free(self) -> bool:
        """True if they take another run now."""

    @property
    def busy(self) -> bool:
        """True if they are doing any run."""

    def start(self, run: PlannedRun) -> None:
        """Take a run on."""

    def news(self, seconds: float) -> Iterable[News]:
        """Yield messages and how runs ended, after `seconds` at the most if they can."""

    def stop(self) -> None:
        """Drop everything at once; what was begun can be taken up again."""


def attempt(run: PlannedRun, workplace: Workplace, say: Say) -> JobOutcome:
    """Do one run, unless another process works on it; what is said names what it stands for."""
    from experiments.running.runner import Resources
    from experiments.running.runner import run as do
    from mixkd_core.networks.gate import trusting_code

    try:
        resources = Resources(
            data=load_source(run.material.source),
            encoder=run.material.encoder,
            out=workplace.out,
            student_checkpoint=run.student_checkpoint,
            translators=dict(run.translators),
            command=workplace.command,
            allow_new_weights=workplace.allow_new_weights,
            say=lambda text: say(f"{run.labels[0]}: {text}"),
            wait=False,
        )
        with trusting_code(workplace.trust_remote_code):
            do(run.spec, resources)
    except RunBusyError:
        return JobOutcome("busy")
    except DiskFullError as error:
        return JobOutcome("disk full", str(error))
    except Exception as error:  # one failing run must not stop the study, whatever it failed of
        return JobOutcome("failed", reason_of(error))
    return JobOutcome("done")
