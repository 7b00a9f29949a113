"""Who dies can be told from the reading graph alone: on random directed graphs, prediction against simulation.

A closed set of up to 12 models with n = 10 documents each is fixed after some 2 n 12 = 240 steps in the mean, and the
chance that it is not falls like exp(-t / 240) at most: after 8,000 steps below 1e-14. Two closed sets are fixed on the
same of 5,000 items with probability 1/5,000: about 0.2% false alarms over the eight graphs. A living model may show a
single item at one moment, so it is looked at over the last 200 steps.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Recording, Scenario
from ecosystem.theory.death import who_dies

STEPS, WATCHED, N = 8000, 200, 12


def world(graph: nx.DiGraph, fed: list[int], seed: int, folder) -> Ecosystem:
    path = folder / f"graph{seed}.graphml"
    nx.write_graphml(graph, path)
    group = Group(name="models", count=N, publish=10, read=10, learner=Categorical())
    return Ecosystem(
        Scenario(
            steps=STEPS, metrics=("within_diversity",), world=Zipf(items=5000, exponent=0), models=(group,),
            humans=(Community(rate=10, reach=tuple(fed)),), graph=Graph(kind="file", path=str(path)),
            reading=Reading(unfed="self"), record=Recording(every=1),
        ),
        rng=seed,
    )  # fmt: skip


def alive(eco: Ecosystem) -> np.ndarray:
    """Models that show more than one item at some moment of the last steps."""
    shown = np.zeros(N, bool)
    for t in range(1, STEPS + 1):
        eco.step()
        if t > STEPS - WATCHED:
            shown |= eco.frame.agents["within_diversity"] > 0
    return shown


def random_graph(seed: int) -> nx.DiGraph:
    """Sparse, so that there are closed sets; self-loops on odd seeds only, so that some closed sets have a period."""
    graph = nx.gnp_random_graph(N, 0.11, seed=seed, directed=True)
    graph.add_edges_from((i, i) for i in range(N) if seed % 2)
    return graph


@pytest.mark.parametrize("seed", range(8))
def test_the_models_that_die_are_those_predicted_from_the_graph(seed, tmp_path):
    graph = random_graph(seed)
    fed = sorted(np.random.default_rng(seed).choice(N, 2, replace=False).tolist())
    doomed = who_dies(nx.to_numpy_array(graph), np.isin(np.arange(N), fed), unfed="self")
    np.testing.assert_array_equal(alive(world(graph, fed, seed, tmp_path)), ~doomed)
    assert 0 < doomed.sum() < N


def test_the_graph_read_the_other_way_round_predicts_other_deaths():
    """The negative control: with the transposed graph the comparison above would fail for most seeds."""
    wrong = 0
    for seed in range(8):
        reading = nx.to_numpy_array(random_graph(seed))
        fed = np.isin(np.arange(N), np.random.default_rng(seed).choice(N, 2, replace=False))
        wrong += (who_dies(reading, fed, "self") != who_dies(reading.T, fed, "self")).any()
    assert wrong >= 6


def test_a_ring_dies_but_who_reads_two_of_its_strands_does_not():
    """Models 0 to 3 read each other in a circle; 4 reads one, 5 reads two neighbours, 6 the same strand twice."""
    ring = nx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0), (4, 0), (5, 0), (5, 1), (6, 0), (6, 7), (7, 1)])
    doomed = who_dies(nx.to_numpy_array(ring, nodelist=range(8)), np.zeros(8, bool))
    assert doomed.tolist() == [True, True, True, True, True, False, True, True]
