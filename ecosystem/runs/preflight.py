"""Do all arms fit a world? Asked before the first run, so that wrong input leaves nothing half done behind.

The first arm is tried by its own run. Of the others only what differs is opened: graph files, text files, learners that
do not read what the world writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager

from ecosystem.errors import InputError
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams


def check(spec: Scenario, arms: Sequence[str]) -> None:
    """InputError where an arm after the first differs from it by something that cannot be."""
    first = spec.arm(arms[0])
    for name in arms[1:]:
        arm = spec.arm(name)
        with naming_arm(name):
            if (arm.graph, arm.agents) != (first.graph, first.agents):
                _graph(arm)
            if _written(arm) != _written(first):
                _world(arm)


@contextmanager
def naming_arm(name: str):
    """Says of every mistake in which arm it is."""
    try:
        yield
    except InputError as error:
        raise InputError([f"arms.{name}: {line}" for line in error.lines]) from error


def _graph(spec: Scenario) -> None:
    from ecosystem import network

    network.build(spec.graph, spec.agents, Streams(spec.seed).get("graph"))


def _written(spec: Scenario) -> tuple:
    """What decides whether world, learners and measures go together."""
    writes, learners = [c.writes for c in spec.humans], [group.learner for group in spec.models]
    return spec.world, writes, learners, spec.metrics, spec.collapse


def _world(spec: Scenario) -> None:
    from ecosystem.model import Ecosystem

    Ecosystem(spec.model_copy(update={"steps": 0}))
