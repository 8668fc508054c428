"""The encoder that a run starts from."""

from pathlib import Path

from experiments.running.store import encoder_lock
from mixkd_core.data.tasks import EMBEDDED, Task
from mixkd_core.errors import InputError


def encoder_for(task: Task, checkpoint: str | None, out: Path) -> str:
    """The checkpoint given, or for an embedded task the small encoder made under `out`.

    Raises:
        InputError: if the task is not embedded and no checkpoint was given, or `out` cannot be
            written.
    """
    if checkpoint is not None:
        return checkpoint
    if task.name not in EMBEDDED:
        raise InputError(
            f"task {task.name!r} needs a pre-trained encoder: give --teacher a folder or a hub "
            "name, such as bert-base-uncased."
        )
    from mixkd_core.networks.embedded_encoder import write_embedded_encoder

    folder = out / "encoder"
    if not folder.is_dir():
        with encoder_lock(out):
            if not folder.is_dir():
                # Beside and renamed, so that nobody finds half of it; what a call that was killed
                # left beside is written over.
                beside = out / "encoder.partial"
                write_embedded_encoder(beside, seed=0)
                beside.rename(folder)
    return str(folder)
