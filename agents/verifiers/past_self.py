"""A model's own past self as judge of what it writes today."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from agents.verifiers._opinion import Opinion, asked
from ecosystem.interfaces import Params
from ecosystem.verifier import Sight, Submitted


class PastSelf(Opinion):
    """Lets through what the author itself believed some steps ago; before reading, what the reader did.

    The past self knows what the model has forgotten since, and nothing else: it is an anchor as far as it learned from
    other documents than today's self. With `age: 0` it is the current self, which adds nothing to what it judges.

    State: for each step that is still needed the parameters of all models after it, under "step\\0group\\0name".
    """

    personal: ClassVar[bool] = True

    age: int | None = Field(
        None, ge=0, description="Steps back from the author's present state; default: as it was after pretraining."
    )

    def open(self, sight: Sight) -> Params:
        return _of_step(max(sight.step - 1, 0), sight.snapshot())

    def remember(self, state: Params, seen: Submitted, sight: Sight) -> Params:
        """Keeps today's selves too, and drops those that no step to come will ask for."""
        if self.age is None:
            return state
        now, held = sight.step - 1, _steps(state)
        needed = _newest(held, now - self.age)  # still asked for in this step, by groups whose turn is to come
        kept = {key: array for key, array in state.items() if _step(key) >= needed}
        return kept if now in held or now < 0 else kept | _of_step(now, sight.snapshot())

    def opinion(self, state: Params, seen: Submitted, fact_MC: np.ndarray, sight: Sight) -> np.ndarray:
        earlier = None
        if self.age != 0:
            wanted = _newest(_steps(state), 0 if self.age is None else sight.step - 1 - self.age)
            earlier = {key.partition("\0")[2]: array for key, array in state.items() if _step(key) == wanted}
        return asked(seen.judge_of_own[:, None], fact_MC, sight, earlier)


def _of_step(step: int, params: Params) -> Params:
    return {f"{step}\0{name}": array for name, array in params.items()}


def _step(key: str) -> int:
    return int(key.partition("\0")[0])


def _steps(state: Params) -> set[int]:
    return {_step(key) for key in state}


def _newest(held: set[int], wanted: int) -> int:
    """The newest step held that is no later than the one wanted, else the first."""
    return max((step for step in held if step <= wanted), default=min(held))
