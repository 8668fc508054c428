"""Lengths of time in words."""


def duration(seconds: float | None) -> str:
    """Return a length of time as people say it: `"40 s"`, `"12 min"`, `"3.5 h"`."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
