"""The number of seeds that a comparison needs: a paired test's power, before it is run.

The power is that of the two-sided t test on n paired differences, exact for normal differences:
with T noncentral t with n − 1 degrees of freedom and noncentrality Δ √n / sd,

    power = P(|T| ≥ t_{1−α/2, n−1}).

The verdicts use the sign-flip test instead, which has nearly the same power for such differences,
but cannot give a p-value below 2^(1−n): with fewer seeds than 1 + log2(1/α) its power is zero, and
that is counted here.
"""

from math import ceil, isfinite, log2, sqrt

from scipy import stats

from mixkd_core.errors import InputError

POWER = 0.8

# The two-sided level of the checks that a direction must stand.
CHECK_ALPHA = 0.05

# Beyond this noncentrality the power is 1 to double precision, where SciPy's series would fail.
_CERTAIN = 37.0
_MOST_SEEDS = 1_000_000


def fewest_seeds(alpha: float) -> int:
    """The fewest seeds from which the sign-flip test can reject at level α: 2^(1−n) ≤ α.

    Raises:
        InputError: if α is not inside (0, 1).
    """
    if not 0 < alpha < 1:
        raise InputError(f"the level is {alpha}: give one between 0 and 1, such as 0.05.")
    return 1 + ceil(log2(1 / alpha) - 1e-12)


def paired_power(difference: float, sd: float, n: int, alpha: float) -> float:
    """The probability of finding a true mean difference with n seeds.

    Args:
        difference: Δ, in the metric's units; its sign does not matter.
        sd: standard deviation of the paired differences over seeds.
        n: seeds, 1 or more.
        alpha: two-sided level.

    Raises:
        InputError: for a number that is none, an n below 1, or an α outside (0, 1).
    """
    _check(difference, sd)
    if n < 1:
        raise InputError(f"there are {n} seeds: give 1 or more.")
    if n < max(2, fewest_seeds(alpha)):
        return 0.0
    noncentrality = abs(difference) * sqrt(n) / sd if sd > 0 else float("inf")
    if noncentrality > _CERTAIN:
        return 1.0
    limit = float(stats.t.isf(alpha / 2, n - 1))
    upper = float(stats.nct.sf(limit, n - 1, noncentrality))
    # For a limit below 0 SciPy mirrors, so this is asked for as it is defined.
    lower = float(stats.nct.sf(limit, n - 1, -noncentrality))
    return min(1.0, upper + lower)


def seeds_needed(difference: float, sd: float, alpha: float, power: float = POWER) -> int:
    """The fewest seeds with which a true difference is found with at least this power.

    Args:
        difference: Δ, not 0.
        sd: standard deviation of the paired differences over seeds.
        alpha: two-sided level.
        power: wanted.

    Raises:
        InputError: for a difference of 0, a number that is none, or a power or level outside
            (0, 1), or if a million seeds do not suffice.
    """
    _check(difference, sd)
    if difference == 0:
        raise InputError("a difference of 0 is never found: give the smallest that matters.")
    if not 0 < power < 1:
        raise InputError(f"the power is {power}: give one between 0 and 1, such as 0.8.")
    low, high = 1, max(2, fewest_seeds(alpha))
    while paired_power(difference, sd, high, alpha) < power:
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            raise InputError(
                f"a difference of {difference} cannot be found with a standard deviation of {sd} "
                f"and {_MOST_SEEDS} seeds: give a larger difference."
            )
    while high - low > 1:  # low is too few, high is enough
        middle = (low + high) // 2
        if paired_power(difference, sd, middle, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def pairs_to_stand(
    difference: float, sd: float, largest: float, alpha: float, power: float = POWER
) -> int:
    """The fewest pairs with which a direction of this size stands (`reports.statistics.direction`).

    Of three requirements the greatest: the t test finds it with this power; so does the sign
    test; and a sample of this mean and spread survives one more pair against it. Differences are
    taken for normal.

    Args:
        difference: its mean, not 0.
        sd: standard deviation of a pair.
        largest: absolute value of the largest difference seen.
        alpha: two-sided level of the t test, after correction; the checks are at most as strict as
            at `CHECK_ALPHA`.
        power: wanted of each test.

    Raises:
        InputError: as in :func:`seeds_needed`.
    """
    needed = seeds_needed(difference, sd, alpha, power)
    if sd == 0:
        return needed
    level = max(alpha, CHECK_ALPHA) / 2
    agreeing = float(stats.norm.cdf(abs(difference) / sd))
    while not (
        _sign_test_power(needed, agreeing, level) >= power
        and _survives_one_more(abs(difference), sd, largest, needed, level)
    ):
        needed += max(1, needed // 50)
        if needed > _MOST_SEEDS:
            raise InputError(
                f"a difference of {difference} cannot be found with a standard deviation of {sd} "
                f"and {_MOST_SEEDS} seeds: give a larger difference."
            )
    return needed


def _sign_test_power(pairs: int, agreeing: float, level: float) -> float:
    """The probability that so many pairs agree that the one-sided sign test rejects."""
    fewest = int(stats.binom.isf(level, pairs, 0.5)) + 1
    return float(stats.binom.sf(fewest - 1, pairs, agreeing))


def _survives_one_more(mean: float, sd: float, largest: float, pairs: int, level: float) -> bool:
    """Return True if the t-limit stays above 0 once a pair of −`largest` joins the `pairs`."""
    joined = (pairs * mean - largest) / (pairs + 1)
    squares = (pairs - 1) * sd**2 + pairs / (pairs + 1) * (mean + largest) ** 2
    error = sqrt(squares / pairs / (pairs + 1))
    return joined > float(stats.t.isf(level, pairs)) * error


def _check(difference: float, sd: float) -> None:
    if not isfinite(difference):
        raise InputError(f"the difference is {difference}: give a number.")
    if not (isfinite(sd) and sd >= 0):
        raise InputError(f"the standard deviation is {sd}: give a number from 0 on.")
