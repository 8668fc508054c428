"""One run in several processes, as `accelerate launch` and `torchrun` start them: one a GPU.

Every process is given the same command line. The first, the main process, does what it says. The
others follow: they take part in each training and wait otherwise, so that locks, records and the
terminal are the main process's alone.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from mixkd_core.errors import InputError, MixKDError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Followers wait while the main process evaluates, or back-translates a whole data set.
LONGEST_WAIT = timedelta(days=30)
# A training that fails fails everywhere at about the same time.
LONGEST_STEP_APART = timedelta(minutes=2)

INTERRUPTED = 130  # the exit status of a command that was interrupted

# Carries what the main process wants; on the CPU, so that it never mixes with a training's own
# traffic. None where this process was started alone.
_control: Any = None


class OutOfStepError(MixKDError):
    """The processes of a run no longer do the same, so that nothing can be done together."""


def count() -> int:
    """Return how many processes were started to work as one; 1 where none launched this one."""
    launched = {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys()
    return int(os.environ["WORLD_SIZE"]) if launched else 1


def is_main() -> bool:
    """Return True if this process is the main one, or the only one."""
    return count() == 1 or os.environ["RANK"] == "0"


def share_of_batch(batch_size: int) -> int:
    """Return each process's part of a batch; a run's batch size is that of all together.

    Raises:
        InputError: if they cannot share it evenly.
    """
    if batch_size % count():
        raise InputError(
            f"the batch size is {batch_size}, which the {count()} processes that were launched "
            "cannot share evenly: launch a number of them that divides it, or change it."
        )
    return batch_size // count()


def in_every_process(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call `function` in every process with the same arguments; return what it returns here.

    Args:
        function: importable by name; its arguments can be pickled.

    Raises:
        OutOfStepError: if it failed here, and not everywhere.
    """
    if _control is None:
        return function(*args, **kwargs)
    _tell((function, args, kwargs))
    return _call(function, *args, **kwargs)


def agreed(decision: bool) -> bool:
    """The main process's decision, in every process."""
    if _control is None:
        return decision
    import torch

    said = torch.tensor([decision], dtype=torch.uint8)
    torch.distributed.broadcast(said, src=0, group=_control)
    return bool(said)


def all_here() -> None:
    """Wait until every process has come to this point."""
    if _control is not None:
        import torch

        torch.distributed.barrier(group=_control)


@contextmanager
def leading() -> Iterator[None]:
    """Lead the other processes of the launch, if there are any, until the block ends.

    Raises:
        InputError: if there are more processes than GPUs on a machine that has some.
    """
    if count() == 1:
        yield
        return
    _join()
    in_step = True
    try:
        yield
    except (KeyboardInterrupt, OutOfStepError):
        in_step = False
        raise
    except SystemExit as ended:
        in_step = ended.code != INTERRUPTED
        raise
    finally:
        if in_step:  # else they could be anywhere, and do not listen
            _tell(None)
            _leave()


def follow() -> None:
    """Take part in what the main process does, until it has finished.

    Raises:
        InputError: if there are more processes than GPUs on a machine that has some.
        OutOfStepError: if a call failed here, and not everywhere.
    """
    _join()
    from experiments.running.quiet import quiet_libraries

    quiet_libraries()
    while (wanted := _told()) is not None:
        function, args, kwargs = wanted
        try:
            _call(function, *args, **kwargs)
        except OutOfStepError:
            raise
        except Exception:  # the main process failed too, and says so
            continue
    _leave()


def _call(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    try:
        return function(*args, **kwargs)
    except Exception as error:
        import torch

        try:
            torch.distributed.monitored_barrier(_control, timeout=LONGEST_STEP_APART)
        except RuntimeError:
            raise OutOfStepError(
                f"one of {count()} processes failed and the others did not "
                f"({type(error).__name__}: {error}), so they were stopped; what is finished "
                "stays: repeat the command to go on."
            ) from error
        raise


def _join() -> None:
    global _control
    import torch
    from accelerate import PartialState

    gpus = torch.cuda.device_count()
    here = int(os.environ.get("LOCAL_WORLD_SIZE", count()))
    if 0 < gpus < here:
        raise InputError(
            f"{here} processes were launched on a machine with {gpus} GPUs: launch one a GPU, or "
            "hide the GPUs with CUDA_VISIBLE_DEVICES= to train on the CPU."
        )
    PartialState(cpu=not gpus)
    _control = torch.distributed.new_group(backend="gloo", timeout=LONGEST_WAIT)


def _leave() -> None:
    global _control
    import torch

    _control = None
    with suppress(RuntimeError):  # another process was faster
        torch.distributed.destroy_process_group()


def _tell(message: Any) -> None:
    import torch

    torch.distributed.broadcast_object_list([message], src=0, group=_control)


def _told() -> Any:
    import torch

    box = [None]
    torch.distributed.broadcast_object_list(box, src=0, group=_control)
    return box[0]
