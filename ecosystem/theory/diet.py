"""What a model reads, in expectation: the reading rules of a scenario turned into numbers for the exact law.

A *batch* is what one source published in one step (or, where everything is kept, all it ever published before this
step). Reading picks documents of a batch alike, so a diet is known by the share of each batch in it and by how two
different reads of one reader depend on each other.

Letters: N models, S sources (N models, H communities, N archives), B readable batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.stats import binom

from ecosystem.scenario import Scenario


class NoLaw(Exception):
    """No closed form is known here; the message says why."""


def refuse_policies(spec: Scenario) -> None:
    """NoLaw where a policy changes from step to step what the laws take as given."""
    if spec.policies:
        raise NoLaw(f"policies.{spec.policies[0].name}: what it changes while the world runs has no closed form")


@dataclass(frozen=True)
class Rules:
    """How diets are drawn: `draw`, `replacement`, `human_share` and `unfed` as in a scenario's `reading`.

    follows_NS (N, S) sparse: weight > 0 of each source a model may read. read_N: documents a fit, infinite for all.
    """

    follows_NS: csr_array
    read_N: np.ndarray
    draw: str = "documents"
    replacement: bool = True
    human_share: float = 0.0
    unfed: str = "keep"


@dataclass(frozen=True)
class Batches:
    """The readable batches: source, step of publication and number of documents of each, all (B,)."""

    source_B: np.ndarray
    step_B: np.ndarray
    count_B: np.ndarray


@dataclass(frozen=True)
class Sides:
    """Reading by share without replacement: the two sides of a reader, and moments of how many humans it reads.

    human_NB, model_NB: shares of batches within a side; human_N, model_N: documents of a side. first_N, second_N:
    E k and E k(k-1) of the number k of human documents read.
    """

    human_NB: csr_array
    model_NB: csr_array
    human_N: np.ndarray
    model_N: np.ndarray
    first_N: np.ndarray
    second_N: np.ndarray


@dataclass(frozen=True)
class Diet:
    """share_NB: expected share of each batch in what is read (rows of models that read nothing are 0).

    n_N: documents read, size_N: documents that could be read. once_N: read without replacement, all documents alike.
    Beside it for the draw rules without replacement: chosen_NS (probability of each source) or sides.
    """

    share_NB: csr_array
    n_N: np.ndarray
    size_N: np.ndarray
    once_N: np.ndarray
    chosen_NS: csr_array | None = None
    sides: Sides | None = None


def diet(rules: Rules, batches: Batches, step: int) -> Diet:
    """What every model reads in a step; NoLaw where a rule has no closed form."""
    open_NB = _pattern(rules.follows_NS)[:, batches.source_B]
    size_N = open_NB @ batches.count_B
    if rules.unfed == "error" and (size_N == 0).any():
        raise NoLaw(f"the run ends at step {step}: model {int(np.argmin(size_N))} has nothing to read (unfed: error)")
    if rules.unfed == "self":
        open_NB = _with_own(open_NB, batches, size_N == 0, step)
        size_N = open_NB @ batches.count_B
    once_N = np.isinf(rules.read_N) | (not rules.replacement)
    n_N = np.where(once_N, np.minimum(rules.read_N, size_N), rules.read_N) * (size_N > 0)
    alike = Diet(_shares(open_NB, batches.count_B), n_N, size_N, once_N)
    if rules.draw == "sources":
        return _by_source(rules, batches, alike, step)
    return _by_share(rules, batches, alike, open_NB) if rules.draw == "share" else alike


def two_reads(
    diet: Diet, batches: Batches, overlap_BB: np.ndarray, square_B: np.ndarray, P_N: np.ndarray
) -> np.ndarray:
    """E<x, y> of two different reads x, y of each reader, (N,).

    overlap_BB: E of the inner product of two batches; square_B: E|x|^2 of a document of a batch; P_N: E<x, y> of two
    reads drawn apart (with replacement), which is also the answer there.
    """
    E_N = diet.share_NB @ square_B
    pair_N = np.where(diet.once_N, distinct(P_N, E_N, diet.size_N), P_N)
    some_N = ~diet.once_N & (diet.n_N > 1)
    if diet.chosen_NS is not None:
        excess_S = _excess(batches, overlap_BB, square_B, diet.chosen_NS.shape[1])
        pair_N = np.where(some_N, P_N + diet.chosen_NS.power(2) @ excess_S, pair_N)
    if diet.sides is not None:
        pair_N = np.where(some_N, _two_of_sides(diet.sides, diet.n_N, overlap_BB, square_B), pair_N)
    return pair_N


def distinct(same, square, size):
    """E<x, y> of two different documents of a pool of `size`, from that of two drawn with replacement."""
    size = np.maximum(size, 2)  # a pool of one document has no pair; the value is then not used
    return (same - square / size) / (1 - 1 / size)


def _pattern(matrix: csr_array) -> csr_array:
    return csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def _inverse(values: np.ndarray) -> np.ndarray:
    return np.divide(1.0, values, out=np.zeros(len(values)), where=values > 0)


def _shares(open_NB: csr_array, count_B: np.ndarray) -> csr_array:
    """Every open document alike: rows add up to 1, or to 0 where nothing is open."""
    counted = csr_array(open_NB @ diags_array(count_B))
    return csr_array(diags_array(_inverse(counted.sum(axis=1))) @ counted)


def _with_own(open_NB: csr_array, batches: Batches, unfed_N: np.ndarray, step: int) -> csr_array:
    """Models with nothing to read may read their own batch of the step."""
    own = np.flatnonzero((batches.source_B < len(unfed_N)) & (batches.step_B == step))
    own = own[unfed_N[batches.source_B[own]]]
    added = csr_array((np.ones(len(own)), (batches.source_B[own], own)), shape=open_NB.shape)
    return csr_array(open_NB + added)


def _of_sources(batches: Batches, sources: int) -> tuple[csr_array, np.ndarray]:
    """within_SB: share of each batch among its source's documents; and the documents of each source (S,)."""
    b = np.arange(len(batches.source_B))
    owner_SB = csr_array((np.ones(len(b)), (batches.source_B, b)), shape=(sources, len(b)))
    return _shares(owner_SB, batches.count_B), np.bincount(batches.source_B, batches.count_B, sources)


def _by_source(rules: Rules, batches: Batches, alike: Diet, step: int) -> Diet:
    """First a source by weight among those with documents, then one of its documents alike."""
    within_SB, count_S = _of_sources(batches, rules.follows_NS.shape[1])
    heard_NS = csr_array(rules.follows_NS @ diags_array((count_S > 0).astype(float)))
    heard_NS.eliminate_zeros()
    fed_N = heard_NS.sum(axis=1) > 0
    chosen_NS = csr_array(diags_array(_inverse(heard_NS.sum(axis=1))) @ heard_NS)
    everything_N = ~fed_N | (alike.once_N & (alike.size_N <= rules.read_N))
    partly_N = alike.once_N & ~everything_N
    _never_exhausted(chosen_NS, count_S, alike.n_N * partly_N, step)
    share_NB = _choose(everything_N, alike.share_NB, chosen_NS @ within_SB)
    strata = _choose(partly_N, chosen_NS, 0 * chosen_NS) if partly_N.any() else None
    return Diet(share_NB, alike.n_N, alike.size_N, alike.once_N & everything_N, chosen_NS=strata)


def _never_exhausted(chosen_NS: csr_array, count_S: np.ndarray, n_N: np.ndarray, step: int) -> None:
    """One of several sources must not run out of unread documents, for then the next draws depend on the earlier."""
    several_N = np.diff(chosen_NS.indptr) > 1
    reader_E = np.repeat(np.arange(len(n_N)), np.diff(chosen_NS.indptr))
    short_E = several_N[reader_E] & (count_S[chosen_NS.indices] < n_N[reader_E])
    if short_E.any():
        e = int(np.argmax(short_E))
        reader, source = reader_E[e], chosen_NS.indices[e]
        raise NoLaw(
            f"reading by sources without replacement: at step {step} model {reader} reads {n_N[reader]:g} documents "
            f"and may run out of those of source {source}, which has {count_S[source]:g}"
        )


def _by_share(rules: Rules, batches: Batches, alike: Diet, open_NB: csr_array) -> Diet:
    """Human with probability human_share, else a model's; the side that has any stands in for one that has none."""
    human_B = (batches.source_B >= open_NB.shape[0]).astype(float)
    human_NB, model_NB = (_shares(csr_array(open_NB @ diags_array(m)), batches.count_B) for m in (human_B, 1 - human_B))
    humans_N = open_NB @ (human_B * batches.count_B)
    models_N = alike.size_N - humans_N
    everything_N = alike.once_N & (alike.size_N <= rules.read_N)
    partly_N = alike.once_N & ~everything_N
    first_N, second_N = _human_reads(rules.human_share, humans_N, models_N, alike.n_N, partly_N)
    share_N = first_N * _inverse(alike.n_N)
    mixed_NB = diags_array(share_N) @ human_NB + diags_array(1 - share_N) @ model_NB
    share_NB = _choose(everything_N, alike.share_NB, csr_array(mixed_NB))
    sides = Sides(human_NB, model_NB, humans_N, models_N, first_N, second_N) if partly_N.any() else None
    return Diet(share_NB, alike.n_N, alike.size_N, everything_N, sides=sides)


def _human_reads(share: float, humans_N, models_N, n_N, partly_N) -> tuple[np.ndarray, np.ndarray]:
    """E k and E k(k-1) of the human documents k among n reads.

    With replacement k is binomial; without it a side that is exhausted leaves the rest to the other, so that k is the
    binomial clipped to [n - models, humans].
    """
    even = np.where(models_N == 0, 1.0, np.where(humans_N == 0, 0.0, share))
    first, second = n_N * even, n_N * (n_N - 1) * even**2
    for key in {tuple(x) for x in np.stack([n_N, models_N, humans_N], axis=1)[partly_N].tolist()}:
        n, models, humans = key
        draws = np.arange(int(n) + 1)
        k = np.clip(draws, n - models, humans)
        chance = binom.pmf(draws, int(n), share)
        rows = partly_N & (n_N == n) & (models_N == models) & (humans_N == humans)
        first[rows], second[rows] = chance @ k, chance @ (k * (k - 1))
    return first, second


def _two_of_sides(s: Sides, n: np.ndarray, overlap_BB: np.ndarray, square_B: np.ndarray) -> np.ndarray:
    """E<x, y> of two different reads where k of n are of the human side, all different within each side."""
    human_NB, model_NB = s.human_NB @ overlap_BB, s.model_NB @ overlap_BB
    within_human = distinct(inner(human_NB, s.human_NB), s.human_NB @ square_B, s.human_N)
    within_model = distinct(inner(model_NB, s.model_NB), s.model_NB @ square_B, s.model_N)
    across = inner(human_NB, s.model_NB)
    both = s.first_N * (n - 1) - s.second_N  # E k (n - k)
    models = n * (n - 1) - 2 * both - s.second_N  # E (n - k)(n - k - 1)
    return (s.second_N * within_human + models * within_model + 2 * both * across) * _inverse(n * (n - 1))


def _excess(batches: Batches, overlap_BB: np.ndarray, square_B: np.ndarray, sources: int) -> np.ndarray:
    """By how much E<x, y> of two different documents of a source exceeds that of two drawn with replacement, (S,)."""
    within_SB, count_S = _of_sources(batches, sources)
    same_S = inner(within_SB @ overlap_BB, within_SB)
    return distinct(same_S, within_SB @ square_B, count_S) - same_S


def inner(dense_NB: np.ndarray, sparse_NB: csr_array) -> np.ndarray:
    """Inner products of the rows of two matrices, (N,)."""
    return np.asarray(sparse_NB.multiply(dense_NB).sum(axis=1)).ravel()


def _choose(mask_N: np.ndarray, yes: csr_array, no: csr_array) -> csr_array:
    """Rows of one matrix where the mask holds, of the other elsewhere."""
    kept = mask_N.astype(float)
    return csr_array(diags_array(kept) @ yes + diags_array(1 - kept) @ no)
