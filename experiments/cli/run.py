"""`mixkd run`: a study, from its file to its records."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.options import (
    NARROW,
    RUNS,
    AllowNewWeights,
    Changes,
    Out,
    Seeds,
    StudyData,
    StudyTeacher,
    TrustRemoteCode,
    listed,
)
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from experiments.execution.jobs import Cluster
    from experiments.planning.plan import PlannedRun
    from mixkd_core.records.survey import StoredRun

RAY = "On a Ray cluster"


class Executor(StrEnum):
    """The kind of workers that do a study's runs."""

    LOCAL = "local"
    RAY = "ray"


def run(
    study: Annotated[
        str,
        typer.Argument(
            help="glue, limited-data, queries, robustness, ablation, sensitivity, latent-space or "
            "smoke, or the path of a YAML file."
        ),
    ],
    out: Out = RUNS,
    data_dir: StudyData = None,
    teacher: StudyTeacher = None,
    allow_new_weights: AllowNewWeights = False,
    trust_remote_code: TrustRemoteCode = False,
    change: Changes = None,
    tasks: Annotated[
        str | None, typer.Option(help="Only these, such as sst2,mrpc.", rich_help_panel=NARROW)
    ] = None,
    seeds: Seeds = None,
    fractions: Annotated[
        str | None, typer.Option(help="Only these, such as 0.01,0.1.", rich_help_panel=NARROW)
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Only these, by their labels, such as kd,sm+tmkd.", rich_help_panel=NARROW
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Runs at once on this machine; they share the cores, or have a GPU each where "
            "there are several.",
        ),
    ] = 1,
    executor: Annotated[
        Executor,
        typer.Option(
            help="Who does the runs: this machine, or a Ray cluster that sees the same files."
        ),
    ] = Executor.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the cluster, such as 10.0.0.1:6379; 'auto', the usual, is the one that this "
            "machine belongs to.",
            rich_help_panel=RAY,
        ),
    ] = None,
    cpus: Annotated[
        int | None,
        typer.Option(min=1, help="CPUs that a run takes; 1 if not given.", rich_help_panel=RAY),
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="GPUs that a run takes, such as 0.5 to have two share one; by default 1 where the "
            "cluster has any.",
            rich_help_panel=RAY,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only print the plan: runs by task, fraction and method, which needs no data; and "
            "time, for which some steps are timed where no finished run tells it.",
        ),
    ] = False,
) -> None:
    """Run a study: every teacher once, and every student that is missing.

    May be stopped and repeated at any moment, and called several times on one folder at once:
    finished runs are found again and unfinished ones taken up. A run that fails does not stop the
    others; the exit status is then 1.

    Started by accelerate launch -m mixkd (or torchrun), the processes share every run:
    each takes its part of a batch, and one of them writes.
    """
    from experiments.cli.console import print_remarks
    from experiments.execution.executor import check_workers, execute
    from experiments.execution.jobs import Workplace
    from experiments.execution.time_left import TimeLeft
    from experiments.planning.calibration import timed_here
    from experiments.planning.plan import checkpoints_of, estimate, expand, gather
    from experiments.planning.preflight import check_all
    from experiments.planning.resolved import resolve
    from experiments.planning.sketch import Sketch, sketch, without_copies
    from experiments.planning.study_file import load_study
    from experiments.running.processes import count as processes
    from experiments.running.quiet import quiet_libraries
    from experiments.running.store import store_plan
    from mixkd_core.records.places import this_command
    from mixkd_core.records.survey import survey

    quiet_libraries()
    cluster = _cluster(executor, address, cpus, gpus, jobs)
    check_workers(jobs, cluster)
    described = load_study(study, change or []).narrowed(
        tasks=listed(tasks, str, "--tasks"),
        seeds=listed(seeds, int, "--seeds"),
        fractions=listed(fractions, float, "--fractions"),
        methods=listed(methods, str, "--methods"),
    )
    narrowed = {"tasks": tasks, "seeds": seeds, "fractions": fractions, "methods": methods}
    if cluster is not None and not dry_run:
        from experiments.execution.ray_workers import check_cluster

        check_cluster(cluster)
    typer.echo(f"{described.name}: {described.stands_for}")
    if only := [(what, given) for what, given in narrowed.items() if given is not None]:
        typer.echo(f"Only a part of it: {'; '.join(f'{what} {given}' for what, given in only)}.")
    stored = survey(out, whole=True).runs
    finished = [item.record for item in stored if item.record is not None]
    resolved = resolve(described)
    with TemporaryDirectory() as scratch:
        # A plan of a store is not to make it, nor to write to it.
        place = Path(scratch) if dry_run and not (out / "encoder").is_dir() else out
        if dry_run:
            drawn = sketch(resolved, place, data_dir=data_dir, teacher=teacher)
        else:
            materials = gather(resolved, place, data_dir=data_dir, teacher=teacher)
            drawn = Sketch(materials, checkpoints_of(resolved), {})
        print_remarks(drawn.materials)
        for name, sentence in drawn.absent.items():
            typer.echo(f"{name} is planned by name alone: {sentence}")
        planned = expand(resolved, drawn.materials, drawn.checkpoints)
        whole = [item for item in planned if drawn.is_whole(item)]
        planned, copies = without_copies(planned, _depths(whole))
        _say_copies(planned, copies)
        whole = [item for item in planned if drawn.is_whole(item)]
        check_all(whole, place, allow_new_weights=allow_new_weights)
        estimates = {item.spec.id: estimate(item, finished) for item in planned}
        if dry_run and cluster is None and processes() == 1:
            untold = [item for item in whole if estimates[item.spec.id] is None]
            estimates |= timed_here(untold, place, typer.echo, allow_new_weights=allow_new_weights)
    ours = {item.spec.id for item in planned}
    found = {item.id: item for item in stored if item.id in ours and item.state != "missing"}
    later = _measured_later(whole, found)
    done = [name for name, item in found.items() if item.state == "finished" and name not in later]
    _print_plan(planned, found, estimates, None if cluster else jobs, dry_run=dry_run)
    if later:
        typer.echo(f"{len(later)} of those done are to be measured on the set test")
    if dry_run:
        return
    store_plan(out, described.name, {item.spec.id: item.describe() for item in planned})
    command = this_command()
    workplace = Workplace(out, command, allow_new_weights, trust_remote_code)
    undone = [item for item in planned if item.spec.id not in done]
    time_left = None if cluster else TimeLeft(undone, finished, out, jobs)
    failures = execute(
        planned, done, workplace, jobs=jobs, cluster=cluster, say=typer.echo, time_left=time_left
    )
    _print_results(planned, out, failures)
    if failures:
        typer.echo(
            f"{len(failures)} of {len(planned)} runs failed; repeat the command to try them again:"
        )
        names = {item.spec.id: item.spec.folder_name for item in planned}
        for name, reason in failures.items():
            typer.echo(f"  {names[name]}: {reason}")
        raise typer.Exit(1)
    typer.echo(f"all {len(planned)} runs of {described.name} are done, in {out}")


def _cluster(
    executor: Executor, address: str | None, cpus: int | None, gpus: float | None, jobs: int
) -> "Cluster | None":
    """The Ray cluster that is asked for; None for this machine."""
    from experiments.execution.jobs import Cluster

    if executor is Executor.LOCAL:
        given = {"--address": address, "--cpus": cpus, "--gpus": gpus}
        for option, value in given.items():
            if value is not None:
                raise InputError(
                    f"{option} {value} is for a Ray cluster: give --executor ray too, or leave it "
                    "out."
                )
        return None
    if jobs != 1:
        raise InputError(
            f"--jobs {jobs} is for this machine; on a Ray cluster as many runs go on at once as "
            "have the CPUs and GPUs that --cpus and --gpus ask for: leave it out."
        )
    if gpus is not None and gpus > 1 and gpus % 1:
        raise InputError(f"--gpus {gpus} is no share of a GPU and no number of whole ones.")
    return Cluster(address or "auto", cpus or 1, gpus)


def _depths(planned: "Sequence[PlannedRun]") -> dict[str, int]:
    """Return the layers of the plan's encoders; one that does not say is left out."""
    from mixkd_core.networks.checkpoints import load_config
    from mixkd_core.networks.layers import depth

    found = {}
    for encoder in {item.material.encoder for item in planned}:
        with suppress(InputError):
            found[encoder] = depth(load_config(encoder))
    return found


def _say_copies(planned: "Sequence[PlannedRun]", copies: "Sequence[PlannedRun]") -> None:
    """Name the runs that are skipped because their student is a copy of its teacher.

    Raises:
        InputError: if no student is left.
    """
    if not copies:
        return
    first = copies[0]
    student = first.spec.student
    assert student is not None
    told = (
        f"{len(copies)} runs are skipped: {first.material.encoder_ref.name} has {student.layers} "
        f"layers, so a student of {student.layers} is a copy of its teacher"
    )
    if all(item.spec.student is None for item in planned):
        raise InputError(f"{told}, and no other is left: --set 'students=[{{layers: 3}}]'.")
    typer.echo(f"{told} ({'; '.join(dict.fromkeys(item.labels[0] for item in copies))}).")


def _print_plan(
    planned: "tuple[PlannedRun, ...]",
    found: "dict[str, StoredRun]",
    estimates: "Mapping[str, tuple[float, str] | None]",
    jobs: int | None,
    *,
    dry_run: bool,
) -> None:
    """Print how many runs there are, which are done, and how long the others will take.

    Args:
        estimates: by run id seconds and what tells them; None for an unknown time.
        jobs: how many are done at once; None if others decide.
        dry_run: whether nothing is run, and a row printed for each task, fraction and method.
    """
    from experiments.running.durations import duration

    missing = [item for item in planned if item.spec.id not in found or not _done(found, item)]
    teachers = sum(item.spec.student is None for item in planned)
    typer.echo(
        f"{len(planned)} runs: {teachers} teachers and {len(planned) - teachers} students; "
        f"{len(planned) - len(missing)} are done"
    )
    estimates = {item.spec.id: estimates[item.spec.id] for item in missing}
    if dry_run:
        _print_sums(planned, estimates)
    for item in missing:
        state = found.get(item.spec.id)
        if state is not None and state.state in ("damaged", "failed"):
            typer.echo(f"{state.name} is {state.state} and will be run again: {state.reason}")
    if missing:
        known = [one for one in estimates.values() if one is not None]
        unknown = len(missing) - len(known)
        shared = "" if jobs else ", shared among the cluster's workers"
        seconds = sum(seconds for seconds, _ in known) / (jobs or 1)
        parts = [f"about {duration(seconds)}{shared}"] if known else []
        untold = (
            "whose data or encoder could not be read"
            if dry_run and jobs
            else "until one with their encoder is finished"
        )
        parts += [f"unknown for {unknown} runs, {untold}"] * bool(unknown)
        typer.echo(f"time left: {', and '.join(parts)}")
        for basis, count in Counter(basis for _, basis in known).items():
            typer.echo(f"  of {count} runs by what was measured of {basis}")


def _print_sums(
    planned: "Sequence[PlannedRun]", estimates: "Mapping[str, tuple[float, str] | None]"
) -> None:
    """Print a row for each task and fraction, and one for each method: runs, to do, and time."""
    from experiments.cli.console import wide_table
    from experiments.running.durations import duration
    from reports.tables.table import percent, seeds_text

    cells: dict[tuple[str, str], list[PlannedRun]] = {}
    methods: dict[str, list[PlannedRun]] = {}
    for item in planned:
        cells.setdefault((item.spec.task, percent(item.spec.fraction)), []).append(item)
        for label in item.labels:
            methods.setdefault(label, []).append(item)

    def counted(runs: "Sequence[PlannedRun]") -> tuple[str, str, str, str]:
        undone = [item for item in runs if item.spec.id in estimates]
        known = [one[0] for item in undone if (one := estimates[item.spec.id]) is not None]
        time = duration(sum(known)) if len(known) == len(undone) else "unknown"
        seeds = seeds_text([item.spec.seed for item in runs])
        return seeds, str(len(runs)), str(len(undone)), time if undone else ""

    titles = ("seeds", "runs", "to do", "time")
    rows = [(task, share, *counted(runs)) for (task, share), runs in cells.items()]
    wide_table(("task", "fraction", *titles), rows)
    typer.echo("")
    wide_table(("method", *titles), [(label, *counted(runs)) for label, runs in methods.items()])


def _measured_later(
    planned: "Sequence[PlannedRun]", found: "dict[str, StoredRun]"
) -> frozenset[str]:
    """Ids of the finished runs that were not measured on a test set that there is now."""
    from experiments.planning.plan import load_source
    from experiments.running.measuring import lacks_test

    return frozenset(
        item.spec.id
        for item in planned
        if item.spec.id in found
        and (record := found[item.spec.id].record) is not None
        and lacks_test(record, load_source(item.material.source))
    )


def _done(found: "dict[str, StoredRun]", item: "PlannedRun") -> bool:
    return found[item.spec.id].state == "finished"


def _print_results(planned: "tuple[PlannedRun, ...]", out: Path, failures: dict[str, str]) -> None:
    """The gap table of each task, means over the seeds; a row for each thing a run stands for."""
    from experiments.cli.console import print_gaps
    from mixkd_core.records.run_folder import find_record
    from reports.evidence.evidence import evidence_of

    found = [
        (find_record(out, item.spec), item.labels)
        for item in planned
        if item.spec.id not in failures
    ]
    records = [record for record, _ in found if record is not None]
    typer.echo("")
    if records:
        names = {record.spec.id: labels for record, labels in found if record is not None}
        print_gaps(evidence_of(records), names=names)
    typer.echo("")
