"""Which documents each model takes in each update of a fit.

Letters: n models, b documents of a diet, U updates, B documents of a minibatch.
"""

from __future__ import annotations

import math

import numpy as np

from ecosystem.streams import Draws


def plan(weight_nb: np.ndarray, batch: int, epochs: int, updates: int | None, rng: Draws) -> np.ndarray:
    """(n, U, B) columns of the diet, -1 for none.

    Epoch after epoch, each in an order of the model's own, cut into minibatches; documents of weight 0 are in none. A
    model with fewer documents takes fewer updates, unless their number is given; its last minibatch may be small.
    """
    there_n = (weight_nb > 0).sum(axis=1)
    rounds = epochs if updates is None else math.ceil(updates * batch / max(int(there_n[there_n > 0].min()), 1))
    order_nEb = np.where(weight_nb[:, None] > 0, rng.uniform(rounds, weight_nb.shape[1]), 2.0).argsort(
        axis=2, kind="stable"
    )
    wide = math.ceil(rounds * int(there_n.max()) / batch) if updates is None else updates
    columns = np.full((len(weight_nb), wide * batch), -1)
    for i, there in enumerate(there_n):
        taken = order_nEb[i, :, :there].reshape(-1)[: wide * batch]
        columns[i, : len(taken)] = taken
    return columns.reshape(len(weight_nb), wide, batch)


def learning_rates(updates_n: np.ndarray, wide: int, peak: float, schedule: str, warmup: float) -> np.ndarray:
    """(n, U) learning rates of models that take updates_n each: a linear rise in the first updates, then the decay."""
    step = np.arange(wide)[None]
    rise_n1 = np.ceil(warmup * updates_n)[:, None]
    done = np.clip((step - rise_n1) / np.maximum(updates_n[:, None] - rise_n1, 1), 0, 1)
    decay = {"constant": np.ones_like(done), "linear": 1 - done, "cosine": 0.5 * (1 + np.cos(np.pi * done))}[schedule]
    return peak * np.where(step < rise_n1, (step + 1) / np.maximum(rise_n1, 1), decay)
