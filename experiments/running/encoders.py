"""Which encoder a run starts from."""

from pathlib import Path
from tempfile import TemporaryDirectory

from mixkd_core.data.tasks import EMBEDDED, Task
from mixkd_core.errors import InputError


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
    from mixkd_core.networks.embedded_encoder import write_embedded_encoder

    folder = out / "encoder"
    if not folder.is_dir():
        # Beside and renamed, so that an interrupted call leaves no half of it.
        with TemporaryDirectory(dir=_writable(out)) as beside:
            write_embedded_encoder(Path(beside) / "encoder", seed=0)
            (Path(beside) / "encoder").rename(folder)
    return str(folder)


def _writable(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}; give another --out.") from error
    return out
