"""Vector learners and worlds in a whole ecosystem: they run on any web, and the laws of single models hold there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.mixture import Mixture as MixtureWorld
from agents.humans.regression import Regression
from agents.learners.gaussian import Gaussian
from agents.learners.kde import Kde
from agents.learners.linear import Linear
from agents.learners.mixture import Mixture
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Retention, Scenario
from tests.chance import mean_is

METRICS = ("within_diversity", "between_similarity", "human_divergence", "human_share_read")


def run(steps, seed=0, **keys):
    world = Ecosystem(Scenario(steps=steps, **{"metrics": METRICS} | keys), rng=seed)
    events = []
    for _ in range(steps):
        world.step()
        events += world.frame.events
    return world, events


@pytest.mark.parametrize("learner", [Gaussian(), Gaussian(ddof=1), Mixture(), Kde(), Kde(bandwidth=0.5)], ids=repr)
@pytest.mark.parametrize("start", ["scratch", "continue"])
@pytest.mark.parametrize("keep", ["step", "all"])
def test_every_learner_of_vectors_runs_on_a_web_with_unfed_models(learner, start, keep):
    """Of five models in a sparse random graph some read no one; two communities, one of which reaches only model 0."""
    groups = [Group(name=n, count=5, publish=8, read=20, start=start, learner=learner) for n in ("a", "b")]
    world, events = run(
        3,
        world=MixtureWorld(),
        humans=(Community(name="all", rate=0), Community(name="some", rate=3, reach=(0,), writes={"rare_weight": 0.1})),
        models=tuple(groups),
        graph=Graph(kind="random", density=0.15),
        corpus=Retention(keep=keep),
        reading=Reading(replacement=keep == "step"),
    )
    assert any(e.kind == "unfed" for e in events)
    assert np.isfinite(world.frame.agents["within_diversity"]).all()


def test_models_of_different_kinds_share_a_web_of_vectors():
    groups = [
        Group(name=n, count=3, publish=20, read=50, learner=learner)
        for n, learner in (("g", Gaussian()), ("m", Mixture()), ("k", Kde()))
    ]
    world, _ = run(
        3, world=MixtureWorld(), humans=(Community(rate=30),), models=tuple(groups), graph=Graph(self_loops=True)
    )
    assert (world.frame.agents["human_share_read"] > 0).all()
    within = world.frame.agents["within_diversity"]
    assert ((within > 5) & (within < 100)).all(), "the world's is 32"


def test_log_variance_of_lonely_models_falls_as_the_law_says():
    """Law 1 in 1,500 models that read only themselves. False alarm 1e-6; one step more is rejected."""
    n, steps = 8, 4
    world, _ = run(
        steps,
        world=GaussianWorld(deviation=3),
        humans=(Community(rate=0),),
        models=(Group(count=1500, publish=n, read=n, learner=Gaussian()),),
        graph=Graph(kind="isolated", self_loops=True),
        reading=Reading(replacement=False),
    )
    log_v = np.log(world.frame.agents["within_diversity"] / 9)
    rate = digamma((n - 1) / 2) + np.log(2 / n)
    assert mean_is(log_v, (steps + 1) * rate)
    assert not mean_is(log_v, (steps + 2) * rate)


@pytest.mark.parametrize("accumulate", [False, True])
def test_lonely_regressions_keep_law_8_through_the_whole_world(accumulate):
    """Replace: error grows by k; accumulate: by sum 1/i^2. False alarm 1e-6; each rejects the other's law."""
    t_rows, d, steps = 15, 2, 4
    world, _ = run(
        steps,
        world=Regression(features=d, coefficients=(2, -1)),
        humans=(Community(rate=0),),
        models=(
            Group(
                count=1500,
                publish=t_rows,
                read="all",
                pretrain=t_rows,
                archive=accumulate,
                start="continue",
                learner=Linear(noise=1.0),
            ),
        ),
        graph=Graph(kind="isolated", self_loops=True),
        reading=Reading(replacement=False),
        corpus=Retention(keep="all" if accumulate else "step"),
    )
    error = ((world.populations[0].params["coefficients"] - [2, -1]) ** 2).sum(axis=1)
    first, k = d / (t_rows - d - 1), steps + 1
    replaced, accumulated = first * k, first * (1 / np.arange(1, k + 1) ** 2).sum()
    assert mean_is(error, accumulated if accumulate else replaced)
    assert not mean_is(error, replaced if accumulate else accumulated)
