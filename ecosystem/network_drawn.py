"""Reading graphs drawn at random. Cost follows links, never N^2, so that a hundred thousand models are no trouble.

Letters: n models, k models read by each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ecosystem.network import GraphError, Network, from_edges

if TYPE_CHECKING:
    from ecosystem.scenario import Graph

Edges = tuple[np.ndarray, np.ndarray]
"""Readers and authors."""


def draw(graph: Graph, n: int, rng: np.random.Generator) -> Network:
    """A random network of one of the kinds below for n models."""
    for name, given, most in (
        ("neighbours", graph.neighbours, n - 1), ("links", graph.links, n - 1), ("blocks", graph.blocks, n)
    ):  # fmt: skip
        if given is not None and given > max(most, 1) and n > 1:
            raise GraphError(f"graph.{name}: must be at most {most} for {n} models. Got {given}.")
    reader, author = KINDS[graph.kind](graph, n, rng)
    attributes = {"community": _block_of(graph, n)} if graph.kind == "communities" else {}
    if graph.self_loops:
        reader, author = np.append(reader, np.arange(n)), np.append(author, np.arange(n))
    return from_edges(n, reader, author, attributes=attributes)


def random(graph: Graph, n: int, rng: np.random.Generator) -> Edges:
    """Every ordered pair of models alike is a link with probability `density` (Gilbert 1959)."""
    return _pairs(_picked(n * (n - 1), 0.1 if graph.density is None else graph.density, rng), n)


def communities(graph: Graph, n: int, rng: np.random.Generator) -> Edges:
    """Blocks of equal size with links of probability `inside` within and `across` between them."""
    across = 0.02 if graph.across is None else graph.across
    inside = 0.5 if graph.inside is None else graph.inside
    block = _block_of(graph, n)
    reader, author = _pairs(_picked(n * (n - 1), across, rng), n)
    apart = block[reader] != block[author]
    edges = [(reader[apart], author[apart])]
    sizes = np.bincount(block)
    for first, size in zip((np.cumsum(sizes) - sizes).tolist(), sizes.tolist(), strict=True):
        reader, author = _pairs(_picked(size * (size - 1), inside, rng), size)
        edges.append((reader + first, author + first))
    return np.concatenate([r for r, _ in edges]), np.concatenate([a for _, a in edges])


def small_world(graph: Graph, n: int, rng: np.random.Generator) -> Edges:
    """Each model reads its k nearest on a ring (1 after, 1 before, 2 after, ...); some links are put elsewhere.

    Watts & Strogatz (1998, doi:10.1038/30918) with directed links: with probability `rewire` a link goes to a model
    that is drawn alike from those not read yet, so that everyone still reads exactly k.
    """
    k = min(graph.neighbours or 4, n - 1)
    rank = np.arange(k)
    author_nk = (np.arange(n)[:, None] + np.where(rank % 2, -1, 1) * (rank // 2 + 1)) % n
    rewired = rng.random((n, k)) < (0.1 if graph.rewire is None else graph.rewire)
    for i, place in np.argwhere(rewired) if k < n - 1 else ():
        author = int(rng.integers(n - 1 - k))
        for taken in sorted([i, *author_nk[i]]):  # the author-th of those that are free
            author += taken <= author
        author_nk[i, place] = author
    return np.repeat(np.arange(n), k), author_nk.ravel()


def scale_free(graph: Graph, n: int, rng: np.random.Generator) -> Edges:
    """Newcomers read `links` earlier models by preferential attachment (readers + 1): early models are most read.

    Price's model (1976, doi:10.1002/asi.4630270505) with attachment kernel k_in + 1; model 0, read by the first
    newcomers, reads model 1 in turn so that nobody but a lone model reads no one.
    """
    links = graph.links or 2
    reader, author, tickets = [0][: n - 1], [1][: n - 1], [0]
    for i in range(1, n):
        read: set[int] = set(range(i)) if i <= links else set()
        while len(read) < min(links, i):
            read.add(tickets[int(rng.integers(len(tickets)))])
        reader.extend([i] * len(read))
        author.extend(sorted(read))
        tickets.extend([i, *sorted(read)])
    return np.array(reader, np.int64), np.array(author, np.int64)


KINDS: dict[str, Callable[[Graph, int, np.random.Generator], Edges]] = {
    "small_world": small_world, "scale_free": scale_free, "random": random, "communities": communities,
}  # fmt: skip


def _block_of(graph: Graph, n: int) -> np.ndarray:
    """The block of each model, (n,): consecutive models, sizes as equal as can be."""
    parts = np.array_split(np.arange(n), min(graph.blocks or 2, n))
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _pairs(place: np.ndarray, n: int) -> Edges:
    """The ordered pairs i != j that stand at some places among all n (n - 1)."""
    reader, author = np.divmod(place, max(n - 1, 1))
    return reader, author + (author >= reader)


def _picked(trials: int, chance: float, rng: np.random.Generator) -> np.ndarray:
    """Which of so many independent trials succeed, in rising order: gaps between successes are geometric."""
    if chance <= 0 or chance >= 1:
        return np.arange(trials if chance >= 1 else 0)
    found, last = [np.zeros(0, np.int64)], -1
    while last < trials:
        expected = (trials - last) * chance
        gaps = np.minimum(rng.geometric(chance, int(expected + 4 * expected**0.5) + 8), trials + 1)
        found.append(last + np.cumsum(gaps))
        last = int(found[-1][-1])
    places = np.concatenate(found)
    return places[places < trials]
