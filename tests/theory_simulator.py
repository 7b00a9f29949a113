"""A slow simulator of a `theory.web.Web`, written from the contract's words and for nothing but comparison.

Nothing is shared with the world's own code: documents are vectors (one-hot for items), reading deals out tickets.
Letters: R runs side by side, n documents, d dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.theory.web import Web


@dataclass
class Pile:
    """What one source published in one step, the same size in every run: x_Rnd."""

    source: int
    step: int
    x_Rnd: np.ndarray


def items(probabilities):
    """Draws from a categorical community, one-hot: (R, n) -> (R, n, K)."""
    edges = np.cumsum(probabilities)[:-1]
    return lambda rng, runs, n: np.eye(len(probabilities))[np.searchsorted(edges, rng.random((runs, n)), side="right")]


def vectors(mean, covariance):
    """Draws from a Gaussian community."""
    root = np.linalg.cholesky(np.asarray(covariance, float))
    return lambda rng, runs, n: np.asarray(mean) + rng.standard_normal((runs, n, len(mean))) @ root.T


def simulate(web: Web, communities, categorical: bool, runs: int, rng: np.random.Generator):
    """Means (T, R, N, d) and spreads (T, R, N) of all models after steps 0, 1, ..."""
    n = web.n
    diets = [_mixed(web.mixture_NH[i], communities, int(web.pretrain_N[i]), runs, rng) for i in range(n)]
    writers = n + len(communities)
    web_piles = [Pile(writers + i, 0, diets[i]) for i in np.flatnonzero(web.archive_N)]
    fits = [_fit(diets[i], web.ddof_N[i]) for i in range(n)]
    history = [_state(fits)]
    for step in range(1, len(web.rate_TH)):
        if web.window is not None:
            web_piles = [p for p in web_piles if p.step > step - web.window]
        for i in range(n):
            k = int(web.publish_N[i])
            web_piles.append(Pile(i, step, _copied(diets[i], k, rng) if categorical else _normal(fits[i], k, rng)))
        for h, write in enumerate(communities):
            web_piles.append(Pile(n + h, step, write(rng, runs, int(web.rate_TH[step, h]))))
        web_piles = [p for p in web_piles if p.x_Rnd.shape[1]]
        read = [_read(web, i, web_piles, step, runs, rng) for i in range(n)]
        for i in range(n):
            if read[i] is not None:
                diets[i] = read[i]
                fits[i] = _fit(diets[i], web.ddof_N[i])
        history.append(_state(fits))
    return tuple(np.stack(parts) for parts in zip(*history, strict=True))


def _state(fits):
    spread = [np.trace(covariance, axis1=1, axis2=2) for _, covariance in fits]
    return np.stack([mean for mean, _ in fits], axis=1), np.stack(spread, axis=1)


def _fit(x_Rnd, ddof):
    n = x_Rnd.shape[1]
    apart = x_Rnd - x_Rnd.mean(axis=1, keepdims=True)
    return x_Rnd.mean(axis=1), np.einsum("rni,rnj->rij", apart, apart) / (n - ddof)


def _copied(x_Rnd, k, rng):
    return np.take_along_axis(x_Rnd, rng.integers(x_Rnd.shape[1], size=(len(x_Rnd), k))[:, :, None], axis=1)


def _normal(fit, k, rng):
    mean, covariance = fit
    values, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(np.maximum(values, 0))[:, None, :]
    return mean[:, None, :] + np.einsum("rij,rnj->rni", root, rng.standard_normal((len(mean), k, mean.shape[1])))


def _mixed(share_H, communities, n, runs, rng):
    drawn = [write(rng, runs, n) for write in communities]
    which = (rng.random((runs, n))[:, :, None] > np.cumsum(share_H)[:-1]).sum(axis=2)
    return np.choose(which[:, :, None], drawn)


def _read(web: Web, i: int, piles, step, runs, rng):
    """(R, n, d): what model i reads, or None; every group of documents is dealt from the top of a shuffled deck."""
    rules = web.rules
    weight = rules.follows_NS.toarray()[i]
    mine = [p for p in piles if weight[p.source] > 0]
    if not mine:
        mine = [p for p in piles if p.source == i and p.step == step] if rules.unfed == "self" else []
        weight = np.ones(len(weight))
    if not mine:
        return None
    pool = np.concatenate([p.x_Rnd for p in mine], axis=1)
    source = np.concatenate([np.full(p.x_Rnd.shape[1], p.source) for p in mine])
    size = pool.shape[1]
    once = np.isinf(rules.read_N[i]) or not rules.replacement
    n = int(min(rules.read_N[i], size)) if once else int(rules.read_N[i])
    group, chance = _groups(rules, source, weight, web.n)
    place = _dealt(group, chance, n, runs, once, rng)
    return np.take_along_axis(pool, place[:, :, None], axis=1)


def _groups(rules, source, weight, n):
    """What is chosen first: the group of every document, and the probability of each group."""
    if rules.draw == "documents":
        return np.zeros(len(source), int), np.ones(1)
    if rules.draw == "sources":
        there, group = np.unique(source, return_inverse=True)
        return group, weight[there] / weight[there].sum()
    human = source >= n
    chance = np.array([1 - rules.human_share, rules.human_share])
    chance = np.where(human.all(), [0.0, 1.0], np.where(human.any(), chance, [1.0, 0.0]))
    return human.astype(int), chance


def _dealt(group, chance, n, runs, once, rng):
    """(R, n) places in the pool."""
    decks = [np.flatnonzero(group == g) for g in range(len(chance))]
    shuffled = [rng.permuted(np.tile(deck, (runs, 1)), axis=1) for deck in decks]
    sizes = np.array([len(deck) for deck in decks])
    taken = np.zeros((runs, len(decks)), int)
    place = np.zeros((runs, n), int)
    rows = np.arange(runs)
    for b in range(n):
        left = np.where(taken < sizes, chance, 0) if once else np.tile(chance, (runs, 1))
        # a group of probability 0 is opened when nothing else is left
        left = np.where((left.sum(axis=1) == 0)[:, None] & (taken < sizes), 1.0, left)
        edges = np.cumsum(left / left.sum(axis=1, keepdims=True), axis=1)
        g = np.minimum((rng.random(runs)[:, None] >= edges[:, :-1]).sum(axis=1), len(decks) - 1)
        for h, deck in enumerate(decks):
            here = rows[g == h]
            if once:
                place[here, b] = shuffled[h][here, taken[here, h]]
            elif len(deck):
                place[here, b] = deck[rng.integers(len(deck), size=len(here))]
        taken[rows, g] += 1
    return place
