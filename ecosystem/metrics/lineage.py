"""Where what is read comes from."""

from __future__ import annotations

import numpy as np


def human_share_read(world) -> np.ndarray:
    """(N,) share of human documents in what a model was last trained on (step 0: 1)."""
    return world.per_agent(lambda population: population.human_share_n)


def human_share_corpus(world) -> float:
    """Share of human documents on the web (all that is kept; archives are private); NaN while it is empty."""
    count_S = world.web_counts[: world.n + len(world.spec.humans)]
    return float(count_S[world.n :].sum() / count_S.sum()) if count_S.sum() else float("nan")


def depth(world) -> np.ndarray:
    """(N,) mean number of model generations between what a model was last trained on and human writing."""
    return world.per_agent(lambda population: population.depth_n)
