"""The whole state of a world between two steps, as JSON and arrays, and a world that goes on from it.

What a class lists in `STATE` changes while a world runs and is kept; all else of a world follows from its scenario, its
seed and its data, and is made anew. Random numbers are counted, not drawn in a row (`ecosystem.streams`), so they have
no state. A world that goes on is equal, to the last bit, to one that never stopped: `ecosystem.checks.check_resume`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem import stored
from ecosystem.descent import Lineage
from ecosystem.documents import Answered, Documents, Keep
from ecosystem.errors import InputError
from ecosystem.frame import Entry, Event, Frame, Judgements, Worked
from ecosystem.marks import Mark
from ecosystem.policy import Controls
from ecosystem.recollection import Recollection
from ecosystem.verification.tally import Tally

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem

CLASSES = (
    Answered, Controls, Documents, Entry, Event, Frame, Judgements, Keep, Lineage, Mark, Recollection, Tally, Worked,
)  # fmt: skip
OWN = ("t", "steps", "frame", "_first")  # of the world itself; `steps` is Mesa's clock


@dataclass(frozen=True)
class State:
    """A world after step `t`. told: JSON; arrays: what it holds of arrays, by name."""

    t: int
    told: dict[str, Any]
    arrays: dict[str, np.ndarray]


def state_of(world: Ecosystem) -> State:
    """The state of a world between two steps; `stored.NotStorable` where a component keeps what cannot be stored."""
    storing = stored.Storing(CLASSES, _fixed(world))
    told = {name: storing.of(_state(owner), name) for name, owner in owners(world)}
    told["world"] = storing.of({name: _plain(getattr(world, name)) for name in OWN}, "world")
    told["mesa"] = storing.of(_mesa(world), "mesa")
    return State(world.t, told | {"network": network_digest(world)}, storing.arrays)


def restore(world: Ecosystem, state: State) -> None:
    """Gives a world that is made, but has not begun, the state of another; InputError where it is of another world."""
    told = dict(state.told)
    if told.pop("network", None) != network_digest(world):
        raise InputError("The reading graph is not the one that this checkpoint is of.")
    try:
        values = {
            name: stored.restored(node, state.arrays, CLASSES, _fixed(world)) for name, node in told.items()
        }  # fmt: skip
        for name, value in values.pop("world").items():
            setattr(world, name, value)
        _restore_mesa(world, values.pop("mesa"))
        _steer(world, values["steering"]["now"])
        for name, owner in owners(world):
            _restore(owner, values[name])
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"The checkpoint is not of this scenario, or damaged: {error!r}.") from error


def owners(world: Ecosystem) -> Iterator[tuple[str, Any]]:
    """All that changes in a world beside itself, by names: objects whose class has a `STATE`."""
    yield "corpus", world.corpus
    yield "humans", world.humans
    yield "follows", world.follows
    yield "gates", world.gates
    yield "reading_gate", world.gates.reading
    for name, desk in world.gates.desks.items():
        yield f"verifiers.{name}", desk
        yield f"verifiers.{name}.sight", desk.sight
    yield "steering", world.steering
    yield "news", world.steering.news
    yield "drawing", world.drawing
    yield "notes", world.notes
    for population in world.populations:
        yield f"models.{population.group.name}", population
        yield f"models.{population.group.name}.failing", population.failing
    if world.answering is not None:
        yield "answering", world.answering
        yield "experience", world.answering.experience
    if world.spread is not None:
        yield "spread", world.spread
    if world.claims_read is not None:
        yield "claims_read", world.claims_read


def network_digest(world: Ecosystem) -> str:
    """SHA-256 of who reads whom, by what weight."""
    net, total = world.network, hashlib.sha256()
    for array in (net.begin_N, net.end_N, net.skip_N, net.author_E, net.weight_E):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _state(owner: Any) -> dict[str, Any]:
    own = getattr(owner, "stored_state", None)
    return own() if own is not None else {name: getattr(owner, name) for name in owner.STATE}


def _restore(owner: Any, state: dict[str, Any]) -> None:
    if hasattr(owner, "restore_state"):
        owner.restore_state(state)
        return
    if set(state) != set(owner.STATE):
        raise ValueError(f"{type(owner).__name__} has {', '.join(owner.STATE)}; got {', '.join(state)}")
    for name, value in state.items():
        now = getattr(owner, name)
        if isinstance(now, np.ndarray) and now.shape == value.shape and now.flags.writeable:
            now[...] = value  # others may look at the same array
        else:
            setattr(owner, name, value)


def _fixed(world: Ecosystem) -> dict[str, Any]:
    return {"grammar": world.shape.grammar}


def _plain(value: Any) -> Any:
    """A frame without what is in the record already."""
    if isinstance(value, Frame):
        return replace(value, pairs=None, events=(), documents=(), answers=None, judgements=(), questions=())
    return value


def _steer(world: Ecosystem, now: Controls) -> None:
    """Verifiers are what policies have made of them."""
    world.gates.steer(now.coverage, now.capacity, now.settings)


def _mesa(world: Ecosystem) -> dict[str, Any]:
    """Random numbers that Mesa offers to agents of one's own, and what its collector has collected."""
    bits = world.rng.bit_generator.state
    return {"rng": bits, "random": world.random.getstate(), "collected": world.datacollector.model_vars}


def _restore_mesa(world: Ecosystem, state: dict[str, Any]) -> None:
    world.rng.bit_generator.state = state["rng"]
    world.random.setstate(state["random"])
    world.datacollector.model_vars = state["collected"]
