"""Collapse by a stated definition: when a model counts as collapsed, and when not."""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem import metrics
from ecosystem.metrics import collapse
from ecosystem.model import Ecosystem
from ecosystem.scenario import Collapse, Community, Graph, Group, Scenario

K = 25


def models(learner: Categorical) -> Group:
    return Group(count=3, publish=9, read=9, learner=learner)


@pytest.mark.parametrize("name", collapse.DEFINITIONS)
def test_every_definition_of_collapse_is_of_a_metric_that_exists(name):
    rule = collapse.DEFINITIONS[name]
    assert callable(metrics.find(rule.metric))
    assert (rule.below is None) != (rule.above is None)
    assert collapse.definition(Collapse(definition=name)) == rule


def collapsing(rule: Collapse, seed: int = 0, **parts) -> tuple[np.ndarray, np.ndarray]:
    """The metric at step 0 and at every step, and who collapsed, of lonely models: (T, N) each."""
    metric = collapse.definition(rule).metric
    lonely = dict(
        world=Zipf(items=K), humans=(Community(rate=0),), models=(models(Categorical()),),
        graph=Graph(kind="isolated", self_loops=True),
    )  # fmt: skip
    world = Ecosystem(Scenario(steps=15, metrics=("collapsed", metric), collapse=rule, **(lonely | parts)), rng=seed)
    frames = [world.frame]
    for _ in range(15):
        world.step()
        frames.append(world.frame)
    return tuple(np.array([frame.agents[name] for frame in frames]) for name in (metric, "collapsed"))


@pytest.mark.parametrize("name", ["variance", "tail", "support", "entropy"])
def test_a_model_collapses_when_it_has_lost_the_stated_share_of_its_own(name):
    value, collapsed = collapsing(Collapse(definition=name))
    expected = value < collapse.DEFINITIONS[name].below * value[0]
    assert collapsed.tolist() == expected.astype(float).tolist()
    assert 0 < collapsed.mean() < 1
    assert not collapsed[0].any()


@pytest.mark.parametrize(("relative", "above"), [(True, 1.1), (False, 2.5)])
def test_a_model_collapses_when_a_measure_has_risen(relative, above):
    rule = Collapse(metric="human_divergence", above=above, relative=relative)
    value, collapsed = collapsing(rule, models=(models(Categorical(smoothing=0.01)),))
    assert collapsed.tolist() == (value > (above * value[0] if relative else above)).astype(float).tolist()
    assert 0 < collapsed.mean() < 1


def test_collapse_by_an_own_bound_and_by_a_figure_of_the_world():
    value, collapsed = collapsing(Collapse(metric="support", below=3, relative=False))
    assert collapsed.tolist() == (value < 3).astype(float).tolist()
    world = Ecosystem(Scenario(
        world=Zipf(items=K), models=(models(Categorical()),), metrics=("collapsed",),
        collapse=Collapse(metric="between_similarity", above=0.0, relative=False),
    ))  # fmt: skip
    assert world.frame.agents["collapsed"].tolist() == [1.0] * 3


def test_a_bound_on_a_negative_measure_moves_the_same_way():
    """Half of -2 nats is -3: the model has to lose as much as half of its size, not to gain."""
    first = np.array([4.0, -2.0, 0.0, np.inf, -np.inf])
    assert collapse._share_of(first, 0.5).tolist() == [2, -3, 0, np.inf, -np.inf]
    assert collapse._share_of(first, 1.5).tolist() == [6, -1, 0, np.inf, -np.inf]
