"""The least and the greatest that a measure can be: intervals and axes end there.

Student's interval of few seeds reaches beyond: from two seeds it easily says that an F1 is between
-4 and 5.
"""

from dataclasses import replace

from reports.statistics.seeds import Summary

Limits = tuple[float, float]

# Metrics that are correlations; every other one is a share.
_CORRELATIONS = ("matthews_correlation", "pearson", "spearman")

# Losses that lie between 0 and 1.
_SHARES = ("zero_one_error", "calibration_error")


def metric_limits(metric: str) -> Limits:
    """Return the least and the greatest value of a metric."""
    return (-1.0, 1.0) if metric in _CORRELATIONS else (0.0, 1.0)


def difference_limits(limits: Limits) -> Limits:
    """Return the limits of a difference of two values with these limits."""
    width = limits[1] - limits[0]
    return -width, width


def gap_limits(loss: str) -> Limits:
    """Return the limits of a generalization gap; none for a loss without a bound."""
    return (-1.0, 1.0) if loss in _SHARES else (-float("inf"), float("inf"))


def limited(summary: Summary, limits: Limits) -> Summary:
    """Return a summary whose interval ends where the measure does."""
    if summary.interval is None:
        return summary
    low, high = limits
    return replace(
        summary, interval=(max(summary.interval[0], low), min(summary.interval[1], high))
    )
