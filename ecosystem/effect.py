"""What a claim says of a number: "> 0", "< 0.5" or "= 0.5 +- 0.05", and what an interval says of that."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

SIZE = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
EFFECT = re.compile(rf"\s*(?:([<>])\s*([-+]?{SIZE})|=\s*([-+]?{SIZE})\s*(?:\+-|±)\s*({SIZE}))\s*")
Outcome = Literal["held", "failed", "undecided"]


@dataclass(frozen=True)
class Effect:
    """Where a number is claimed to lie: strictly above low and strictly below high (or within both, `closed`)."""

    low: float
    high: float
    closed: bool = False

    def outcome(self, low: float, high: float) -> Outcome:
        """What an interval low .. high says; NaN says nothing."""
        if self.closed:
            within, outside = low >= self.low and high <= self.high, low > self.high or high < self.low
        else:
            within = (low > self.low or self.low == -math.inf) and (high < self.high or self.high == math.inf)
            outside = low >= self.high or high <= self.low
        return "held" if within else "failed" if outside else "undecided"


def parse_effect(text: str) -> Effect:
    """'> 0', '< 0.5' or '= 0.5 +- 0.05'; ValueError for anything else."""
    match = EFFECT.fullmatch(text)
    if match is None:
        raise ValueError(f'must be "> x", "< x" or "= x +- margin"; got {text!r}')
    side, bound, target, margin = match.groups()
    if side:
        return Effect(float(bound), math.inf) if side == ">" else Effect(-math.inf, float(bound))
    return Effect(float(target) - float(margin), float(target) + float(margin), closed=True)
