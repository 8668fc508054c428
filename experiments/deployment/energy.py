"""Energy of a piece of work, where the machine can tell: by NVIDIA's own counter of a GPU."""

from collections.abc import Callable

import torch

# The counter is refreshed many times a second: work is repeated until a refresh does not matter.
SECONDS = 2.0


def joules(work: Callable[[], float], device: torch.device, units: int) -> float | None:
    """Return the energy of one unit of work in joules, or None where none can be measured.

    Measured is what the GPU takes, not the machine around it. Processors have counters too, but
    only an administrator may read them.

    Args:
        work: does all units once and returns the seconds that it took.
        device: whose counter is read.
        units: of one call.
    """
    if device.type != "cuda":
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU") else f"GPU-{uuid}")
        began = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        calls, seconds = 0, 0.0
        while seconds < SECONDS:
            seconds += work()
            calls += 1
        millijoules = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) - began
    except pynvml.NVMLError:  # a card without the counter, or no right to read it
        return None
    return float(millijoules) / 1e3 / (calls * units)
