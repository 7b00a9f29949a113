"""The next-generation matrix by hand, by brute force, and against diets that were really read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.verifiers.detector import Detector
from ecosystem import Ecosystem, Scenario
from ecosystem.scenario import Community, Graph, Group, Reading
from ecosystem.theory import NoLaw, spread
from ecosystem.verifier import Placement
from tests.chance import mean_is


def spec(share: float = 0.0, rule: str = "random", **parts) -> Scenario:
    guards = Detector(name="guards", judges="readings", placement=Placement(rule=rule, share=share))
    models = (
        Group(name="much", count=3, publish=30, read=40, learner=Categorical()),
        Group(name="little", count=9, publish=10, read=40, learner=Categorical()),
    )
    given = dict(
        world=Zipf(items=30), humans=(Community(rate=12), Community(name="few", rate=5, reach=0.5)), models=models,
        graph=Graph(kind="random", density=0.3, self_loops=True), verifiers=(guards,), metrics=("human_share_read",),
        steps=3,
    )  # fmt: skip
    return Scenario(**(given | parts))


READINGS = {
    "documents": Reading(),
    "sources": Reading(draw="sources"),
    "share": Reading(draw="share", human_share=0.3),
}


@pytest.mark.parametrize("draw", READINGS)
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_shares_are_those_of_what_is_read(draw, share):
    """By model, over 300 steps; 1e-6 false alarms each. Control: shares behind twice as leaky guards are rejected."""
    made = spec(share, reading=READINGS[draw])
    world = Ecosystem(made.with_(steps=300))
    read_TNN = []
    for population in world.populations:
        learn = population.learn
        population.learn = lambda diet, step, p=population, learn=learn: (
            noted.update({p.first: diet}),
            learn(diet, step),
        )
    for _ in range(300):
        noted: dict = {}
        world.step()
        count_NS = [
            np.bincount(d.pool.sources(row), minlength=14)[:12] for _, d in sorted(noted.items()) for row in d.rows_nb
        ]
        read_TNN.append(np.array(count_NS) / 40)
    found, expected = np.array(read_TNN), spread.reading_shares(made).toarray()
    fed = expected > 0
    assert (found.mean(axis=0)[~fed] == 0).all()
    assert all(mean_is(found[:, i, j], expected[i, j]) for i, j in np.argwhere(fed))
    if share:
        leaky = made.with_({"verifiers.guards.false_negative_rate": 0.4})
        wrong = spread.reading_shares(leaky).toarray()
        assert not all(mean_is(found[:, i, j], wrong[i, j]) for i, j in np.argwhere(fed))


def test_the_radius_is_that_of_known_matrices():
    ring = csr_array(np.roll(0.5 * np.eye(6), 1, axis=1))
    assert spread.radius(ring) == pytest.approx(0.5)
    assert spread.radius(csr_array(np.triu(np.ones((5, 5)), 1))) == pytest.approx(0)  # no circle: never takes off
    large = csr_array(np.full((400, 400), 2 / 400))
    assert spread.radius(large) == pytest.approx(2)
    assert spread.radius(csr_array(np.roll(0.7 * np.eye(400), 1, axis=1))) == pytest.approx(0.7, abs=1e-6)


def test_a_reservoir_is_no_part_of_the_matrix():
    made = spec()
    whole, without = (spread.next_generation(made, 2.0, without=w).toarray() for w in ((), ("much",)))
    assert (without[:3] == 0).all()
    assert (without[:, :3] == 0).all()
    assert np.array_equal(without[3:, 3:], whole[3:, 3:])
    assert (np.diagonal(whole) == 0).all()
    assert whole[:, :3].any()


def test_critical_coverage_is_the_textbook_one_where_all_are_alike():
    """Everyone reads everyone alike, guards let nothing of models through: 1 - 1/R0 of the models (within one)."""
    perfect = Detector(name="guards", false_positive_rate=0.0, false_negative_rate=0.0, placement=Placement(share=0.0))
    models = (Group(count=60, publish=10, read=40, learner=Categorical()),)
    made = spec(models=models, graph=Graph(kind="complete"), verifiers=(perfect,), humans=(Community(rate=10),))
    for rate in (1.5, 2.0, 4.0):
        r0 = spread.radius(spread.next_generation(made, rate))
        share = spread.critical_share(made, "guards", rate)
        assert share == pytest.approx(spread.critical_coverage(r0), abs=1.5 / 60)
        guarded = [spread._at(made, "guards", s) for s in (share, share - 1 / 60)]
        assert [spread.radius(spread.next_generation(g, rate)) < 1 for g in guarded] == [True, False]
    assert spread.critical_coverage(0.8) == 0
    assert spread.critical_coverage(4, efficacy=0.5) > 1
    blind = made.with_({"verifiers.guards.false_negative_rate": 1.0})
    assert np.isnan(spread.critical_share(blind, "guards", 4.0))


def test_what_is_traced_back_is_what_random_traces_find():
    """Traces followed one link at a time, 20,000 of them; z-test with 1e-6 false alarms; control: another source."""
    shares = spread.reading_shares(spec())
    source_N = np.arange(12) == 0
    expected = spread.heard_from(shares, source_N)
    reader = int(np.argmax(np.where(source_N, 0, expected)))
    rng, table = np.random.default_rng(0), shares.toarray()
    cumulative = np.cumsum(table, axis=1)
    hits, other = np.zeros(20_000), np.zeros(20_000)
    for trace in range(20_000):
        here = reader
        while True:
            here = int(np.searchsorted(cumulative[here], rng.random()))
            if here >= 12 or here == 0:
                break
        hits[trace], other[trace] = here == 0, here != 0
    assert 0.05 < expected[reader] < 0.95
    assert mean_is(hits, expected[reader])
    assert not mean_is(hits, spread.heard_from(shares, np.arange(12) == 1)[reader])
    assert spread.heard_from(csr_array(np.roll(np.eye(4), 1, axis=1)), np.zeros(4)) == pytest.approx(np.zeros(4))


def test_what_the_matrix_cannot_know_is_said():
    for change, why in (
        ({"verifiers.guards.capacity": 5}, "with a capacity"),
        ({"verifiers.guards.gate": "publish"}, "before publishing"),
        ({"verifiers.guards.correlated": "author"}, "more than who wrote it"),
    ):
        with pytest.raises(NoLaw, match=why):
            spread.reading_shares(spec(0.5).with_(change))
