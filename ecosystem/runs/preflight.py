"""Do all arms fit a world? Asked before the first run, so that wrong input leaves nothing half done behind.

The first arm is tried by its own run. Of the others only what differs is opened: graph files, text files, learners that
do not read what the world writes. Learners that are quickly fitted are tried, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager, nullcontext

from ecosystem.components import kind_of
from ecosystem.errors import InputError
from ecosystem.interfaces import Learner
from ecosystem.runs.wording import listed
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams


def check(spec: Scenario, arms: Sequence[str], here: bool = True) -> None:
    """InputError where an arm after the first differs from it by something that cannot be. `here`: will its models be
    in this process?"""
    first = spec.arm(arms[0])
    for name in arms[1:]:
        arm = spec.arm(name)
        with naming_arm(name):
            if (arm.graph, arm.agents) != (first.graph, first.agents):
                _graph(arm)
            if _written(arm) != _written(first):
                _world(arm, here)


def large(spec: Scenario, arms: Sequence[str], jobs: int = 1) -> list[str]:
    """What large models will hold in memory, a line a group; InputError where `jobs` runs at once hold too much."""
    lines: dict[str, str] = {}
    for name in arms:
        arm = spec.arm(name)
        if not _states_memory(arm):
            continue
        with naming_arm(name) if name != arms[0] else nullcontext():
            told = _told(arm, jobs)
        lines |= {line: "" if name == arms[0] else f"arms.{name}: " for line in told if line not in lines}
    return [of + line for line, of in lines.items()]


def idle(spec: Scenario, arms: Sequence[str]) -> list[str]:
    """A line for each verifier that judges answers where no model of an arm answers anything."""
    lines: dict[str, list[str]] = {}
    for name in arms:
        arm = spec.arm(name)
        if not any(group.questions for group in arm.models):
            for verifier in arm.verifiers:
                if verifier.of_answers:
                    lines.setdefault(f"verifiers.{verifier.name} ({kind_of(verifier)})", []).append(name)
    why = "judges answers, and no group of models has `questions`: everything passes it"
    return [f"{which} {why}{'' if len(of) == len(arms) else f' (in {listed(of)})'}." for which, of in lines.items()]


def _told(spec: Scenario, jobs: int) -> list[str]:
    from ecosystem import fits, memory

    writers = spec.world.open(spec.human_sources)
    fits.check(spec, writers)
    found = memory.needs(spec, writers[0].shape)
    memory.check(found, jobs)
    return [str(need) for need in found if need.models > memory.LARGE]


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
    return spec.world, writes, learners, spec.metrics, spec.collapse, spec.measure


def _states_memory(spec: Scenario) -> bool:
    """Are there learners that say what memory they need? They are slow to fit, too."""
    return any(type(group.learner).memory is not Learner.memory for group in spec.models)


def _world(spec: Scenario, here: bool) -> None:
    from ecosystem import fits
    from ecosystem.model import Ecosystem

    if not here:
        fits.check(spec, spec.world.open(spec.human_sources), lambda *_: [])
    elif _states_memory(spec):
        fits.check(spec, spec.world.open(spec.human_sources))
    else:
        Ecosystem(spec.model_copy(update={"steps": 0}))
