"""Who reads whom: reading graphs and reading weights.

An edge i -> j says that i reads j; text flows from j to i. The reading matrix W has readers as rows. Graphs are held as
reading lists, so that 'everyone reads everyone' costs N entries and not N^2.

Letters: N models, H human communities, E entries of all lists together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from scipy.sparse import csr_array

from ecosystem.errors import InputError

if TYPE_CHECKING:
    from ecosystem.scenario import Community, Graph
    from ecosystem.streams import Streams

LARGEST_WEIGHT = 1e100  # sums of weights stay finite


class GraphError(InputError):
    """A reading graph that cannot be used: says which graph and why."""


@dataclass(frozen=True)
class Network:
    """Reading lists of N models: reader i reads models author_E[begin_N[i]:end_N[i]] but never model skip_N[i].

    Lists may be shared by readers. Only a list that holds all models in their order may be skipped in (skip_N is -1
    elsewhere). weight_E > 0 counts in `draw: sources` only. `labels` are the nodes' names in the file the graph came
    from; `attributes` one array of length N each.
    """

    begin_N: np.ndarray
    end_N: np.ndarray
    author_E: np.ndarray
    weight_E: np.ndarray
    skip_N: np.ndarray
    labels: tuple = ()
    attributes: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return self.begin_N.size

    @property
    def shared(self) -> bool:
        """True when readers share lists, so that edges are more than entries."""
        return bool((self.end_N - self.begin_N).sum() > self.author_E.size)

    def degree_N(self) -> np.ndarray:
        """Models that each model reads."""
        return self.end_N - self.begin_N - (self.skip_N >= 0)

    def audience_N(self, among: np.ndarray | None = None) -> np.ndarray:
        """Models that read each model, of all models or of those `among` (N,) bool."""
        whose = slice(None) if among is None else among
        starts = np.bincount(self.begin_N[whose], minlength=self.author_E.size + 1)[: self.author_E.size + 1]
        stops = np.bincount(self.end_N[whose], minlength=self.author_E.size + 1)[: self.author_E.size + 1]
        readers_E = np.cumsum(starts - stops)[: self.author_E.size]
        audience = np.bincount(self.author_E, weights=readers_E, minlength=self.n).astype(np.int64)
        skip = self.skip_N[whose]
        return audience - np.bincount(skip[skip >= 0], minlength=self.n)

    def matrix(self) -> csr_array:
        """The reading matrix W (N, N), float64 edge weights, readers as rows."""
        length = self.end_N - self.begin_N
        reader = np.repeat(np.arange(self.n), length)
        entry = np.arange(reader.size) - np.repeat(np.cumsum(length) - length - self.begin_N, length)
        author, weight = self.author_E[entry], self.weight_E[entry]
        kept = author != self.skip_N[reader]
        return csr_array((weight[kept], (reader[kept], author[kept])), shape=(self.n, self.n))

    def to_networkx(self) -> nx.DiGraph:
        """The graph with weights and node attributes; edges run from reader to author."""
        graph = nx.from_scipy_sparse_array(self.matrix(), create_using=nx.DiGraph)
        for name, values in self.attributes.items():
            nx.set_node_attributes(graph, dict(enumerate(values.tolist())), name)
        if self.labels:
            nx.set_node_attributes(graph, {i: str(label) for i, label in enumerate(self.labels)}, "label")
        return graph


def from_edges(n: int, reader: np.ndarray, author: np.ndarray, weight: np.ndarray | None = None, **more) -> Network:
    """A network from parallel arrays of edges; a pair given twice has its weights added."""
    weight = np.ones(len(reader)) if weight is None else np.asarray(weight, float)
    matrix = csr_array((weight, (reader, author)), shape=(n, n))
    matrix.sum_duplicates()
    indptr = matrix.indptr.astype(np.int64)
    nobody = np.full(n, -1, np.int64)
    return Network(indptr[:-1], indptr[1:], matrix.indices.astype(np.int64), matrix.data, nobody, **more)


def from_networkx(graph: nx.Graph, self_loops: bool | None = None, attributes: bool = True) -> Network:
    """Any networkx digraph (an undirected one is read both ways); nodes are numbered in their order.

    Edge attribute `weight` (default 1) must be a number above 0; those of parallel edges are added. `self_loops`: True
    adds each model to its own diet (weight 1 where the graph has no such edge), False removes it, None leaves what is
    there.
    """
    number = {node: i for i, node in enumerate(graph)}
    edges = list(graph.to_directed(as_view=True).edges(data="weight", default=1.0))
    weight = np.array([checked_weight(w, f"edge {u} -> {v}") for u, v, w in edges], float)
    reader = np.array([number[u] for u, _, _ in edges], np.int64)
    author = np.array([number[v] for _, v, _ in edges], np.int64)
    rows = [data for _, data in graph.nodes(data=True)] if attributes else []
    keys = sorted({key for row in rows for key in row})
    columns = {key: np.array([row.get(key) for row in rows], object) for key in keys}
    reader, author, weight = _with_loops(len(number), reader, author, weight, self_loops)
    return from_edges(len(number), reader, author, weight, labels=tuple(number), attributes=columns)


def build(graph: Graph, n: int, rng: np.random.Generator) -> Network:
    """The network of a scenario for n models; GraphError where it does not fit."""
    from ecosystem import network_drawn, network_files

    if graph.kind == "file":
        return network_files.read(graph, n)
    drawn = _regular if graph.kind in ("complete", "hub", "isolated", "ring") else network_drawn.draw
    return drawn(graph, n, rng)


def reach(
    communities: tuple[Community, ...], n: int, streams: Streams, audience_N: np.ndarray | None = None
) -> np.ndarray:
    """Which models read which community: (N, H) bool. A share r is r N models, rounded, first in a seeded order.

    audience_N (N,): models that read each (`Network.audience_N`), for `most_read` and `least_read`.
    """
    reach_NH = np.zeros((n, len(communities)), bool)
    for h, community in enumerate(communities):
        if community.reach == "all":
            reach_NH[:, h] = True
        elif community.reach in ("most_read", "least_read"):
            assert audience_N is not None
            luck_N = streams.rows("placement", 0, n).uniform(1)[:, 0]  # of equals the one that a verifier would guard
            rank_N = -audience_N if community.reach == "most_read" else audience_N
            reach_NH[np.lexsort((luck_N, rank_N))[0], h] = True
        elif isinstance(community.reach, tuple):
            reach_NH[_numbered(community.reach, community.name, n), h] = True
        else:
            # ranked by each model's own number, so that a newcomer moves no one but across the cut
            order = np.argsort(streams.rows(f"reach/{community.name}", 0, n).uniform(1)[:, 0], kind="stable")
            reach_NH[order[: int(float(community.reach) * n + 0.5)], h] = True
    return reach_NH


def checked_weight(value: object, where: str) -> float:
    """An edge weight as a number; GraphError where it is none or not above 0."""
    try:
        weight = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        weight = float("nan")
    if not 0 < weight <= LARGEST_WEIGHT:
        raise GraphError(f"{where}: a reading weight must be a number above 0, at most 1e100. Got {value!r}.")
    return weight


def _regular(graph: Graph, n: int, rng: np.random.Generator) -> Network:
    """The kinds that leave nothing to chance."""
    me, nobody, kind = np.arange(n), np.full(n, -1), graph.kind
    if kind == "complete":
        zeros = np.zeros(n, np.int64)
        return Network(zeros, zeros + n, me, np.ones(n), nobody if graph.self_loops else me)
    if kind == "hub":
        reader, author = me[1:], np.zeros(n - 1, np.int64)
    elif kind == "ring" and n > 1:
        reader, author = me, (me + 1) % n
    else:
        reader, author = me[:0], me[:0]
    return from_edges(n, *_with_loops(n, reader, author, np.ones(len(reader)), graph.self_loops))


def _with_loops(n: int, reader, author, weight, self_loops: bool | None):
    if self_loops is None:
        return reader, author, weight
    if not self_loops:
        other = reader != author
        return reader[other], author[other], weight[other]
    lonely = np.setdiff1d(np.arange(n), reader[reader == author])
    return np.append(reader, lonely), np.append(author, lonely), np.append(weight, np.ones(len(lonely)))


def _numbered(agents: tuple[int, ...], community: str, n: int) -> list[int]:
    wrong = [agent for agent in agents if not 0 <= agent < n]
    if wrong:
        raise GraphError(f"humans.{community}.reach: a model's number must be from 0 to {n - 1}. Got {wrong[0]}.")
    return list(agents)
