"""How much of the tail is left, on average over runs, where all models read one pool or each reads its own.

Second moments do not tell coverage; the whole distribution of one item's count does, and where all read the same pool
that count is a Markov chain. Of M documents in the pool Y are of the item. A model reads n of them, c ~ Bin(n, Y/M),
and writes Bin(s, c/n) documents of it; the N models do so independently of each other given Y, and people add
Bin(r, p). So E of [rare items that a model holds] = P(c > 0), item by item, is exact: Wright's and Fisher's
(1931, doi:10.1093/genetics/16.2.97) chain with two bottlenecks and migration (derived). A model that reads its own
documents and people's only is the case N = 1, whatever other models do.

The chain is computed on counts up to K, beyond which less than LOST of any item's probability goes; of many items it is
computed for some probabilities p and interpolated (the coverage is smooth in p).

Letters: M documents in the pool, P probabilities p, K counts 0 .. K - 1, N models, T steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.stats import binom

from ecosystem.components import kind_of
from ecosystem.theory.diet import NoLaw, refuse_policies

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

NODES = 40  # probabilities that the chain is computed for, where there are more different ones
LEAST, MOST = 256, 2048  # counts
LOST = 1e-6
MAX_WORK = 2e11  # multiplications: a minute
MAX_CELLS = 2e7  # of the table of what is written by what was read


def tail_coverage(spec: Scenario) -> np.ndarray:
    """(T,) expected `tail_coverage` at steps 0 .. steps; NoLaw with the reason where the chain does not hold."""
    _check(spec)
    group, humans = spec.models[0], spec.humans
    p_I = _rare(spec)
    node_P = _nodes(p_I)
    rate_T = np.sum([[c.rate_at(t) for t in range(spec.steps + 1)] for c in humans], axis=0)
    n = 1 if spec.graph.kind == "isolated" else group.count
    most, lost = LEAST, 1.0
    while lost > LOST:
        if most > MOST:
            raise NoLaw(f"tail_coverage: an item is written too often for the chain of counts (over {MOST} a step)")
        if spec.steps * len(node_P) * float(most) ** 2 > MAX_WORK:
            raise NoLaw(f"tail_coverage: {spec.steps:,} steps would take very long")
        held_TP, lost = _chain(node_P, n, group.publish, int(group.read), group.pretraining, rate_T, most)
        most *= 2
    if len(node_P) == len(np.unique(p_I)):
        return held_TP[:, np.searchsorted(node_P, p_I)].mean(axis=1)
    return CubicSpline(np.log(node_P), held_TP, axis=1)(np.log(p_I)).mean(axis=1)


def _chain(
    p_P: np.ndarray, n: int, publish: int, read: int, pretrain: int, rate_T: np.ndarray, most: int
) -> tuple[np.ndarray, float]:
    """(T, P) probability that a model holds the item after each step, and what was lost beyond `most` counts."""
    size_T = n * publish + rate_T
    first_PK = _powers(_offspring(p_P, pretrain, publish), n, most)
    held = [1 - (1 - p_P) ** pretrain]
    count_PK, models, kernel = first_PK, None, -1
    for t in range(1, len(rate_T)):
        if t > 1:
            if size_T[t - 1] != kernel or models is None:
                kernel = size_T[t - 1]
                share_K = np.minimum(np.arange(most) / kernel, 1.0)
                models = _powers(_offspring(share_K, read, publish), n, most)
            count_PK = count_PK @ models
        count_PK = _with_humans(count_PK, p_P, int(rate_T[t]))
        absent_K = (1 - np.minimum(np.arange(most) / size_T[t], 1.0)) ** read
        held.append(1 - count_PK @ absent_K)
    return np.array(held), float(np.max(1 - count_PK.sum(axis=1)))


def _offspring(share_Q: np.ndarray, read: int, publish: int) -> np.ndarray:
    """(Q, publish + 1): documents of an item by one model that read `read`, each the item's with such a chance."""
    count = np.arange(read + 1)
    written = binom.pmf(np.arange(publish + 1), publish, count[:, None] / read)
    return np.concatenate([
        binom.pmf(count, read, part[:, None]) @ written for part in np.array_split(share_Q, -(-len(share_Q) // 64))
    ])  # fmt: skip


def _powers(one_QB: np.ndarray, n: int, most: int) -> np.ndarray:
    """(Q, most): distribution of the sum over n models, what is beyond the last count left out."""
    whole = n * (one_QB.shape[1] - 1) + 1
    length = 1 << int(np.ceil(np.log2(min(whole, 4 * most) + 1)))
    sums = np.fft.irfft(np.fft.rfft(one_QB, length) ** n, length)[:, :most]
    return np.pad(np.clip(sums, 0, None), ((0, 0), (0, most - sums.shape[1])))


def _with_humans(count_PK: np.ndarray, p_P: np.ndarray, rate: int) -> np.ndarray:
    if not rate:
        return count_PK
    most = count_PK.shape[1]
    people_PK = binom.pmf(np.arange(most), rate, p_P[:, None])
    both = np.fft.rfft(count_PK, 2 * most) * np.fft.rfft(people_PK, 2 * most)
    return np.clip(np.fft.irfft(both, 2 * most)[:, :most], 0, None)


def _nodes(p_I: np.ndarray) -> np.ndarray:
    """Probabilities that the chain is computed for, rising: those there are, or Chebyshev's in the logarithm."""
    different = np.unique(p_I)
    if len(different) <= NODES:
        return different
    low, high = np.log(different[[0, -1]])
    inner = np.cos(np.pi * np.arange(NODES) / (NODES - 1))[::-1]
    nodes = np.exp((low + high) / 2 + (high - low) / 2 * inner)
    nodes[[0, -1]] = different[[0, -1]]
    return nodes


def _rare(spec: Scenario) -> np.ndarray:
    """Human probabilities of the rare items, one each."""
    writers = spec.world.open(spec.human_sources)
    known = [w.probabilities for w in writers]
    if writers[0].shape.kind != "items" or any(p is None for p in known) or writers[0].judge is not None:
        raise NoLaw(f"tail_coverage: no closed form for the world '{kind_of(spec.world)}', only for items")
    if any(w.documents is not None for w in writers):
        raise NoLaw(f"world '{kind_of(spec.world)}' deals out finitely many documents; the law needs independent draws")
    first = cast(np.ndarray, known[0])
    if any(not np.array_equal(first, cast(np.ndarray, p)) for p in known):
        raise NoLaw("tail_coverage: communities write differently; the chain of counts is for one human distribution")
    below = spec.measure.rare_below if spec.measure.rare_below is not None else 0.5 / len(first)
    rare = first[(first > 0) & (first < below)]
    if not len(rare):
        raise NoLaw("tail_coverage: no item is rare")
    return rare


def _check(spec: Scenario) -> None:
    """NoLaw where an item's count is no Markov chain of one pool."""
    refuse_policies(spec)
    if len(spec.models) > 1:
        raise NoLaw("tail_coverage: a closed form is known for one group of models")
    group, learner = spec.models[0], cast(Any, spec.models[0].learner)
    if kind_of(learner) != "categorical" or (learner.temperature, learner.top_p, learner.smoothing) != (1, 1, 0):
        raise NoLaw("tail_coverage: a closed form is known for categorical models that neither sharpen nor smooth")
    alone = spec.graph.kind == "isolated" or (spec.graph.kind == "complete" and group.count == 1)
    together = spec.graph.kind == "complete"
    if not (spec.graph.self_loops and (alone or together)) or any(c.reach != "all" for c in spec.humans):
        raise NoLaw(
            "tail_coverage: a closed form is known where all read one pool (complete, with self-loops) or each its own "
            "(isolated, with self-loops), and people reach all"
        )
    if spec.corpus.keep != "step" or spec.reading.draw != "documents" or not spec.reading.replacement:
        raise NoLaw("tail_coverage: a closed form is known for documents of the step, drawn alike with replacement")
    if spec.verifiers or group.archive or group.read == "all" or not group.publish:
        raise NoLaw("tail_coverage: no closed form with verifiers, archives, silent models or `read: all`")
    if (max(int(group.read), group.pretraining) + 1.0) * (group.publish + 1) > MAX_CELLS:
        raise NoLaw("tail_coverage: models read and publish too much for the chain of counts")
    if group.start != "scratch":
        raise NoLaw("tail_coverage: a closed form is known for models that begin every fit anew")
