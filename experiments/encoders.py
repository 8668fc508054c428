"""Which encoder a run starts from."""

from pathlib import Path

from mixkd_core.errors import InputError
from mixkd_core.tasks import EMBEDDED, Task


def encoder_for(task: Task, checkpoint: str | None, out: Path) -> str:
    """The checkpoint given, or for an embedded task the small encoder made under `out`.

    Raises:
        InputError: if the task is not embedded and no checkpoint was given.
    """
    if checkpoint is not None:
        return checkpoint
    if task.name not in EMBEDDED:
        raise InputError(
            f"task {task.name!r} needs a pre-trained encoder: give --teacher a folder or a hub "
            "name, such as bert-base-uncased."
        )
    from mixkd_core.embedded_encoder import write_embedded_encoder

    folder = out / "encoder"
    if not (folder / "config.json").is_file():
        write_embedded_encoder(folder, seed=0)
    return str(folder)
