"""Who dies, told from the graph, against the exact law followed to the end: no simulation, no chance.

Diversity that is lost falls by a fixed factor a step (at least 1/N of it with 2 documents a fit), so after 500 steps of
at most 8 models it is below 1e-20; diversity that is kept stays above 1e-4 on graphs this small.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from ecosystem.theory import who_dies
from ecosystem.theory.diet import Rules
from ecosystem.theory.web import Web, walk

STEPS = 500


def lost(reads, fed, unfed: str) -> np.ndarray:
    """Models whose expected diversity is gone: 2 documents a fit, 3 human documents a step, 1,000 equal items."""
    n = len(reads)
    follows = csr_array(np.hstack([np.asarray(reads, float), np.asarray(fed, float)[:, None]]))
    web = Web(
        Rules(follows, np.full(n, 2.0), unfed=unfed), np.full(n, 2), np.full(n, 5), np.zeros(n, int),
        np.full((STEPS + 1, 1), 3.0), np.ones((n, 1)), np.array([[1e-3]]), np.ones(1), np.zeros(n, bool),
    )  # fmt: skip
    *_, last = walk(web)
    return last.spread_W[:n] < 1e-8


def drawn(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    return rng.random((n, n)) < rng.choice([0.12, 0.2]), rng.random(n) < 0.15, str(rng.choice(["keep", "self"]))


@pytest.mark.parametrize("seed", range(12))
def test_the_models_told_to_die_are_those_whose_expected_diversity_goes_to_zero(seed):
    reads, fed, unfed = drawn(seed)
    np.testing.assert_array_equal(who_dies(reads, fed, unfed), lost(reads, fed, unfed))


def test_a_path_to_a_human_is_not_the_whole_rule():
    """Nobody is fed: 0 and 1 read themselves and die; 2 reads both and lives on the difference between them."""
    reads = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0]])
    assert lost(reads, np.zeros(3, bool), "keep").tolist() == [True, True, False]
    assert who_dies(reads, np.zeros(3, bool)).tolist() == [True, True, False]
