"""The account of collapse against a recount document by document; distance on a ring; clusters; herd protection."""

from __future__ import annotations

from collections import defaultdict

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem.fits import WorldError
from ecosystem.interfaces import Atoms, Moments
from ecosystem.metrics import MetricError, find, hivemind
from ecosystem.metrics.spread import spread_order
from ecosystem.model import Ecosystem
from ecosystem.network import build
from ecosystem.runs.protection import herd_protection
from ecosystem.scenario import Collapse, Community, Graph, Group, Measuring, Recording, Retention, Scenario
from ecosystem.spread import Spread, distances, reproduction_interval
from ecosystem.verifier import Placement

SPREAD = (
    "arrival", "attack_rate", "attack_rate_guarded", "attack_rate_unguarded", "exposure", "spread_order",
    "reproduction_number", "collapsed",
)  # fmt: skip


def spec(**parts) -> Scenario:
    """Two sharpened models among others that sharpen a little, on a small random graph."""
    models = (
        Group(name="careless", count=2, publish=30, read=60, learner=Categorical(temperature=0.5)),
        Group(name="others", count=18, publish=12, read=60, learner=Categorical(temperature=0.9)),
    )
    given = dict(
        world=Zipf(items=60), humans=(Community(rate=12),), models=models, steps=10, metrics=SPREAD,
        graph=Graph(kind="random", density=0.15, self_loops=True),
        collapse=Collapse(metric="within_diversity", below=0.8),
    )  # fmt: skip
    return Scenario(**(given | parts))


def run(made: Scenario, seed: int = 0) -> Ecosystem:
    world = Ecosystem(made, rng=seed)
    while world.t < made.steps:
        world.step()
    return world


class Recount:
    """Arrival, exposure and attribution by loops over documents, from every diet and every measuring."""

    def __init__(self, n: int):
        self.arrival, self.shares, self.now = {}, defaultdict(list), set()
        self.caused, self.order, self.n = defaultdict(float), [], n

    def step(self, t: int, diets: dict[int, list[int]], collapsed: set[int]) -> None:
        for i, authors in diets.items():
            if i in self.arrival or not authors:
                continue
            self.shares[i].append(sum(a in self.now for a in authors) / len(authors))
            if i in collapsed:
                guilty = [a for a in authors if a in self.now]
                for a in guilty:
                    self.caused[a] += 1 / len(guilty)
        for i in collapsed - set(self.arrival):
            self.arrival[i] = t
        self.now = collapsed


@pytest.fixture
def recounted(monkeypatch):
    """Runs a world and recounts it from the diets that its models were trained on."""

    def made(scenario: Scenario, seed: int = 0) -> tuple[Ecosystem, Recount]:
        world = Ecosystem(scenario, rng=seed)
        count, diets = Recount(world.n), {}
        for population in world.populations:
            learn = population.learn

            def noted(diet, step, population=population, learn=learn):
                for row, i in enumerate(population.numbers):
                    mine = diet.rows_nb[row, : diet.read_n[row]]
                    diets[int(i)] = [int(a) for a in diet.pool.sources(mine)]
                return learn(diet, step)

            monkeypatch.setattr(population, "learn", noted)
        while world.t < scenario.steps:
            diets.clear()
            world.step()
            count.step(world.t, dict(diets), set(np.flatnonzero(world.measured("collapsed")).tolist()))
        return world, count

    return made


@pytest.mark.parametrize("keep", ["step", "all"])
def test_arrival_exposure_and_attribution_are_what_a_recount_gives(recounted, keep):
    world, count = recounted(spec(corpus=Retention(keep=keep)))
    arrival, exposure = world.frame.agents["arrival"], world.frame.agents["exposure"]
    assert 4 < len(count.arrival) <= 20
    assert len(set(count.arrival.values())) > 2
    for i in range(world.n):
        assert arrival[i] == pytest.approx(count.arrival.get(i, np.nan), nan_ok=True)
        assert exposure[i] == pytest.approx(np.mean(count.shares[i]))
        assert world.spread.caused_N[i] == pytest.approx(count.caused[i])
    assert world.frame.values["attack_rate"] == len(count.arrival) / 20
    assert sum(count.caused.values()) > 3


def test_reproduction_is_the_mean_over_early_cases(recounted):
    world, count = recounted(spec())
    first = min(count.arrival.values())
    early = [i for i, t in count.arrival.items() if t == first]
    for step in sorted(set(count.arrival.values())):
        upto = [i for i, t in count.arrival.items() if t <= step]
        early = upto if len(upto) <= world.n / 4 else early
    found = world.frame.values["reproduction_number"]
    assert found == pytest.approx(np.mean([count.caused[i] for i in early]))
    interval = reproduction_interval(world.spread)
    assert interval.estimate == pytest.approx(found)
    assert interval.low <= found <= interval.high
    assert interval.n == len(early)


def test_a_collapsed_share_of_read_counts_authors_as_they_were_when_they_wrote(recounted):
    """Negative control: counting authors by what they have become gives another exposure."""
    world, count = recounted(spec())
    assert world.frame.agents["exposure"].min() == 0
    late = [np.mean(count.shares[i][:-1] or [0]) for i in range(world.n)]
    assert not np.allclose(late, world.frame.agents["exposure"])


def test_a_web_on_which_nobody_collapses_has_no_cases():
    models = (Group(name="plain", count=6, publish=20, read=400, learner=Categorical()),)
    world = run(spec(models=models, humans=(Community(rate=400),), steps=3))
    values, agents = world.frame.values, world.frame.agents
    assert values["attack_rate"] == 0
    assert np.isnan(values["reproduction_number"])
    assert np.isnan(values["spread_order"])
    assert np.isnan(agents["arrival"]).all()
    assert (agents["exposure"] == 0).all()


def test_who_measures_seldom_finds_the_same_cases():
    every, seldom = run(spec()), run(spec(record=Recording(every=5)))
    for name in ("arrival", "exposure"):
        assert np.array_equal(every.frame.agents[name], seldom.frame.agents[name], equal_nan=True)
    assert every.frame.values["reproduction_number"] == seldom.frame.values["reproduction_number"]


def test_following_collapse_changes_nothing_else_and_is_paid_for_where_it_is_asked():
    plain, followed = run(spec(metrics=("within_diversity",))), run(spec(metrics=("within_diversity", *SPREAD)))
    assert plain.spread is None
    assert np.array_equal(plain.frame.agents["within_diversity"], followed.frame.agents["within_diversity"])
    with pytest.raises(MetricError, match="one of them must be among"):
        find("attack_rate")(plain)


def test_newcomers_that_nobody_reads_change_no_cases():
    """On a ring of their own: rows of the others stay as they are."""
    few, many = (spec(graph=Graph(kind="isolated", self_loops=True), models=(group(n),)) for n in (8, 12))
    first, second = run(few), run(many)
    for name in ("arrival", "exposure"):
        assert np.array_equal(first.frame.agents[name], second.frame.agents[name][:8], equal_nan=True)


def group(count: int) -> Group:
    return Group(name="sharp", count=count, publish=12, read=30, learner=Categorical(temperature=0.8))


def ring(arrival: list[float]) -> Ecosystem:
    """A stand-in for a world on a ring (i reads i + 1) with these arrivals."""
    network = build(Graph(kind="ring"), len(arrival), np.random.default_rng(0))
    account = Spread(network, collapse=True, likeness=False)
    account.arrival_N[:] = arrival
    world = type("World", (), {})()
    world.spread = account
    return world


def test_order_on_a_ring_is_that_of_the_way_text_travels():
    """Text travels from i + 1 to i: from model 0 to 5, 4, 3, 2, 1."""
    along, against = [0, 5, 4, 3, 2, 1], [0, 1, 2, 3, 4, 5]
    assert spread_order(ring(along)) == pytest.approx(1)
    assert spread_order(ring(against)) == pytest.approx(-1)
    assert spread_order(ring([0, 9, np.nan, 7, 3, 1])) == pytest.approx(1)  # who stands is no case
    assert np.isnan(spread_order(ring([0, 2, 2, 2, 2, 2])))
    assert np.isnan(spread_order(ring([0, 1, np.nan, np.nan, np.nan, np.nan])))


@pytest.mark.parametrize("graph", [
    {"kind": "random", "density": 0.06}, {"kind": "complete"}, {"kind": "hub"}, {"kind": "scale_free"},
    {"kind": "complete", "self_loops": True}, {"kind": "isolated"},
])  # fmt: skip
def test_distances_are_those_of_networkx(graph):
    network = build(Graph(**graph), 30, np.random.default_rng(1))
    source_N = np.isin(np.arange(30), [0, 17])
    expected = nx.multi_source_dijkstra_path_length(network.to_networkx().reverse(), {0, 17}, weight=None)
    found = distances(network, source_N)
    assert {i: d for i, d in enumerate(found) if np.isfinite(d)} == expected


def test_guarded_and_unguarded_are_counted_apart():
    from agents.verifiers.detector import Detector

    guards = Detector(name="guards", placement=Placement(rule="list", models=(2, 3, 4, 5, 6, 7)))
    world = run(spec(verifiers=(guards,)))
    ever, values = ~np.isnan(world.frame.agents["arrival"]), world.frame.values
    assert values["attack_rate_guarded"] == ever[2:8].mean()
    assert values["attack_rate_unguarded"] == np.delete(ever, range(2, 8)).mean()
    assert np.isnan(run(spec(steps=1)).frame.values["attack_rate_guarded"])


def frame(arrival, guarded) -> pd.DataFrame:
    """The table of agents of a run with two steps."""
    n = len(arrival)
    rows = {"agent": [*range(n)] * 2, "step": [0] * n + [5] * n, "guarded": [*guarded] * 2}
    return pd.DataFrame(rows | {"arrival": [np.nan] * n + [*arrival]})


def test_herd_protection_is_among_those_without_a_guard():
    none, guarded = [0] * 5, [1, 1, 0, 0, 0]
    base = frame([1, 2, 3, 4, 5], none)
    assert herd_protection(frame([np.nan, np.nan, 3, np.nan, 5], guarded), base) == pytest.approx(1 / 3)
    # negative control: guards that save themselves alone protect nobody else
    assert herd_protection(frame([np.nan, np.nan, 3, 4, 5], guarded), base) == 0
    assert herd_protection(frame([1, 2, 3, 4, 5], guarded), frame([1, 2, 3, np.nan, np.nan], none)) == pytest.approx(-2)
    assert np.isnan(herd_protection(base, frame([np.nan] * 5, none)))


def test_models_are_alike_by_the_cosine_of_what_they_write():
    p = np.array([[0.5, 0.5, 0, 0], [0.6, 0.4, 0, 0], [0, 0, 1, 0], [0, 0.0, 0.5, 0.5]])
    item = np.tile(np.arange(4, dtype=np.int32), (4, 1))
    cosine = hivemind.cosine_of_atoms(Atoms(item, p), 4)
    length = np.linalg.norm(p, axis=1)
    assert cosine == pytest.approx(p @ p.T / np.outer(length, length), abs=1e-6)


def test_normal_densities_are_compared_by_their_overlap():
    """Against sums over a fine grid; a cosine is 1 for the same density, also for a flat one."""
    mean, variance = np.array([[0.0], [1.0], [0.5]]), np.array([[[1.0]], [[0.5]], [[2.0]]])
    found = hivemind.cosine_of_normals(Moments(mean, variance))
    x = np.linspace(-15, 15, 20_001)
    p = np.exp(-((x - mean) ** 2) / 2 / variance[:, 0]) / np.sqrt(variance[:, 0])
    length = np.linalg.norm(p, axis=1)
    assert found == pytest.approx(p @ p.T / np.outer(length, length), abs=1e-6)
    flat = hivemind.cosine_of_normals(Moments(np.array([[0.0], [0.0], [9.0]]), np.zeros((3, 1, 1))))
    assert flat == pytest.approx(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]]))


def test_clusters_are_chains_of_alike_models():
    hive = ("alike_with", "alike_clusters", "largest_alike_share", "alike_arrival")
    web = dict(metrics=hive, collapse=None, models=(group(6),), humans=(Community(rate=5),), steps=12)
    one = run(spec(**web, graph=Graph(kind="complete")))
    assert one.frame.values["largest_alike_share"] == 1
    assert one.frame.values["alike_clusters"] == 1
    assert np.isfinite(one.frame.agents["alike_arrival"]).all()
    apart = run(spec(**web, graph=Graph(kind="isolated", self_loops=True), measure=Measuring(alike=1.0)))
    assert apart.frame.values["alike_clusters"] > 1
    share, n = apart.frame.agents["alike_with"], apart.n
    cosine = hivemind.cosine_of_atoms(apart.readout.atoms, 60)
    together = nx.connected_components(nx.from_numpy_array(cosine >= 1 - 1e-9))
    expected = np.zeros(n)
    for members in together:
        expected[list(members)] = len(members) / n
    assert share == pytest.approx(expected)


def test_metrics_of_spread_need_a_definition_of_collapse():
    with pytest.raises(WorldError, match="'attack_rate' needs a definition"):
        Ecosystem(spec(metrics=("attack_rate",), collapse=None))


def test_a_diet_of_what_passed_is_what_counts(recounted):
    """Behind a guard that lets nothing of models through nobody is exposed."""
    from agents.verifiers.detector import Detector

    strict = Detector(false_positive_rate=0.0, false_negative_rate=0.0, placement=Placement(share=1.0))
    world, _ = recounted(spec(verifiers=(strict,)))
    assert (world.frame.agents["exposure"] == 0).all()
    assert world.spread.caused_N.sum() == 0
