"""Amounts that experiments turn up: checked numbers, and so many human documents a step put into a scenario."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.errors import InputError, did_you_mean
from ecosystem.files.allowed import shown

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


def numbers_of(given: Sequence[Any], what: str, least: int, low: float = -math.inf, whole: bool = False) -> np.ndarray:
    """The numbers, rising, each once; InputError where one is none, below `low`, or there are fewer than `least`."""
    kind = "whole numbers" if whole else "numbers"
    bound = f" from {low:g}" if math.isfinite(low) else ""
    for value in given:
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not right or value < low or (whole and value != int(value)):
            raise InputError(f"{what}: must be {kind}{bound}; got {shown(value)}")
    found = np.unique(np.asarray(given, float))
    if len(found) < least:
        raise InputError(f"{what}: at least {least} different values; got {shown(list(given))}")
    return found


def at_rate(spec: Scenario, rate: int, community: str | None = None) -> dict[str, Any]:
    """Changes that make people write so many documents a step from step 1 on: one community, or all together.

    All share them as they share writing at step 0, to the nearest document. Step 0 stays: models are pretrained alike.
    """
    names = [c.name for c in spec.humans]
    if community is not None and community not in names:
        raise InputError(
            f"community: must be one of {', '.join(names)}{did_you_mean(community, names)}; got {community!r}"
        )
    chosen = [c for c in spec.humans if community in (None, c.name)]
    own = np.array([c.rate_at(0) for c in chosen], float)
    ends = np.cumsum(own / own.sum() if own.any() else np.full(len(own), 1 / len(own)))
    parts = np.diff(np.rint(rate * ends).astype(int), prepend=0)
    return {f"humans.{c.name}.rate": [[0, c.rate_at(0)], [1, int(part)]] for c, part in zip(chosen, parts, strict=True)}
