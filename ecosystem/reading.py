"""Which documents each model reads: rows (n, b) of the readable pool.

The three draw rules are those of `reading.draw`. With replacement every draw stands alone; without it a document that
the reader already has is drawn again (within the source or side that was chosen), and a reader that asks for more than
there is reads everything once. Cost is linear in documents read; a search over the sources one follows is logarithmic,
and constant where all models published alike.

Letters: n readers of one group, N models, H communities, S = N + H sources (+ N archives), E list entries, b budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ecosystem.documents import Pool
from ecosystem.network import Network
from ecosystem.reading_kernel import BY_DOCUMENTS, BY_SHARE, BY_SOURCES, draw_diets
from ecosystem.reading_places import heard
from ecosystem.streams import Draws

RULES = {"documents": BY_DOCUMENTS, "sources": BY_SOURCES, "share": BY_SHARE}


@dataclass(frozen=True)
class Diet:
    """What n models read: the first read_n places of rows_nb (n, b) are rows of `pool`, the rest is padding (row 0).

    human_n: human documents among them; depth_n: mean depth of what was read (NaN where nothing was).
    """

    pool: Pool
    rows_nb: np.ndarray
    read_n: np.ndarray
    human_n: np.ndarray
    depth_n: np.ndarray

    @property
    def weight_nb(self) -> np.ndarray:
        """1 for what was read, 0 for padding: (n, b) float64; a view of a single 1 where nothing is padded."""
        n, b = self.rows_nb.shape
        if (self.read_n == b).all():
            return np.broadcast_to(np.float64(1), (n, b))
        return (np.arange(b) < self.read_n[:, None]).astype(np.float64)

    def content(self) -> np.ndarray:
        """The documents themselves, (n, b, *x)."""
        if not len(self.pool.content):  # an empty web: nothing but padding
            return np.zeros((*self.rows_nb.shape, *self.pool.content.shape[1:]), self.pool.content.dtype)
        return self.pool.content.take(self.rows_nb, axis=0, mode="clip")


@dataclass(frozen=True)
class Follows:
    """Who reads what: the network, which communities reach whom (policies may change it), who keeps an archive."""

    STATE: ClassVar[tuple[str, ...]] = ("reach_NH",)

    network: Network
    reach_NH: np.ndarray
    archive_N: np.ndarray


def sources_of(follows: Follows, readers_N: np.ndarray) -> np.ndarray:
    """(S,) bool: public sources that any of some models (N,) bool reads; archives are private."""
    models = follows.network.audience_N(readers_N) > 0
    humans = follows.reach_NH[readers_N].any(axis=0)
    return np.concatenate([models, humans, np.zeros(len(models), bool)])


def available(follows: Follows, pool: Pool) -> np.ndarray:
    """Documents each model could read, (N,) int64."""
    count_S = pool.counts_S
    return by_models(follows.network, count_S) + by_humans(follows.reach_NH, follows.archive_N, count_S)


def by_models(network: Network, count_S: np.ndarray) -> np.ndarray:
    """(N,) int64: documents of the models that each follows; count_S of every source."""
    total = np.append(0, np.cumsum(count_S[network.author_E]))
    skipped = np.where(network.skip_N >= 0, count_S[network.skip_N], 0)
    return total[network.end_N] - total[network.begin_N] - skipped


def by_humans(reach_NH: np.ndarray, archive_N: np.ndarray, count_S: np.ndarray) -> np.ndarray:
    """(N,) int64: documents of the communities that reach each, and of its own archive."""
    n, h = reach_NH.shape
    return reach_NH @ count_S[n : n + h] + (np.where(archive_N, count_S[n + h :], 0) if archive_N.any() else 0)


def read(
    follows: Follows, pool: Pool, readers: np.ndarray, budget: int, rng: Draws, rule: str = "documents",
    human_share: float = 0.0, replacement: bool = True, unfed_self: bool = False, listed: int | None = None,
) -> Diet:  # fmt: skip
    """Draw the diets of `readers` (model numbers, one for each row of rng), at most `budget` documents each.

    `unfed_self`: a model with nothing to read draws from the documents it published in the newest step.
    Without replacement documents come in the order of the web where there are no more than `listed` (default: budget),
    else in the order of drawing, so that with one `listed` a wider diet begins with the narrower one.
    """
    net, count_S = follows.network, pool.counts_S
    n_models, h = follows.reach_NH.shape
    count_E = count_S[net.author_E]
    cum_E = np.append(0, np.cumsum(count_E))
    heard_E = heard(net.begin_N, net.author_E, net.weight_E, count_S) if rule == "sources" else np.zeros(0)
    # where a listed source's documents begin, when they lie in one run: spares two look-ups a document
    first_E = pool.start_GS[0][net.author_E] if len(pool.start_GS) == 1 else np.zeros(0, np.int64)
    models = count_S[:n_models]
    even = int(models[0]) if models.size and (models == models[0]).all() else 0
    rows = np.zeros((len(readers), budget), np.int64)
    read_n, human_n = np.zeros(len(readers), np.int64), np.zeros(len(readers), np.int64)
    depth_n = np.full(len(readers), np.nan)
    archive = follows.archive_N if len(count_S) > n_models + h else np.zeros(n_models, bool)
    listed = budget if listed is None else listed
    draw_diets(
        rng.key, rng.next_call(), rng.step, rng.agents, readers.astype(np.int64), net.begin_N, net.end_N, net.skip_N,
        net.author_E, first_E, cum_E, net.weight_E, heard_E, even, follows.reach_NH, archive, count_S, pool.start_GS,
        pool.cumulative_GS, *pool.newest, pool.depth, RULES[rule], human_share, replacement, unfed_self, listed, rows,
        read_n, human_n, depth_n,
    )  # fmt: skip
    return Diet(pool, rows, read_n, human_n, depth_n)
