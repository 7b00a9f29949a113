"""Reading graphs: which way edges run, who reads whom in every kind, and what a file may hold."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.stats import binom, chisquare, norm

from ecosystem.network import GraphError, build, from_edges, from_networkx, reach
from ecosystem.scenario import Community, Graph
from ecosystem.streams import Streams

ALARM = 1e-6  # false-alarm rate of each statistical test below
KINDS = ("complete", "isolated", "ring", "hub", "small_world", "scale_free", "random", "communities")


def made(kind: str, n: int, seed: int = 0, **keys):
    return build(Graph(kind=kind, **keys), n, np.random.default_rng(seed))


def edges(network) -> set[tuple[int, int]]:
    return set(zip(*(ends.tolist() for ends in network.matrix().nonzero()), strict=True))


def others(n: int) -> set[tuple[int, int]]:
    return {(i, j) for i in range(n) for j in range(n) if i != j}


@pytest.mark.parametrize("n", [1, 2, 5])
def test_regular_kinds_read_as_the_contract_says(n):
    assert edges(made("complete", n)) == others(n)
    assert edges(made("isolated", n)) == set()
    assert edges(made("ring", n)) == ({(i, (i + 1) % n) for i in range(n)} if n > 1 else set())
    assert edges(made("hub", n)) == {(i, 0) for i in range(1, n)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 12])
def test_self_loops_add_each_model_to_its_own_diet(kind, n):
    without, with_loops = made(kind, n), made(kind, n, self_loops=True)
    assert not any(i == j for i, j in edges(without))
    assert edges(with_loops) == edges(without) | {(i, i) for i in range(n)}
    assert edges(made(kind, n, self_loops=False)) == edges(without)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("self_loops", [False, True])
def test_degrees_matrix_and_networkx_agree(kind, self_loops):
    network = made(kind, 12, self_loops=self_loops)
    graph, matrix = network.to_networkx(), network.matrix()
    assert np.array_equal(nx.to_numpy_array(graph, nodelist=range(12)), matrix.toarray())
    assert network.degree_N().tolist() == [graph.out_degree(i) for i in range(12)]
    assert network.audience_N().tolist() == [graph.in_degree(i) for i in range(12)]
    assert set(matrix.data.tolist()) <= {1.0}


def test_lists_of_a_complete_graph_are_shared():
    network = made("complete", 100_000)
    assert network.author_E.size == 100_000
    assert network.shared
    assert set(network.degree_N()) == set(network.audience_N()) == {99_999}
    assert not made("hub", 5).shared
    assert not made("ring", 5).shared


@pytest.mark.parametrize("k", [1, 3, 4, 7, 19])
def test_a_small_world_reads_k_models_each(k):
    network = made("small_world", 20, neighbours=k, rewire=0.5)
    assert set(network.degree_N()) == {min(k, 19)}
    assert set(network.matrix().data) == {1.0}  # nobody twice
    near = made("small_world", 20, neighbours=k, rewire=0.0)
    distance = {min((i - j) % 20, (j - i) % 20) for i, j in edges(near)}
    assert distance == set(range(1, min(k + 1, 20) // 2 + 1))


@pytest.mark.parametrize(
    "kind, key, most", [("small_world", "neighbours", 19), ("scale_free", "links", 19), ("communities", "blocks", 20)]
)
def test_more_links_than_there_are_models_are_refused(kind, key, most):
    made(kind, 20, **{key: most})
    with pytest.raises(GraphError, match=rf"graph.{key}: must be at most {most} for 20 models\. Got {most + 1}"):
        made(kind, 20, **{key: most + 1})


def test_a_small_world_rewires_the_stated_share_to_anyone_alike():
    network = made("small_world", 4000, neighbours=4, rewire=0.2)
    i, j = np.array(sorted(edges(network))).T
    far = np.minimum((i - j) % 4000, (j - i) % 4000) > 2
    # a rewired link is far unless it falls on a neighbour that is free, which is too rare to matter
    low, high = binom.interval(1 - ALARM, 16_000, 0.2)
    assert low < far.sum() < high
    assert not low < 1.1 * far.sum() < high  # negative control
    assert chisquare(np.bincount((j - i)[far] % 4000 * 20 // 4000, minlength=20)[1:-1]).pvalue > ALARM


def test_a_random_graph_has_every_link_with_the_same_probability():
    n, density, draws = 8, 0.3, 2000
    hits = sum(made("random", n, seed, density=density).matrix().toarray() for seed in range(draws))
    hits, error = hits[~np.eye(n, dtype=bool)], np.sqrt(draws * density * (1 - density))
    bound = norm.isf(ALARM / 2 / hits.size)
    assert np.abs(hits - draws * density).max() / error < bound
    assert np.abs(1.2 * hits - draws * density).max() / error > bound  # negative control
    assert edges(made("random", n, density=1.0)) == others(n)
    assert edges(made("random", n, density=0.0)) == set()


def test_links_of_a_random_graph_are_independent():
    n, draws = 3, 6000
    seen = np.zeros(2**6)
    for seed in range(draws):
        matrix = made("random", n, seed, density=0.5).matrix().toarray()
        seen[int(matrix[~np.eye(n, dtype=bool)] @ 2 ** np.arange(6))] += 1
    assert chisquare(seen).pvalue > ALARM


def test_communities_link_within_and_across_as_often_as_stated():
    network = made("communities", 300, blocks=4, inside=0.3, across=0.05)
    block = network.attributes["community"]
    assert np.bincount(block).tolist() == [75] * 4
    assert (np.diff(block) >= 0).all()
    matrix, same = network.matrix().toarray() > 0, block[:, None] == block
    for found, pairs, chance in ((matrix & same, 4 * 75 * 74, 0.3), (matrix & ~same, 300 * 225, 0.05)):
        low, high = binom.interval(1 - ALARM, pairs, chance)
        assert low < found.sum() < high
        assert not low < 1.3 * found.sum() < high  # negative control


def test_newcomers_of_a_scale_free_graph_read_earlier_models_the_much_read_more():
    network = made("scale_free", 2000, links=3)
    assert all(j < i or (i, j) == (0, 1) for i, j in edges(network))
    assert network.degree_N()[4:].tolist() == [3] * 1996
    audience = network.audience_N()
    assert audience[:20].mean() > 10 * audience[-1000:].mean()
    assert audience.max() > 10 * np.median(audience) + 10


def test_a_drawn_graph_comes_from_its_seed():
    for kind in ("small_world", "scale_free", "random", "communities"):
        keys = {"links": 3} if kind == "scale_free" else {}
        assert edges(made(kind, 40, 1, **keys)) == edges(made(kind, 40, 1, **keys))
        assert edges(made(kind, 40, 1, **keys)) != edges(made(kind, 40, 2, **keys))


def test_a_pair_given_twice_has_its_weights_added():
    network = from_edges(3, np.array([0, 0, 2]), np.array([1, 1, 0]), np.array([1.0, 2.5, 4.0]))
    assert network.matrix().toarray().tolist() == [[0, 3.5, 0], [0, 0, 0], [4, 0, 0]]


def test_any_digraph_becomes_a_network_with_its_weights_and_attributes():
    graph = nx.gnp_random_graph(30, 0.2, seed=1, directed=True)
    nx.set_edge_attributes(graph, {edge: {"weight": 1.0 + i} for i, edge in enumerate(graph.edges)})
    nx.set_node_attributes(graph, {i: f"node {i}" for i in range(29)}, "colour")
    graph = nx.relabel_nodes(graph, {i: f"n{i}" for i in graph})
    network = from_networkx(graph)
    assert np.array_equal(network.matrix().toarray(), nx.to_numpy_array(graph))
    assert network.labels == tuple(graph)
    assert network.attributes["colour"].tolist() == [*(f"node {i}" for i in range(29)), None]
    back = network.to_networkx()
    assert [back.nodes[i]["label"] for i in back] == list(graph)
    assert set(nx.relabel_nodes(back, dict(enumerate(graph))).edges(data="weight")) == set(graph.edges(data="weight"))


@pytest.mark.parametrize("graph", [nx.karate_club_graph(), nx.florentine_families_graph(), nx.path_graph(1)])
def test_an_undirected_graph_is_read_both_ways(graph):
    assert np.array_equal(from_networkx(graph).matrix().toarray(), nx.to_numpy_array(graph))


def test_parallel_edges_have_their_weights_added():
    graph = nx.MultiDiGraph([("a", "b", {"weight": 2}), ("a", "b", {"weight": 0.5}), ("b", "a")])
    assert from_networkx(graph).matrix().toarray().tolist() == [[0, 2.5], [1, 0]]


def test_loops_of_a_given_graph_stay_go_or_are_completed():
    graph = nx.DiGraph([(0, 0, {"weight": 5.0}), (0, 1), (1, 0)])
    assert from_networkx(graph).matrix().toarray().tolist() == [[5, 1], [1, 0]]
    assert from_networkx(graph, self_loops=False).matrix().toarray().tolist() == [[0, 1], [1, 0]]
    assert from_networkx(graph, self_loops=True).matrix().toarray().tolist() == [[5, 1], [1, 1]]


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "many", None, 1e101])
def test_a_weight_that_is_no_number_above_zero_is_refused(weight):
    with pytest.raises(GraphError, match="edge a -> b: a reading weight must be a number above 0"):
        from_networkx(nx.DiGraph([("a", "b", {"weight": weight})]))


def community(name: str = "people", **keys) -> Community:
    return Community(name=name, **keys)


def test_communities_reach_all_some_or_those_named():
    reaches = {"people": "all", "few": (3, 1), "half": 0.5, "none": 0.0}
    communities = tuple(community(name, reach=reach) for name, reach in reaches.items())
    reach_NH = reach(communities, 9, Streams(0))
    assert reach_NH.sum(axis=0).tolist() == [9, 2, 5, 0]  # halves are rounded up
    assert np.flatnonzero(reach_NH[:, 1]).tolist() == [1, 3]
    assert np.array_equal(reach_NH, reach(communities, 9, Streams(0)))
    assert not np.array_equal(reach_NH, reach(communities, 9, Streams(1)))


def test_one_may_reach_the_model_that_most_read():
    hub = build(Graph(kind="hub"), 5, np.random.default_rng(0))
    to = (community(reach="most_read"),)
    assert np.flatnonzero(reach(to, 5, Streams(0), hub.audience_N())).tolist() == [0]
    audience_N = np.array([1, 1, 3, 2, 3])
    chosen = {int(np.flatnonzero(reach(to, 5, Streams(seed), audience_N))[0]) for seed in range(40)}
    assert chosen == {2, 4}  # ties go by chance: 2e-12 that one of them never comes up
    least = (community(reach="least_read"),)
    assert {int(np.flatnonzero(reach(least, 5, Streams(seed), audience_N))[0]) for seed in range(40)} == {0, 1}


def test_a_share_reaches_every_model_equally_often():
    hits = sum(reach((community(reach=0.25),), 20, Streams(seed))[:, 0] for seed in range(2000))
    bound, error = norm.isf(ALARM / 2 / 20), np.sqrt(2000 * 0.25 * 0.75)
    assert np.abs(hits - 500).max() / error < bound
    assert np.abs(1.2 * hits - 500).max() / error > bound  # negative control


def test_a_model_that_does_not_exist_cannot_be_reached():
    with pytest.raises(GraphError, match=r"humans.people.reach: a model's number must be from 0 to 4\. Got 5"):
        reach((community(reach=(0, 5)),), 5, Streams(0))
