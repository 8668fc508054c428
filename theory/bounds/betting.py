"""The betting bound on the mean of bounded observations (Waudby-Smith and Ramdas 2024).

To refute "the mean is at least mu", bet against it: K_t(mu) = prod_{i<=t} (1 - lambda_i (X_i - mu))
is a nonnegative martingale when the mean is mu, because the bet lambda_i looks only at the past.
By Ville's inequality it reaches 1/delta with probability at most delta, so the values of mu at
which it does are refuted. K_t is nondecreasing in mu, so what is refuted is an upper interval.

The value depends on the order of the data, which must be fixed before looking at them: it need not
be invariant under permutation, monotone in delta, or even above the sample mean (a thousand zeros
followed by a thousand ones give a bound below 1/2, and that is no contradiction: such data are not
an independent sample).
"""

import numpy as np
import numpy.typing as npt

from theory.bounds.bound import checked_delta
from theory.bounds.losses import FloatArray, checked_batch, from_unit, to_unit
from theory.bounds.mean_bound import MeanBound

# The largest bet, as a share of the one that could lose everything on a single observation.
TRUNCATION = 0.75

# A bracket of the root no wider than this is as good as neighbouring doubles.
_WIDTH = 2.0**-53

# Evaluations of the capital at most; some fifteen are what it takes.
_EVALUATIONS = 100

# Numbers held at once by the vectorised bound (32 MB a temporary array).
_CHUNK = 4_000_000

SOURCE = "Waudby-Smith and Ramdas (2024), one-sided, predictable plug-in bets, c = 3/4"


def plug_in_bets(unit: FloatArray, delta: float) -> FloatArray:
    """Return the bets before truncation, shape (..., m): sqrt(2 log(1/delta) / (m sigma²_{t-1})).

    unit: observations in [0, 1], shape (..., m). sigma²_{t-1} is the running variance, shrunk
    towards 1/4, of the observations *before* t; a bet that saw its own outcome would be worthless.

    Raises:
        TheoryInputError: delta outside [1e-300, 1).
    """
    m = unit.shape[-1]
    times = np.arange(1, m + 1, dtype=np.float64)
    mean = (0.5 + np.cumsum(unit, axis=-1)) / (times + 1.0)
    variance = (0.25 + np.cumsum((unit - mean) ** 2, axis=-1)) / (times + 1.0)
    before = np.concatenate([np.full((*unit.shape[:-1], 1), 0.25), variance[..., :-1]], axis=-1)
    bets: FloatArray = np.sqrt(2.0 * np.log(1.0 / checked_delta(delta)) / (m * before))
    return bets


def log_capital(unit: FloatArray, bets: FloatArray, mean: npt.ArrayLike) -> FloatArray:
    """Return log max_t K_t(mean), shape (...,): the most the bets had ever won against this mean.

    unit, bets: shape (..., m); mean: in [0, 1], broadcast against shape (...,).
    """
    candidate = np.asarray(mean, dtype=np.float64)[..., np.newaxis]
    with np.errstate(divide="ignore"):
        largest = TRUNCATION / (1.0 - candidate)  # infinite at 1: no bet can lose there
    steps = np.log1p(-np.minimum(bets, largest) * (unit - candidate))
    wealth: FloatArray = np.cumsum(steps, axis=-1).max(axis=-1)
    return wealth


def betting_limit(
    observations: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    lower: bool = False,
) -> FloatArray:
    """Return the betting bound of each sample, shape (...,), from observations of shape (..., m).

    The root finder keeps the refuted end of its bracket, so what is returned was itself refuted:
    its error is on the conservative side. Where nothing is refuted it is the end of the range.

    Raises:
        TheoryInputError: delta outside (0, 1), or observations outside [lowest, loss_bound].
    """
    delta = checked_delta(delta)
    values = checked_batch(observations, loss_bound, lowest=lowest, name="observations")
    unit = to_unit(values, lowest, loss_bound, mirrored=lower)
    rows = unit.reshape(-1, unit.shape[-1])
    limits = np.empty(rows.shape[0])
    step = max(1, _CHUNK // rows.shape[1])
    for start in range(0, rows.shape[0], step):
        part = slice(start, start + step)
        limits[part] = _refuted_end(rows[part], delta)
    scaled = from_unit(limits.reshape(unit.shape[:-1]), lowest, loss_bound, mirrored=lower)
    # The rounding of the rescaling must not carry a bound past the range.
    return np.clip(scaled, lowest, loss_bound)


betting = MeanBound(
    betting_limit,
    name="betting",
    source=SOURCE,
    further=("the order of the observations was fixed before looking at them",),
)


def _refuted_end(unit: FloatArray, delta: float) -> FloatArray:
    """Return the least mean that each row refutes, shape (rows,); 1 where it refutes none.

    False position by the Illinois rule (Dowell and Jarratt 1971): an end that stays twice in a row
    counts half from then on, or the other would creep.
    """
    bets = plug_in_bets(unit, delta)
    threshold = np.log(1.0 / delta)
    kept, refuted = np.zeros(unit.shape[0]), np.ones(unit.shape[0])
    # Against a mean of 0 nothing is won, so the first of these is negative.
    below = log_capital(unit, bets, kept) - threshold
    above = log_capital(unit, bets, refuted) - threshold
    last = np.zeros(unit.shape[0])
    for _ in range(_EVALUATIONS):
        searched = (above > 0.0) & (refuted - kept > _WIDTH)
        if not searched.any():
            break
        middle = refuted - above * (refuted - kept) / np.where(searched, above - below, 1.0)
        # A step of at least the width, or an end at the root would leave the other one far away.
        middle = np.clip(middle, kept + _WIDTH, refuted - _WIDTH)
        excess = log_capital(unit, bets, middle) - threshold
        won = searched & (excess >= 0.0)
        lost = searched & (excess < 0.0)
        above = np.where(won, excess, np.where(lost & (last < 0), 0.5 * above, above))
        below = np.where(lost, excess, np.where(won & (last > 0), 0.5 * below, below))
        refuted, kept = np.where(won, middle, refuted), np.where(lost, middle, kept)
        last = np.where(won, 1.0, -1.0)
    return refuted
