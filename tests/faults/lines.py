"""Odd command lines: every command ends with status 0, or 1, or 2 and a sentence."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from typer.main import get_command

from experiments.benchmarks.synthetic_store import write_run
from experiments.cli import app
from tests.faults.odd import HOSTILE
from tests.faults.outcomes import command

# What a value of an option may be, beside the odd: near enough to get somewhere.
SANE: dict[str, tuple[str, ...]] = {
    "--task": ("embedded-sentiment", "rte", "mine"),
    "--method": ("ft", "kd", "sm+tmkd", "x"),
    "--set": ("seeds=[0]", "students.0.layers=1", "methods.99=1", "=", "a.b.c=d"),
    "--search": ("weights.sm=0.1..4 log", "training.learning_rate=3e-5,1e-4", "x=1..2", "=.."),
    "--fractions": ("0.2", "0.2,0.2", "1e-300", "2"),
    "--methods": ("kd", "ft,kd", "kd,kd"),
    "--epochs": ("1", "1e30", "0", "-1"),
}
ODD = tuple(text for text in HOSTILE if "\x00" not in text and "\ud800" not in text)
NUMBERS = ("0", "1", "2", "-1", "0.5", "1e30", "1e400", "9" * 30, "nan", "inf", "1e-300", "5e-324")
# Never to be reached from here: they measure, draw nothing, or talk to a network.
LEFT_OUT = ("bench", "demo")
HEAVY = ("train", "run", "tune")


class Lines:
    """Command lines of every command, on a small store and small files.

    Args:
        room: where to work.
    """

    def __init__(self, room: Path) -> None:
        self.room = room
        self.store = room / "store"
        for method in ("teacher", "kd", "ft"):
            write_run(self.store, method=method, sets={"train": (20, 0.9), "dev": (16, 0.8)})
        rows = "".join(f"text {k},{k % 2}\n" for k in range(40))
        (room / "train.csv").write_text("text,label\n" + rows)
        (room / "losses.csv").write_text("a,b\n" + "0,1\n1,0\n" * 20)
        commands: Any = get_command(app)
        self.commands = {
            name: its for name, its in commands.commands.items() if name not in LEFT_OUT
        }

    def check(self, draw: st.DrawFn) -> str:
        """Run a command line; return whether it was accepted.

        Raises:
            FaultError: for a traceback or a hang.
        """
        name = draw(st.sampled_from(sorted(self.commands)))
        words = [name]
        options = list(self.commands[name].params)
        for _ in (item for item in options if item.param_type_name == "argument"):
            # Without a statement all of them are verified, which takes minutes.
            if name == "verify" or draw(st.integers(0, 9)):
                words.append(draw(self._argument(name)))
        optional = [item for item in options if item.param_type_name == "option"]
        if name == "train":
            words += ["--task", draw(st.sampled_from(SANE["--task"]))]
        for option in draw(st.lists(st.sampled_from(optional), max_size=4)) if optional else ():
            words += self._option(draw, option)
        state, _ = command([*words, *self._end(name)])
        return state

    def _argument(self, name: str) -> st.SearchStrategy[str]:
        near = {
            "certify": [str(self.room / "losses.csv")],
            "verify": ["T1", "T2", "T7", "T8"],
            "run": ["smoke", "glue", "limited-data"],
            "tune": ["smoke"],
            "predict": [str(self.store), str(self.room / "train.csv")],
        }.get(name, [str(self.store), *map(str, sorted(self.store.iterdir()))])
        return st.one_of(st.sampled_from(near), st.sampled_from(ODD))

    def _option(self, draw: st.DrawFn, option: Any) -> list[str]:
        flag = draw(st.sampled_from(option.opts))
        if option.is_flag or flag in ("--help", "--task"):
            return [flag] if flag not in ("--help", "--task", "--hub") else []
        if flag in ("--out", "-o", "--onnx", "--readme"):
            return [flag, str(self.room / "written" / draw(st.sampled_from(["a", "b.csv", "c"])))]
        near = SANE.get(flag, (str(self.room / "train.csv"), str(self.room)))
        drawn = draw(st.sampled_from([st.sampled_from(near), st.sampled_from(NUMBERS)] * 2
                                     + [st.sampled_from(ODD)]))  # fmt: skip
        return [flag, *(draw(drawn) for _ in range(option.nargs))]

    def _end(self, name: str) -> list[str]:
        """Keep a command from training, measuring or asking a hub."""
        if name == "doctor":
            return ["--no-hub"]
        if name == "run":
            return ["--dry-run", "--out", str(self.room / "runs")]
        if name in ("train", "tune"):
            return ["--out", str(self.room / "runs")]
        return []
