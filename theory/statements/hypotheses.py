"""Hypotheses that several statements share: on the loss, the sample, the class and the draws."""

from theory.statements.numbers import Numbers
from theory.statements.theorem import Hypothesis, declared, flag, given, show


def _bounded(evidence: Numbers) -> tuple[bool, str]:
    bound = given(evidence, "loss_bound")
    if evidence.largest_loss is None:
        return True, f"M = {show(bound)} as declared (no observed loss was given)"
    largest = evidence.largest_loss
    sign = "<=" if largest <= bound else ">"
    return largest <= bound, f"largest loss {show(largest)} {sign} M = {show(bound)}"


def _positive_gap(evidence: Numbers) -> tuple[bool, str]:
    gap = given(evidence, "gap")
    return gap > 0, f"eps_p = {show(gap)}"


BOUNDED = Hypothesis("bounded loss", "0 <= g_f <= M", ("loss_bound",), _bounded)
SAMPLE = flag("sample", "S is n i.i.d. points of p", "sample_independent")
CLASS_FIXED = flag("class", "the class was fixed before S was drawn", "class_fixed")
INDEPENDENT = flag(
    "case 1", "S' is i.i.d. from p and independent of S", "independent", "case2_floor"
)
POSITIVE_GAP = Hypothesis(
    "positive gap", "eps_p > 0", ("gap",), _positive_gap, "never_restored"
)  # fmt: skip
FINITE_CLASS = Hypothesis(
    "finite class", "|H| < ∞", ("class_size",),
    lambda e: (True, f"|H| = {show(given(e, 'class_size'))}"),
)  # fmt: skip
QUERIED = flag(
    "teacher queried", "the teacher is asked at the mixed points, not its labels mixed",
    "teacher_queried", "label_mixing",
)  # fmt: skip
DRAWS = flag(
    "case 2 draws",
    "given S the draws are i.i.d.: i ≠ j uniform, λ fresh",
    "independent_draws",
    "permutation_pairs",
)
EVERY_DRAW = flag(
    "every draw", "a = ∞: the mean over the pairs and λ, not over a draws", "infinite_draws",
    "finite_draws",
)  # fmt: skip
SOME_DRAWS = Hypothesis(
    "some draws", "a >= 1", ("a",), lambda e: (given(e, "a") >= 1, f"a = {e.a}")
)
FIXED_WEIGHT = Hypothesis(
    "fixed weight", "w in [0, 1] is fixed before the data, and does not change with a",
    ("weight", "weight_fixed"),
    lambda e: (bool(e.weight_fixed), f"w = {show(given(e, 'weight'))}, declared "
               f"{'fixed' if e.weight_fixed else 'not fixed'}"),
)  # fmt: skip
SOME_MIXUP = Hypothesis(
    "some mixup", "w < 1", ("weight",),
    lambda e: (given(e, "weight") < 1, f"w = {show(given(e, 'weight'))}"),
)  # fmt: skip
SOME_ORIGINALS = Hypothesis(
    "some originals", "w > 0", ("weight",),
    lambda e: (given(e, "weight") > 0, f"w = {show(given(e, 'weight'))}"),
)  # fmt: skip
PAIRS_EXIST = Hypothesis(
    "pairs exist", "n >= 2", ("n",), lambda e: (given(e, "n") >= 2, f"n = {e.n}")
)
MIXING_LAW = declared("law of λ", "λ ~ Beta(α, α), independent of the pair", "alpha")

# What Case 1 and Case 2 say anything under.
CASE1 = (BOUNDED, SAMPLE, CLASS_FIXED, INDEPENDENT)
CASE2 = (BOUNDED, SAMPLE, CLASS_FIXED, DRAWS, QUERIED, FIXED_WEIGHT, PAIRS_EXIST)
