"""A run's environment: versions and hardware; and the precision that the hardware favours."""

import importlib.metadata
import os
import platform
from dataclasses import asdict, dataclass

PACKAGES = ("mixkd", "torch", "transformers", "accelerate", "datasets", "numpy", "scipy", "pandas")


@dataclass(frozen=True)
class Hardware:
    """The machine as far as it bears on numbers and speed.

    Attributes:
        processor: its model name.
        cores: those that this process may use.
        threads: those that torch uses.
        accelerator: name of the accelerator, or its kind where torch knows no name; or None.
        bf16: whether bfloat16 is computed natively, so that autocast gains from it.
    """

    processor: str
    cores: int
    threads: int
    accelerator: str | None
    bf16: bool


def hardware() -> Hardware:
    """Return the hardware that this process runs on."""
    import torch

    found = torch.accelerator.current_accelerator(check_available=True)
    name = None if found is None else found.type
    return Hardware(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        accelerator=torch.cuda.get_device_name() if name == "cuda" else name,
        bf16=_has_bf16(name),
    )


def preferred_precision() -> str:
    """`"bf16"` where the hardware computes it natively, else `"fp32"`."""
    return "bf16" if hardware().bf16 else "fp32"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def describe() -> dict[str, object]:
    """Versions and hardware, ready for JSON."""
    return {"versions": versions(), "hardware": asdict(hardware()), "system": platform.platform()}


def _processor() -> str:
    """The processor's name; the standard library gives only its architecture on Linux."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _has_bf16(accelerator: str | None) -> bool:
    """Return True if bfloat16 has instructions of its own where networks are computed.

    On a processor oneDNN uses AVX-512 BF16 or AMX. Of accelerators other than CUDA's nothing is
    known that torch would tell, and float32 is right everywhere.
    """
    import torch

    if accelerator is not None:
        return accelerator == "cuda" and bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
