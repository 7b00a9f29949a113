"""The contract of everything that changes in a world: stopped and resumed it goes on as if it had never stopped."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ecosystem.checkpoint import State, state_of
from ecosystem.checks.trial import CheckFailed
from ecosystem.runs import checkpoints

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


def check_resume(spec: Scenario, at: int = 1) -> None:
    """CheckFailed unless a world that stops after step `at`, and is read back from the disk, ends as one that never
    stopped: every parameter, document, verdict, tally and measure equal to the last bit.

    `spec` needs more steps than `at`. Of outside code the state is its `Params`: arrays of numbers or truth values.
    """
    from ecosystem.model import Ecosystem

    if not 0 <= at < spec.steps:
        raise ValueError(f"at must be from 0 to {spec.steps - 1}, before the scenario's last step. Got {at}.")
    straight = Ecosystem(spec)
    while straight.t < at:
        straight.step()
    with tempfile.TemporaryDirectory() as folder:
        _, state = checkpoints.read(checkpoints.write(Path(folder), straight, {}))
    resumed = Ecosystem(spec, state=state)
    _check_same(state_of(straight), state_of(resumed), "as it was read back")
    while straight.t < spec.steps:
        straight.step()
        resumed.step()
        _check_same(state_of(straight), state_of(resumed), f"after step {straight.t}")


def _check_same(one: State, other: State, when: str) -> None:
    for owner in one.told:
        here, there = (json.dumps(_shown(state, state.told.get(owner))) for state in (one, other))
        if here != there:
            raise CheckFailed(f"{owner} is another in the world that was stopped and resumed, {when}.")
    if one.told.keys() != other.told.keys():
        raise CheckFailed(f"The world that was stopped and resumed has other parts, {when}.")


def _shown(state: State, node):
    """The JSON of a state with the bytes of arrays in place of their names."""
    if isinstance(node, dict) and set(node) == {"array"}:
        array = state.arrays[node["array"]]
        return [array.dtype.name, array.shape, array.tobytes().hex()]
    if isinstance(node, dict):
        return {key: _shown(state, inner) for key, inner in node.items()}
    return [_shown(state, inner) for inner in node] if isinstance(node, list) else node
