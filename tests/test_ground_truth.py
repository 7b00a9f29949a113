"""Ground truth is fenced off: nothing that a learner is handed leads to human distributions or held-out documents."""

from __future__ import annotations

import gc
import types

import numpy as np
import pytest

from agents.learners.categorical import Categorical
from ecosystem import Ecosystem
from ecosystem.humans import Humans
from ecosystem.interfaces import Learner, Writer
from ecosystem.reference import Reference
from ecosystem.scenario import Group
from ecosystem.truth import Truth

TRUTH = (Writer, Humans, Reference, Ecosystem, Truth)
ELSEWHERE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.FrameType)


def leads_to_truth(*handed) -> bool:
    """Can an object that holds ground truth be reached from these, by following references (code left aside)?"""
    queue, seen = list(handed), set()
    while queue:
        here = queue.pop()
        if id(here) in seen or isinstance(here, ELSEWHERE):
            continue
        seen.add(id(here))
        if isinstance(here, TRUTH):
            return True
        queue.extend(gc.get_referents(here))
    return False


class Watched(Categorical):
    """Keeps what its methods are handed."""

    handed: list = []

    def train(self, params, content, weight, rng):
        self.handed.append((params, content, weight, rng))
        return super().train(params, content, weight, rng)

    def sample(self, params, k, rng):
        self.handed.append((params, k, rng))
        return super().sample(params, k, rng)


def test_nothing_a_learner_is_handed_leads_to_ground_truth(small_world):
    learner = Watched()
    world = Ecosystem(small_world(models=(Group(name="models", count=5, publish=7, read=9, learner=learner),)))
    world.step()
    given = world.populations[0].group.learner
    assert len(given.handed) >= 3
    assert not any(leads_to_truth(given, *each) for each in given.handed)


def test_a_learner_that_was_given_the_truth_is_found_out(small_world):
    """The negative control."""
    world = Ecosystem(small_world())
    assert leads_to_truth({"hidden": [world.reference]})
    assert leads_to_truth(world.populations, world.humans)


def test_learners_take_no_argument_that_could_hold_it():
    taken = {"init": "n shape rng", "train": "params content weight rng", "sample": "params k rng"}
    for method, names in taken.items():
        code = getattr(Learner, method).__code__
        assert code.co_varnames[1 : code.co_argcount] == tuple(names.split())


@pytest.mark.parametrize("step", [0, 1])
def test_held_out_and_reference_documents_come_from_streams_of_their_own(small_world, step):
    world = Ecosystem(small_world())
    before = np.array(world.reference.sample)
    for _ in range(step):
        world.step()
    np.testing.assert_array_equal(world.reference.sample, before)
