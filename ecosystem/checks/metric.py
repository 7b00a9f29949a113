"""The rules that every metric keeps, one function each, named for its rule; `RULES` lists them.

Each takes a metric and a small world after its first step, and raises CheckFailed with one sentence.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from ecosystem import components
from ecosystem.answering.rules import Questions
from ecosystem.checks.trial import CheckFailed, first_difference
from ecosystem.interfaces import Learner
from ecosystem.measuring import Measuring, Prompts
from ecosystem.model import Ecosystem
from ecosystem.scenario import Collapse, Community, Graph, Group, Scenario

WORLDS = {
    "items": ("zipf", "categorical", {"items": 30}),
    "vectors": ("mixture", "gaussian", {}),
    "pairs": ("regression", "linear", {}),
    "tokens": ("text", "ngram", {}),
    "claims": ("facts", "belief", {"subjects": 30, "places": 4}),
}
Metric = Callable[[Ecosystem], Any]


def small_world(kind: str) -> Ecosystem:
    """Three models that read each other and humans, after one step."""
    world, learner, keys = WORLDS[kind]
    spec = Scenario(
        name="check",
        steps=2,
        metrics=_followed(kind),
        world=components.find("humans", world)(**keys),
        humans=_people(kind),
        models=_models(kind, cast(Learner, components.find("learners", learner)())),
        graph=Graph(kind="complete", self_loops=True),
        collapse=Collapse(metric="within_diversity", below=0.5),
        measure=Measuring(prompts=Prompts(count=3, answers=2, every=1) if kind == "tokens" else None),
    )
    made = Ecosystem(spec, rng=0)
    made.step()
    return made


def _followed(kind: str) -> tuple[str, ...]:
    """Metrics of what is counted from step 0 on, where it is asked for."""
    return ("arrival", "alike_arrival", *(["false_share_read"] if kind == "claims" else []))


def _people(kind: str) -> tuple[Community, ...]:
    """People and, where documents make claims, some who make one false claim only."""
    rumour = Community(name="rumour", rate=5, writes={"only": [0, 0], "error": 1.0, "misled": 1.0})
    return (Community(rate=20), rumour) if kind == "claims" else (Community(rate=20),)


def _models(kind: str, learner: Learner) -> tuple[Group, ...]:
    """Three models; where documents make claims, two that answer questions and one that writes freely."""
    if kind != "claims":
        return (Group(count=3, publish=10, read=20, learner=learner),)
    asked = Group(name="asked", count=2, publish=10, read=20, learner=learner, questions=Questions())
    return (asked, Group(name="free", count=1, publish=10, read=20, learner=learner))


def is_a_number_or_one_for_each_model(metric: Metric, world: Ecosystem) -> None:
    """A metric is one number, or an (N,) array of numbers; NaN and infinity are allowed."""
    value = np.asarray(metric(world))
    if value.shape not in ((), (world.n,)):
        raise CheckFailed(
            f"{name_of(metric)} must give a number or one for each of {world.n} models; got {value.shape}."
        )
    if value.dtype.kind not in "fiub":
        raise CheckFailed(f"{name_of(metric)} must give numbers; got {value.dtype}.")


def looking_twice_shows_the_same(metric: Metric, world: Ecosystem) -> None:
    """Nothing but the world matters: no global random numbers, no memory."""
    if first_difference({"value": np.asarray(metric(world))}, {"value": np.asarray(metric(world))}):
        raise CheckFailed(f"{name_of(metric)} must give the same when it looks at the same world twice.")


def looking_changes_nothing(metric: Metric, world: Ecosystem) -> None:
    """A metric leaves the models and the web as they are."""
    models = [copy.deepcopy(p.params) for p in world.populations]
    web = world.corpus.documents(world.t)
    metric(world)
    after = world.corpus.documents(world.t)
    for population, before in zip(world.populations, models, strict=True):
        if first_difference(before, population.params):
            raise CheckFailed(f"{name_of(metric)} must not change the models.")
    if first_difference(vars(web), vars(after)):
        raise CheckFailed(f"{name_of(metric)} must not change what is on the web.")


def name_of(metric: Metric) -> str:
    """The metric's name, also where a community was filled in."""
    return getattr(getattr(metric, "func", metric), "__name__", repr(metric))


RULES = (is_a_number_or_one_for_each_model, looking_twice_shows_the_same, looking_changes_nothing)
