"""Every scenario that comes with the project runs, and is complete: question, arms or claims, sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.neural.learner import NeuralLearner
from ecosystem import Ecosystem, Scenario
from ecosystem.components import kind_of
from ecosystem.files import scenario_file


def hurried(spec: Scenario) -> Scenario:
    """Networks are trained for five updates a fit: what is tested is that everything goes together."""
    neural = [g.name for g in spec.models if isinstance(g.learner, NeuralLearner)]
    return spec.with_({f"models.{name}.learner.updates": 5 for name in neural})


def with_data(spec: Scenario, request) -> Scenario:
    """Data that are not shipped lie in a folder of their own; without them the test is left out."""
    if kind_of(spec.world) == "digits":
        pytest.importorskip("sklearn", reason="scikit-learn brings the digits")
    if kind_of(spec.world) == "facts_file":
        folder = request.getfixturevalue("shared_data") / "facts"
        names = {key: Path(getattr(spec.world, key)).name for key in ("path", "passages_path")}
        return spec.with_({f"world.{key}": str(folder / name) for key, name in names.items()})
    return spec


@pytest.mark.parametrize("name", scenario_file.names())
def test_a_scenario_runs_in_every_arm(name, request):
    spec = with_data(Scenario.from_file(name), request)
    for arm in ("base", *spec.arms):
        world = Ecosystem(hurried(spec.arm(arm).with_(steps=2)))
        world.step()
        world.step()
        assert world.frame.t == 2
        assert world.frame.values


@pytest.mark.parametrize("name", scenario_file.names())
def test_a_scenario_asks_something_and_says_why_it_expects_what_it_expects(name):
    spec = Scenario.from_file(name)
    assert spec.question.endswith("?")
    assert spec.claims
    assert all(claim.source for claim in spec.claims)
