"""Fits that fail: named in the events, kept from everyone else, and followed by what the scenario says."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners.gaussian import Gaussian
from agents.learners.vae import Vae
from ecosystem import Ecosystem, Scenario, divergence
from ecosystem.checks import check_resume
from ecosystem.divergence import trained
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Diverged, Learner
from ecosystem.population import Population
from ecosystem.scenario import Group
from ecosystem.streams import Streams

SHAPE = DocumentShape("vectors", 2)
N, B = 5, 12


class Breaking(Gaussian):
    """A Gaussian model that cannot read numbers beyond `most`: it says so (`tells`), or becomes NaN."""

    most: float = 100.0
    tells: bool = True

    def train(self, params, content, weight, rng):
        bad = (np.abs(content) > self.most).any(axis=(1, 2))
        if bad.any() and self.tells:
            raise Diverged(np.flatnonzero(bad)[-1], "too far")
        made = super().train(params, content, weight, rng)
        made["mean"][bad] = np.nan
        return made


def diets(seed: int = 0, shift: float = 0.0, b: int = B) -> np.ndarray:
    return Streams(seed).rows("diets", 0, N).normal(b, 2) + shift


def population(learner: Learner, rule: str, start: str = "scratch", lost: str = "keep") -> Population:
    rules = {"on_divergence": rule, "on_variance_lost": lost}
    made = Population(Group(count=N, start=start, learner=learner), 10, SHAPE, Streams(3), **rules)
    made.pretrain(diets())
    return made


def fed(learner: Learner, rule: str, bad: tuple[int, ...], value: float = 1e6, start: str = "scratch", steps: int = 1):
    """A population after a step in which some read what makes them fail, and what they were before."""
    made = population(learner, rule, start)
    before = made.params
    content = diets(1, 5.0)
    content[list(bad)] = value
    for step in range(1, steps + 1):
        made.train(content if step == 1 else diets(step, 5.0), np.ones((N, B)), step)
    return made, before


@pytest.mark.parametrize("bad", [(0,), (2,), (4,), (0, 1, 4), (0, 1, 2, 3)])
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("rule", ["freeze", "reset"])
def test_the_others_become_what_they_would_have_become_to_the_last_bit(rule, tells, bad):
    made, before = fed(Breaking(tells=tells), rule, bad)
    sound, _ = fed(Breaking(tells=tells), rule, ())
    others = [i for i in range(N) if i not in bad]
    for name in before:
        assert np.array_equal(made.params[name][others], sound.params[name][others])
        assert np.array_equal(made.params[name][list(bad)], before[name][list(bad)])
        assert np.isfinite(made.params[name]).all()
    events = made.failing.taken()
    assert [(e.step, e.agent, e.kind) for e in events] == [(1, 10 + i, "diverged") for i in bad]
    assert made.failing.taken() == []


@pytest.mark.parametrize("start", ["scratch", "continue"])
def test_who_is_frozen_stays_so_and_who_begins_anew_learns_again(start):
    frozen, before = fed(Breaking(), "freeze", (1, 3), start=start, steps=3)
    anew, _ = fed(Breaking(), "reset", (1, 3), start=start, steps=3)
    sound, _ = fed(Breaking(), "freeze", (), start=start, steps=3)
    for name in before:
        assert np.array_equal(frozen.params[name][[1, 3]], before[name][[1, 3]])
        assert np.array_equal(anew.params[name], sound.params[name])
        assert np.array_equal(frozen.params[name][[0, 2, 4]], sound.params[name][[0, 2, 4]])
    assert (frozen.failing.frozen_n == [False, True, False, True, False]).all()
    assert not anew.failing.frozen_n.any()


def test_all_may_fail_at_once():
    made, before = fed(Breaking(), "freeze", tuple(range(N)))
    assert all(np.array_equal(made.params[name], before[name]) for name in before)
    assert len(made.failing.taken()) == N


@pytest.mark.parametrize("tells, says", [(True, "too far"), (False, "what it has become is not finite numbers")])
def test_to_stop_is_the_default_and_names_model_and_step(tells, says):
    assert Scenario.model_fields["on_divergence"].default == Population.on_divergence == divergence.STOP
    with pytest.raises(Diverged, match=f"^models.models: model 12 in step 1: {says}"):
        fed(Breaking(tells=tells), "stop", (2,))


@pytest.mark.parametrize("rule", ["freeze", "reset", "stop"])
def test_before_step_1_there_is_nothing_to_go_back_to(rule):
    with pytest.raises(Diverged, match="in step 0: too far"):
        population(Breaking(most=0.1), rule)


def test_a_learner_that_fails_wherever_it_is_asked_is_not_asked_for_ever():
    class Never(Breaking):
        def train(self, params, content, weight, rng):
            raise Diverged(1, "never")

    made, failed = trained(Never(), {"mean": np.zeros((3, 2))}, np.zeros((3, 4, 2)), np.ones((3, 4)), rng(3), True)
    assert failed.keys() == {0, 1, 2}
    assert (made["mean"] == 0).all()


def rng(n: int):
    return Streams(0).rows("train", 1, n)


def test_neural_models_beside_one_that_diverges_learn_as_if_it_did_not():
    """A vector beyond what float32 holds; `row_tolerance` is what batched products may differ by, and nothing does."""
    learner = Vae(latent=1, hidden=4, updates=3, batch=4, scale="none", learning_rate=0.01, clip=1e30)
    made, before = fed(learner, "freeze", (1,), value=np.nan, start="continue")
    sound, _ = fed(learner, "freeze", (), start="continue")
    others = [0, 2, 3, 4]
    assert [(e.agent, e.kind) for e in made.failing.taken()] == [(11, "diverged")]
    for name in before:
        assert np.array_equal(made.params[name][others], sound.params[name][others]), name
        assert np.array_equal(made.params[name][1], before[name][1]), name


def test_a_variance_that_is_lost_is_told_once_and_ends_nothing():
    made = population(Gaussian(), "stop")
    content = diets(1)
    content[2] = 7.0  # one document, again and again
    for step in (1, 2):
        made.train(content, np.ones((N, B)), step)
    assert [(e.step, e.agent, e.kind) for e in made.failing.taken()] == [(1, 12, "variance_lost")]
    content[2] = diets(1)[2]
    made.train(content, np.ones((N, B)), 3)
    content[2] = 0.0
    made.train(content, np.ones((N, B)), 4)
    assert [(e.step, e.agent) for e in made.failing.taken()] == [(4, 12)]


def without_variance(lost: str) -> tuple[Population, dict]:
    """A population of which model 12 has read one document again and again, and what it was after step 0."""
    made = population(Gaussian(), "stop", lost=lost)
    begun, content = made.params, diets(1)
    content[2] = 7.0
    made.train(content, np.ones((N, B)), 1)
    return made, begun


@pytest.mark.parametrize("lost", ["keep", "freeze", "reset"])
def test_what_becomes_of_a_model_without_variance_is_the_scenarios_choice(lost):
    (made, begun), (kept, _) = without_variance(lost), without_variance("keep")
    (event,) = made.failing.taken()
    assert (event.step, event.agent, event.kind) == (1, 12, "variance_lost")
    assert event.detail.endswith({"keep": "is left", "freeze": "from now on", "reset": "after step 0"}[lost])
    others = [0, 1, 3, 4]
    for name, array in made.params.items():
        assert np.array_equal(array[2], (begun if lost == "reset" else kept.params)[name][2]), name
        assert np.array_equal(array[others], kept.params[name][others]), name
    before = made.params
    made.train(diets(2), np.ones((N, B)), 2)
    assert np.array_equal(made.params["mean"][2], before["mean"][2]) == (lost == "freeze")
    assert not np.array_equal(made.params["mean"][1], before["mean"][1])
    assert made.failing.taken() == []


def test_a_run_can_be_ended_by_a_variance_that_is_lost():
    with pytest.raises(Diverged, match=r"model 12 in step 1: its documents are all one and the same"):
        without_variance("stop")


SCARCE = {
    "name": "scarce", "steps": 8, "seed": 1, "metrics": ["within_diversity"],
    "world": {"kind": "gaussian"},
    "humans": [{"name": "people", "rate": 0}],
    "models": [{"name": "m", "count": 6, "publish": 3, "read": 2, "learner": {"kind": "gaussian"}}],
    "graph": {"kind": "isolated", "self_loops": True}, "reading": {"replacement": True},
}  # fmt: skip


@pytest.mark.parametrize("lost", ["keep", "freeze", "reset"])
def test_a_world_goes_on_where_variance_is_lost(lost):
    """Two documents of which one may be drawn twice: half of the diets in every step have no variance."""
    spec = Scenario.from_file({**SCARCE, "on_variance_lost": lost})
    made, gone = Ecosystem(spec), []
    for _ in range(spec.steps):
        made.step()
        gone += [(e.step, e.agent) for e in made.frame.events if e.kind == "variance_lost"]
    assert gone
    assert (made.measured("within_diversity") == 0).any() == (lost != "reset")
    if lost == "reset":
        assert max(step for step, _ in gone) > min(step for step, _ in gone)
        assert (made.populations[0].depth_n[[agent for step, agent in gone if step == spec.steps]] == 0).all()
    check_resume(spec, at=4)


class Loud(Gaussian):
    """Writes what is no number from step 1 on."""

    def sample(self, params, k, rng):
        written = super().sample(params, k, rng)
        written[1, -1] = np.inf if int(rng.step) else 0.0
        return written


def test_what_is_no_number_is_not_published():
    with pytest.raises(Diverged, match="model 11 in step 1: what it writes is not finite numbers"):
        population(Loud(), "freeze").publish(1)


def scenario(rule: str) -> Scenario:
    """Model 3 reads what the shouting model 0 writes, some 1e6, and cannot."""
    return Scenario.from_file("rare_modes").with_(
        {
            "metrics": ["within_diversity", "human_share_read", "depth"],
            "models": [
                {"name": "shouts", "count": 1, "publish": 5, "read": 9, "learner": {"kind": f"{__name__}:Shouting"}},
                {"name": "reads", "count": 4, "publish": 5, "read": 9, "learner": {"kind": f"{__name__}:Breaking"}},
            ],
            "graph": {"kind": "ring"}, "steps": 6, "on_divergence": rule, "arms": {}, "claims": [], "collapse": None,
            "verifiers": [], "policies": [], "humans": [{"rate": 20}],
        }
    )  # fmt: skip


class Shouting(Gaussian):
    """Writes large numbers in step 3."""

    def sample(self, params, k, rng):
        return super().sample(params, k, rng) + 1e6 * (int(rng.step) == 3)


@pytest.mark.parametrize("rule", ["freeze", "reset"])
def test_in_a_world_it_stands_among_the_events_and_a_checkpoint_knows_it(rule):
    spec = scenario(rule)
    world, quiet = Ecosystem(spec), Ecosystem(spec.with_({"models.0.learner.kind": "gaussian"}))
    events = []
    for step in range(1, 7):
        world.step()
        quiet.step()
        events += world.frame.events
        same = world.populations[1].params["mean"] == quiet.populations[1].params["mean"]
        if step <= 3:  # model 3 reads model 4, which failed, only a step later
            assert same.all(axis=1).tolist() == [True, True, True, step < 3]
    assert [(e.step, e.agent, e.kind) for e in events if e.kind == "diverged"] == [(3, 4, "diverged")]
    reads = world.populations[1]
    if rule == "freeze":
        assert reads.failing.frozen_n.tolist() == [False, False, False, True]
    check_resume(spec)


def test_who_begins_anew_has_the_depth_of_people():
    world = Ecosystem(scenario("reset"))
    for _ in range(3):
        world.step()
    assert world.populations[1].depth_n[3] == 0
    assert world.populations[1].human_share_n[3] == 1
