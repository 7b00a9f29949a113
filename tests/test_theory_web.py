"""The exact law on any reading graph against a slow simulation that shares no code with it.

Each case compares E<m_i, m_k> of all pairs and E v_i of all models, after every step, by z-scores over runs.
False-alarm rate: ALARM for each case, by Bonferroni over its comparisons. The negative controls change one thing in the
law and must be rejected by the same test.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import norm

from ecosystem.theory.diet import Rules
from ecosystem.theory.web import Web, walk
from tests.theory_simulator import items, simulate, vectors

ALARM = 1e-4
RUNS = 1500
N = 4
WEIGHTS = np.array([[1, 2, 0, 0], [0, 0, 1, 0.5], [3, 0, 0, 0], [0, 1, 1, 1]], float)
REACH = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], float)
PROBABILITIES = np.array([[0.5, 0.3, 0.2, 0.0], [0.1, 0.1, 0.2, 0.6]])
MEANS = np.array([[1.0, 0.5], [-1.0, 0.0]])
COVARIANCES = np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.4, 0.0], [0.0, 2.0]]])
ITEMS = [items(p) for p in PROBABILITIES]
VECTORS = [vectors(m, c) for m, c in zip(MEANS, COVARIANCES, strict=True)]


def web(vector=False, archive=(), ddof=0, rates=((7, 4),) * 4, weights=WEIGHTS, publish=(6, 9, 5, 7), **rules) -> Web:
    """Four models, two communities, everything unequal; humans in `sources` weigh 1."""
    read = np.array(rules.pop("read", (9, 6, 8, 7)), float)
    window = rules.pop("window", 1)
    kept = np.isin(np.arange(N), archive)
    follows = np.hstack([weights, REACH, np.diag(kept.astype(float))])
    mixture = REACH * np.array(rates[0], float)
    mixture = np.where(mixture.any(axis=1, keepdims=True), mixture, rates[0])
    overlap = MEANS @ MEANS.T if vector else PROBABILITIES @ PROBABILITIES.T
    square = np.trace(COVARIANCES, axis1=1, axis2=2) + np.diag(overlap) if vector else np.ones(2)
    return Web(
        Rules(csr_array(follows), read, **rules), np.array(publish), np.array([5, 8, 6, 7]), np.full(N, ddof),
        np.array(rates), mixture / mixture.sum(axis=1, keepdims=True), overlap, square, kept, window,
    )  # fmt: skip


def worst(law: Web, true: Web, vector: bool, seed: int = 1, runs: int = RUNS) -> float:
    """The largest |z| over its Bonferroni bound: above 1 the law is rejected."""
    means, spreads = simulate(true, VECTORS if vector else ITEMS, not vector, runs, np.random.default_rng(seed))
    z = []
    for mean, spread, exact in zip(means, spreads, walk(law), strict=True):
        z += [_z(np.einsum("rid,rkd->rik", mean, mean), exact.overlap_WW[:N, :N]), _z(spread, exact.spread_W[:N])]
    z = np.concatenate([np.abs(part).ravel() for part in z])
    return float(z.max() / norm.isf(ALARM / 2 / z.size))


def _z(measured, expected):
    error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
    return (measured.mean(axis=0) - expected) / np.maximum(error, 1e-9)


FADING = ((7, 4), (7, 4), (0, 4), (0, 0), (0, 0))
ONCE = dict(replacement=False, read=(4, 3, 5, 3))
HALF = dict(draw="share", human_share=0.5)
CASES = {
    "documents": dict(),
    "documents once": dict(replacement=False, read=(4, 6, 8, 30)),
    "sources": dict(draw="sources"),
    "sources once": dict(draw="sources", replacement=False, read=(5, 4, 5, 3)),
    "sources once, all read": dict(draw="sources", replacement=False, read=(90, 4, 50, 40)),
    "share": dict(draw="share", human_share=0.3),
    "share once": dict(ONCE, draw="share", human_share=0.3),
    "share once, a side exhausted": dict(draw="share", human_share=0.6, replacement=False, read=(17, 14, 5, 20)),
    "share none human": dict(draw="share", human_share=0.0, replacement=False, read=(20, 14, 5, 20)),
    "read all": dict(read=(np.inf, 5, np.inf, np.inf)),
    "window": dict(window=2, archive=(0, 2)),
    "window by sources": dict(window=3, archive=(0, 2), draw="sources"),
    "window by sources once": dict(ONCE, window=2, archive=(1,), draw="sources", rates=((5, 5),) * 4),
    "all kept": dict(window=None),
    "all kept, all read": dict(window=None, archive=(0, 1, 2, 3), read=(np.inf,) * N),
    "all kept, by share once": dict(HALF, window=None, archive=(0, 3), replacement=False, read=(9, 9, 9, 9)),
    "fading humans": dict(rates=FADING, weights=np.diag([0, 1.0, 0, 0])),
    "fading humans, self": dict(rates=FADING, weights=np.diag([0, 1.0, 0, 0]), unfed="self"),
    "fading humans, self once": dict(rates=FADING, weights=np.diag([0, 1.0, 0, 0]), unfed="self", replacement=False),
    "some silent": dict(publish=(0, 9, 1, 7), window=2),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_categorical_models_obey_the_law(name):
    case = web(**CASES[name])
    assert worst(case, case, vector=False) < 1


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(
    "name", ["documents", "sources once", "share once, a side exhausted", "window", "all kept, all read"]
)
def test_gaussian_models_obey_the_law(name, ddof):
    case = web(vector=True, ddof=ddof, **CASES[name])
    assert worst(case, case, vector=True, runs=4000) < 1


CONTROLS = {
    "the graph transposed": (dict(), dict(weights=WEIGHTS.T)),
    "reading with replacement": (dict(replacement=False), dict()),
    "reading by documents": (dict(draw="sources"), dict()),
    "window two": (dict(window=2), dict(window=1)),
    "no archive": (dict(window=3, archive=(0, 1, 2, 3)), dict(window=3)),
    "human share 5% off": (HALF, dict(draw="share", human_share=0.525)),
    "reading by share with replacement": (dict(HALF, replacement=False, read=(5,) * N), dict(HALF, read=(5,) * N)),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTROLS)
def test_a_wrong_law_is_rejected(name):
    true, wrong = CONTROLS[name]
    runs = 40_000 if "5%" in name else 4000
    assert worst(web(**wrong), web(**true), vector=False, runs=runs) > 1.5
