"""Whom verifiers guard: every placement rule, and what is no placement at all."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from good_scenario import GOOD, lines_of

from agents.learners.categorical import Categorical
from agents.verifiers.detector import Detector
from ecosystem.errors import InputError
from ecosystem.model import Ecosystem
from ecosystem.network import from_networkx
from ecosystem.scenario import Graph, Group
from ecosystem.streams import Streams
from ecosystem.verification.placement import PlacementError, communities, guarded
from ecosystem.verifier import Placement, Verifier

N = 40
RULES = ["random", "most_read", "most_reading", "betweenness", "community", "bridges"]
NETWORK = from_networkx(nx.gnp_random_graph(N, 0.1, seed=3, directed=True))
GROUPS = np.repeat(["a", "b"], [25, 15])


def chosen(rule: str, share: float = 1.0, network=NETWORK, seed: int = 0, **keys) -> np.ndarray:
    groups = np.repeat(["a", "b"], [25, network.n - 25]) if network.n > 25 else np.repeat(["a"], network.n)
    return guarded(Placement(rule=rule, share=share, **keys), "verifiers.v", network, groups, Streams(seed))


@pytest.mark.parametrize("rule", RULES)
def test_a_share_is_that_many_models_and_a_larger_one_guards_the_same_and_more(rule):
    before = np.zeros(N, bool)
    for share in (0, 0.001, 0.1, 0.3, 0.55, 1.0):
        now = chosen(rule, share)
        assert now.sum() == math.ceil(share * N - 1e-9)
        assert (now >= before).all()
        before = now


@pytest.mark.parametrize("rule", RULES)
def test_a_placement_is_the_same_every_time_and_only_random_goes_by_the_seed_alone(rule):
    assert np.array_equal(chosen(rule, 0.3), chosen(rule, 0.3))
    others = [chosen(rule, 0.3, seed=seed) for seed in range(1, 6)]
    if rule == "random":
        assert not all(np.array_equal(other, chosen(rule, 0.3)) for other in others)


@pytest.mark.parametrize("rule", RULES)
def test_of_groups_the_share_is_of_their_models(rule):
    some = chosen(rule, 0.4, groups=("b",))
    assert some.sum() == 6
    assert not some[:25].any()
    assert chosen(rule, 1.0, groups=("a", "b")).all()


@pytest.mark.parametrize("rule, score", [("most_read", "in"), ("most_reading", "out"), ("betweenness", "between")])
def test_the_first_to_be_guarded_score_highest(rule, score):
    graph = NETWORK.to_networkx()
    scores = {"in": dict(graph.in_degree), "out": dict(graph.out_degree), "between": nx.betweenness_centrality(graph)}
    value = np.array([scores[score][i] for i in range(N)])
    first = chosen(rule, 0.25)
    assert value[first].min() >= value[~first].max()
    other = np.array([scores["in" if score != "in" else "out"][i] for i in range(N)])
    assert other[first].min() < other[~first].max()  # negative control: it is this score and no other


def test_equals_are_guarded_in_an_order_of_the_seed():
    ring = from_networkx(nx.cycle_graph(20, create_using=nx.DiGraph))
    found = {tuple(np.flatnonzero(chosen("most_read", 0.2, ring, seed))) for seed in range(10)}
    assert len(found) > 5


def blocks(sizes=(8, 12, 5)) -> nx.DiGraph:
    """Cliques, of which each has one link to the next; the last model of a clique reads the first of the next."""
    graph = nx.disjoint_union_all([nx.complete_graph(size) for size in sizes])
    ends = np.cumsum(sizes)
    graph.add_edge(ends[0] - 1, ends[0])
    graph.add_edge(ends[1] - 1, ends[1])
    return graph.to_directed()


def test_communities_are_found_and_guarded_whole_the_largest_first():
    network = from_networkx(blocks())
    found = communities(network)
    assert len(set(found)) == 3
    assert [set(found[part]) for part in (slice(0, 8), slice(8, 20), slice(20, 25))] == [{c} for c in found[[0, 8, 20]]]
    assert np.flatnonzero(chosen("community", 12 / 25, network)).tolist() == list(range(8, 20))
    assert np.flatnonzero(chosen("community", 20 / 25, network)).tolist() == list(range(20))


def test_bridges_are_those_with_links_to_other_communities():
    network = from_networkx(blocks())
    assert np.flatnonzero(chosen("bridges", 4 / 25, network)).tolist() == [7, 8, 19, 20]


def test_the_models_of_a_list_are_guarded_and_the_share_does_not_matter():
    assert np.flatnonzero(chosen("list", 0.1, models=(3, 30, 7))).tolist() == [3, 7, 30]
    assert np.flatnonzero(chosen("list", models=(3, 30, 7), groups=("a",))).tolist() == [3, 7]


@pytest.mark.parametrize(
    "keys, says",
    [
        (dict(rule="list"), r"verifiers.v.placement.models: must name a model. Got \[\], which is nobody"),
        (dict(rule="list", models=(3, 40)), "from 0 to 39. Got 40"),
        (dict(rule="list", models=(3,), groups=("b",)), r"must name a model of b. Got \[3\], which is nobody"),
        (dict(groups=()), "must name groups of models: a, b. Got nobody"),
        (dict(groups=("c",)), "must name groups of models: a, b. Got c"),
        (dict(groups=("a", "c")), "must name groups of models: a, b. Got c"),
    ],
)
def test_a_placement_that_selects_nobody_is_refused(keys, says):
    with pytest.raises(PlacementError, match=says):
        chosen(**dict(rule="random") | keys)


def test_a_share_of_0_is_a_way_to_guard_nobody(small_world):
    world = Ecosystem(small_world(verifiers=(Detector(placement=Placement(share=0)),), metrics=("guarded",)))
    assert not world.frame.agents["guarded"].any()


class Panel(Verifier):
    """Accepts what any member accepts."""

    members: tuple[str, ...] = ()

    def panel(self):
        return self.members

    def count(self, vote_VM):
        return vote_VM.any(axis=0)


@pytest.mark.parametrize(
    "verifiers, says",
    [
        ((Panel(name="a", members=("b",)),), "verifiers.a.members: must name verifiers of the scenario: a. Got 'b'"),
        ((Panel(name="a", members=("b",)), Detector(name="b")), "must have `gate: panel`. Got 'b' at gate 'read'"),
        (
            (Panel(name="a", members=("b",)), Panel(name="b", gate="panel", members=("a",))),
            "may not judge by way of itself. Got a -> b -> a",
        ),
        ((Panel(name="a", members=("a",)),), "may not judge by way of itself. Got a -> a"),
    ],
)
def test_a_panel_that_cannot_be_is_refused(small_world, verifiers, says):
    with pytest.raises(InputError, match=says):
        Ecosystem(small_world(verifiers=verifiers))


def test_a_panel_counts_its_members_and_they_are_counted(small_world):
    """A document passes where either accepts: 1 - 0.5^2 of models' documents; members are charged for as well."""
    members = [
        Detector(name=name, gate="panel", false_positive_rate=0, false_negative_rate=0.5, price=2) for name in "bc"
    ]
    spec = small_world(
        verifiers=(Panel(name="a", members=("b", "c"), price=1), *members), graph=Graph(self_loops=True),
        models=(Group(count=5, publish=400, read=9, learner=Categorical()),), metrics=("verification_cost",),
    )  # fmt: skip
    world = Ecosystem(spec)
    world.step()
    desks = {name: desk.now for name, desk in world.gates.desks.items()}
    assert {tally.judged for tally in desks.values()} == {2006}
    assert world.frame.values["verification_cost"] == 2006 * 5
    for name, rate in (("a", 0.75), ("b", 0.5), ("c", 0.5)):
        assert abs(desks[name].false_negative_rate - rate) < 5 * np.sqrt(rate * (1 - rate) / 2000)  # alarm 6e-7


GUARDED = GOOD + "verifiers:\n  - {name: guard, kind: detector, placement: {rule: random}}\n"


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("kind: detector", "kind: detector, false_positive_rate: 1.5", "false_positive_rate: must be * from 0 to 1; *"),
        ("kind: detector", "kind: detector, false_negative_rate: -0.1", "false_negative_rate: must be *; got -0.1"),
        ("kind: detector", "kind: detector, capacity: 0", "capacity: must be *1*; got 0"),
        ("kind: detector", "kind: detector, price: -1", "price: must be * at least 0; got -1"),
        ("kind: detector", "kind: detectro", "kind: * got 'detectro' (did you mean 'detector'?)"),
        ("rule: random", "rule: list", "placement.models: must be given with rule list*; got nothing"),
        ("rule: random", "rule: list, models: [6]", "placement.models.0: must be a model's number, from 0 to 5; got 6"),
        ("rule: random", "groups: []", "placement.groups: must name a group: small, large.one; got an empty list*"),
        ("rule: random", "groups: [smal]", "placement.groups.0: * got 'smal' (did you mean 'small'?)"),
        ("rule: random", "share: 1.01", "placement.share: must be * from 0 to 1; got 1.01"),
        ("rule: random", "humans: true", "placement.humans: goes with gate publish; got true at gate 'read'"),
    ],
)
def test_a_mistake_about_verifiers_is_one_line(tmp_path, old, new, says):
    (line,) = lines_of(GUARDED.replace(old, new), tmp_path)
    place, _, told = line.partition(": verifiers.0.")
    assert place.startswith("s.yaml:26:")
    pieces = says.split("*")
    assert all(piece in told for piece in pieces), told
    assert told.startswith(pieces[0])
    assert told.endswith(pieces[-1])
