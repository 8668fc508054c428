"""Agreement with the `confseq` package of the betting paper's authors, where both compute the same.

Its Hoeffding interval with a fixed sample size is Hoeffding's; its betting martingale, given the
same predictable plug-in bets and truncation, is ours. Its empirical Bernstein interval is another
inequality (a predictable mixture, not Maurer and Pontil's), so there is nothing to compare.
"""

import math
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from theory.bounds.betting import TRUNCATION, betting, log_capital, plug_in_bets
from theory.bounds.concentration import hoeffding

SAMPLES = {
    "uniform": np.random.default_rng(20).random(150),
    "skewed": np.random.default_rng(21).beta(0.3, 3, 300),
    "coin": (np.random.default_rng(22).random(200) < 0.2).astype(float),
}


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> np.ndarray:
    return SAMPLES[request.param]


@pytest.fixture
def confseq(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    # confseq 0.0.11 names a type that NumPy 2 removed; only its annotations use it.
    monkeypatch.setattr(np, "float_", np.float64, raising=False)
    pytest.importorskip("confseq", reason="confseq is not installed (it has to be compiled)")
    names = ("betting", "betting_strategies", "predmix")
    return SimpleNamespace(**{name: import_module(f"confseq.{name}") for name in names})


def test_hoeffding(confseq: SimpleNamespace, sample: np.ndarray) -> None:
    lower, upper = confseq.predmix.predmix_hoeffding_ci(
        sample, alpha=0.1, running_intersection=False
    )
    assert hoeffding(sample, 0.05).value == pytest.approx(upper, abs=1e-13)
    assert hoeffding(sample, 0.05, lower=True).value == pytest.approx(lower, abs=1e-13)


def test_bets(confseq: SimpleNamespace, sample: np.ndarray) -> None:
    theirs = confseq.betting_strategies.lambda_predmix_eb(sample, alpha=0.05, fixed_n=sample.size)
    np.testing.assert_allclose(plug_in_bets(sample, 0.05), theirs, rtol=1e-13)


def test_capital(confseq: SimpleNamespace, sample: np.ndarray) -> None:
    bets = plug_in_bets(sample, 0.05)
    for mean in (0.05, 0.15, 0.3, 0.6, 0.95):
        martingale = confseq.betting.betting_mart(
            sample,
            mean,
            theta=0,
            lambdas_fn_negative=lambda x, _: confseq.betting_strategies.lambda_predmix_eb(
                x, alpha=0.05, fixed_n=len(x)
            ),
            trunc_scale=TRUNCATION,
            m_trunc=True,
        )
        expected = math.log(martingale.max())
        assert float(log_capital(sample, bets, mean)) == pytest.approx(expected, abs=1e-9)


def test_betting(confseq: SimpleNamespace, sample: np.ndarray) -> None:
    def bets(x: np.ndarray, _: float) -> np.ndarray:
        result: np.ndarray = confseq.betting_strategies.lambda_predmix_eb(
            x, alpha=0.05, fixed_n=len(x)
        )
        return result

    breaks = 2000
    _, upper = confseq.betting.betting_cs(
        sample,
        lambdas_fns_positive=[bets],
        lambdas_fns_negative=[bets],
        alpha=0.05,
        breaks=breaks,
        running_intersection=True,
        theta=0,
        trunc_scale=TRUNCATION,
        m_trunc=True,
    )
    # Theirs is searched on a grid, and widened by one step of it.
    assert betting(sample, 0.05).value == pytest.approx(upper[-1], abs=2 / breaks)
