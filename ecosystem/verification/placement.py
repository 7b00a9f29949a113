"""Which models a verifier guards, by a rule on the reading graph.

Every rule puts the models in an order and takes the first ones, so that a larger share guards more models and never
others.
"""

from __future__ import annotations

import math

import networkx as nx
import numpy as np

from ecosystem.errors import InputError
from ecosystem.network import Network
from ecosystem.streams import Streams
from ecosystem.verifier import Placement

EXACT = 2_000  # models up to which betweenness is exact; beyond, over paths from so many of them


class PlacementError(InputError):
    """A placement that cannot be: says of which verifier and why."""


def guarded(placement: Placement, owner: str, network: Network, group_N: np.ndarray, streams: Streams) -> np.ndarray:
    """(N,) bool. `owner` names the verifier in messages; group_N (N,) are names of groups."""
    among = _of_groups(placement, owner, group_N)
    if placement.rule == "list":
        return _listed(placement, owner, among)
    order = _order(placement.rule, network, streams)
    order = order[among[order]]
    wanted = math.ceil(placement.share * len(order) - 1e-9)
    chosen = np.zeros(network.n, bool)
    chosen[order[:wanted]] = True
    return chosen


def _of_groups(placement: Placement, owner: str, group_N: np.ndarray) -> np.ndarray:
    """(N,) bool: models among whom is chosen."""
    if placement.groups is None:
        return np.ones(len(group_N), bool)
    known = list(dict.fromkeys(group_N.tolist()))
    wrong = [name for name in placement.groups if name not in known] or ([] if placement.groups else ["nobody"])
    if wrong:
        raise PlacementError(
            f"{owner}.placement.groups: must name groups of models: {', '.join(known)}. Got {wrong[0]}."
        )
    return np.isin(group_N, placement.groups)


def _listed(placement: Placement, owner: str, among: np.ndarray) -> np.ndarray:
    """(N,) bool: the listed ones of those `among`."""
    numbers, n = list(placement.models or ()), len(among)
    wrong = [i for i in numbers if i >= n]
    if wrong:
        raise PlacementError(f"{owner}.placement.models: a model's number must be from 0 to {n - 1}. Got {wrong[0]}.")
    chosen = np.zeros(n, bool)
    chosen[numbers] = True
    if not (chosen & among).any():
        groups = f" of {', '.join(placement.groups)}" if placement.groups else ""
        raise PlacementError(f"{owner}.placement.models: must name a model{groups}. Got {numbers}, which is nobody.")
    return chosen & among


def _order(rule: str, network: Network, streams: Streams) -> np.ndarray:
    """All models, those to be guarded first in front; equals in an order drawn from the seed."""
    luck_N = streams.rows("placement", 0, network.n).uniform(1)[:, 0]
    if rule == "random":
        return np.argsort(luck_N, kind="stable")
    return np.lexsort((luck_N, -_score(rule, network)))


def _score(rule: str, network: Network) -> np.ndarray:
    """(N,) higher is guarded sooner."""
    if rule == "most_read":
        return network.audience_N().astype(float)
    if rule == "most_reading":
        return network.degree_N().astype(float)
    if rule == "betweenness":
        # a fixed seed: who is guarded follows from the graph alone
        between = nx.betweenness_centrality(network.to_networkx(), k=EXACT if network.n > EXACT else None, seed=0)
        return np.array([between[i] for i in range(network.n)])
    community_N = communities(network)
    if rule == "community":
        sizes = np.bincount(community_N)
        rank = np.empty(len(sizes))
        rank[np.lexsort((np.arange(len(sizes)), -sizes))] = np.arange(len(sizes))
        return -rank[community_N]
    links = network.matrix().tocoo()
    across = (community_N[links.row] != community_N[links.col]).astype(float)
    return np.bincount(links.row, across, network.n) + np.bincount(links.col, across, network.n)


def communities(network: Network) -> np.ndarray:
    """(N,) the community of each model, found by greedy modularity (Louvain; Blondel et al. 2008, arXiv:0803.0476)."""
    found = nx.community.louvain_communities(network.to_networkx().to_undirected(), seed=0)
    community_N = np.zeros(network.n, int)
    for number, members in enumerate(found):
        community_N[list(members)] = number
    return community_N
