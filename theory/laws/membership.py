"""Membership inference from a bounded loss: the advantage of attacks against the gap.

A fixed function was fitted to S. A point is drawn, with equal probability, from S (a member) or
afresh from p, and the attack sees its loss g in [0, M] alone. The advantage of an attack is the
probability that it says "member" of a member minus that of a fresh point (Yeom et al. 2018). Both
losses have a finite distribution here, {loss: probability}, so that everything is exact.

    >>> members = {Fraction(0): Fraction(3, 4), Fraction(1): Fraction(1, 4)}
    >>> fresh = {Fraction(0): Fraction(1, 2), Fraction(1): Fraction(1, 2)}
    >>> membership_gap(members, fresh), proportional_advantage(members, fresh, 1)
    (Fraction(1, 4), Fraction(1, 4))
    >>> best_advantage(members, fresh)
    Fraction(1, 4)
"""

from collections.abc import Callable, Mapping
from fractions import Fraction

from theory.errors import TheoryInputError

Losses = Mapping[Fraction, Fraction]


def membership_gap(members: Losses, fresh: Losses) -> Fraction:
    """Return R(f) - R_S(f), the mean loss of fresh points minus that of members.

    Raises:
        TheoryInputError: probabilities that are negative or do not add up to 1.
    """
    return _mean(fresh, lambda loss: loss) - _mean(members, lambda loss: loss)


def advantage(members: Losses, fresh: Losses, says: Callable[[Fraction], Fraction]) -> Fraction:
    """Return the advantage of the attack that says "member" with probability says(loss).

    Raises:
        TheoryInputError: as `membership_gap`.
    """
    return _mean(members, says) - _mean(fresh, says)


def proportional_advantage(members: Losses, fresh: Losses, loss_bound: Fraction | int) -> Fraction:
    """Return the advantage of saying "member" with probability 1 - loss/M: exactly gap/M.

    Raises:
        TheoryInputError: as `membership_gap`, or a loss outside [0, M].
    """
    outside = [loss for loss in {*members, *fresh} if not 0 <= loss <= loss_bound]
    if outside:
        raise TheoryInputError(
            f"a loss is {outside[0]}, outside [0, {loss_bound}]; declare the right bound M."
        )
    return advantage(members, fresh, lambda loss: 1 - Fraction(loss) / loss_bound)


def threshold_advantage(members: Losses, fresh: Losses) -> Fraction:
    """Return the largest advantage of an attack that says "member" of losses up to a threshold.

    Raises:
        TheoryInputError: as `membership_gap`.
    """
    return max(
        advantage(members, fresh, lambda loss, most=most: Fraction(loss <= most))  # type: ignore[misc]
        for most in {*members, *fresh}
    )


def best_advantage(members: Losses, fresh: Losses) -> Fraction:
    """Return the largest advantage of any attack: the total variation of the two distributions.

    Raises:
        TheoryInputError: as `membership_gap`.
    """
    likelier = {loss for loss in members if members[loss] > fresh.get(loss, 0)}
    return advantage(members, fresh, lambda loss: Fraction(loss in likelier))


def _mean(losses: Losses, value: Callable[[Fraction], Fraction]) -> Fraction:
    if min(losses.values(), default=Fraction(0)) < 0 or sum(losses.values()) != 1:
        raise TheoryInputError(
            f"the probabilities are {[str(mass) for mass in losses.values()]}; they must not be "
            "negative, and add up to 1."
        )
    return sum((mass * value(loss) for loss, mass in losses.items()), Fraction(0))
