"""Who stands where and reads whom, as the panel draws it: the same for all arms and steps.

Letters: N models, n of them drawn, E links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem import network as networks
from ecosystem.network import Network
from ecosystem.report.layout import apart, positions
from ecosystem.streams import Streams
from ecosystem.view.packing import packed

if TYPE_CHECKING:
    import networkx as nx

    from ecosystem.scenario import Community, Scenario

MOST = 2000  # models drawn; of more those with most readers
MOST_LINKS = 60_000  # links drawn; of more the strongest
SHAPES = ("circle", "square", "triangle")
DASHES: tuple[list[int], ...] = ([], [3, 2], [1, 2])
EDGE = 1.15  # coordinates from the centre to the edge of what is packed


@dataclass(frozen=True, eq=False)
class Topology:
    """models (n,): numbers of those that are drawn; plain: what the panel is given."""

    models: np.ndarray
    plain: dict[str, Any]


def of_world(spec: Scenario, network: Network, seed: int) -> Topology:
    """Of a world's reading network."""
    if spec.graph.kind == "complete":
        return _everyone(spec, seed)
    matrix = network.matrix().tocoo()
    return _topology(spec, seed, matrix.row, matrix.col, matrix.data)


def of_graph(spec: Scenario, graph: nx.DiGraph, seed: int) -> Topology:
    """Of the network that a run wrote down."""
    if spec.graph.kind == "complete":
        return _everyone(spec, seed)
    edges = np.array(list(graph.edges(data="weight", default=1.0)), float).reshape(-1, 3)
    return _topology(spec, seed, edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64), edges[:, 2])


def _everyone(spec: Scenario, seed: int) -> Topology:
    """Everyone reads everyone: said, and not listed."""
    none = np.zeros(0, np.int64)
    made = _topology(spec, seed, none, none, np.zeros(0))
    n = len(made.models)
    audience = packed(np.full(n, min(n - 1, 65535)), "u16")
    return Topology(made.models, made.plain | {"complete": True, "audience": audience, "degree": audience})


def _topology(spec: Scenario, seed: int, reader_E: np.ndarray, author_E: np.ndarray, weight_E: np.ndarray) -> Topology:
    heard_N = np.bincount(author_E, minlength=spec.agents)  # readers, as who feeds the most read counts them
    other = reader_E != author_E
    reader_E, author_E, weight_E = reader_E[other], author_E[other], weight_E[other]
    audience_N, degree_N = (np.bincount(of_E, minlength=spec.agents) for of_E in (author_E, reader_E))
    models = np.sort(np.argsort(-audience_N, kind="stable")[:MOST])
    place_N = np.full(spec.agents, -1)
    place_N[models] = np.arange(len(models))
    published_N = np.repeat([g.publish for g in spec.models], [g.count for g in spec.models])
    flow_E = weight_E * np.maximum(published_N[author_E], 1)
    drawn = np.flatnonzero((place_N[reader_E] >= 0) & (place_N[author_E] >= 0))
    luck_E = np.random.default_rng(0).random(len(drawn))  # of links alike no model's are left out before another's
    drawn = np.sort(drawn[np.lexsort((luck_E, -flow_E[drawn]))[:MOST_LINKS]])
    reader_E, author_E, flow_E = place_N[reader_E[drawn]], place_N[author_E[drawn]], flow_E[drawn]
    radius_n = _radii(np.full(len(models), 1) if not len(reader_E) else audience_N[models])
    place_n2 = _places(len(models), reader_E, author_E, radius_n)
    group_N = np.repeat(np.arange(len(spec.models)), [g.count for g in spec.models])
    plain = {
        "numbers": packed(models, "u32"),
        "x": packed(_coded(place_n2[:, 0]), "u16"),
        "y": packed(_coded(place_n2[:, 1]), "u16"),
        "radius": packed(np.round(radius_n * 65535), "u16"),
        "group": packed(group_N[models], "u16"),
        "groups": _groups(spec),
        "audience": packed(np.minimum(audience_N[models], 65535), "u16"),
        "degree": packed(np.minimum(degree_N[models], 65535), "u16"),
        "reader": packed(reader_E, "u16"),
        "author": packed(author_E, "u16"),
        "flow": packed(np.round(255 * flow_E / flow_E.max()) if len(flow_E) else flow_E, "u8"),
        "complete": False,
        "communities": [{"name": c.name, "reach": _reach(c, seed, place_N, heard_N)} for c in spec.humans],
        "left_out": spec.agents - len(models),
    }
    return Topology(models, plain)


def _radii(audience_n: np.ndarray) -> np.ndarray:
    """(n,) radii of marks in the unit disc: areas in proportion to the audience, above a least."""
    relative = audience_n / max(audience_n.mean(), 1e-9)
    return min(0.42 / np.sqrt(len(audience_n)), 0.16) * np.sqrt(np.clip(0.35 + 0.65 * relative, 0.35, 2.5))


def _places(n: int, reader_E: np.ndarray, author_E: np.ndarray, radius_n: np.ndarray) -> np.ndarray:
    """(n, 2) within the unit disc, or nearly; marks with their rings do not cover one another where there is room."""
    place = positions(n, reader_E, author_E)
    return place if n > 400 else apart(place, 1.2 * radius_n + 0.015)


def _coded(place_n: np.ndarray) -> np.ndarray:
    return np.round(np.clip((place_n / EDGE + 1) / 2, 0, 1) * 65535)


def _groups(spec: Scenario) -> list[dict[str, Any]]:
    """Groups with a shape and an outline of their own: never told apart by colour alone."""
    from ecosystem.components import kind_of

    return [
        {"name": g.name, "kind": kind_of(g.learner), "shape": SHAPES[i % 3], "dash": DASHES[(i // 3) % 3]}
        for i, g in enumerate(spec.models)
    ]


def _reach(community: Community, seed: int, place_N: np.ndarray, heard_N: np.ndarray) -> list[int] | None:
    """Places of the models that a community reaches; None: all."""
    if community.reach == "all":
        return None
    reached_N = networks.reach((community,), len(place_N), Streams(seed), heard_N)[:, 0]
    return [int(i) for i in place_N[reached_N] if i >= 0]
