"""Where does a chance cross one half? Probabilistic bisection along one axis, by yes or no answers.

What is believed about the place and the width of the crossing is kept as weights on a grid (Bayes); each question is
asked near where the crossing is believed to lie, so that few are needed. The chance is taken to be a logistic curve of
the axis, up to a small share of answers that are wrong whatever the place. Horstein 1963, doi:10.1109/TIT.1963.1057832;
Kontsevich & Tyler 1999, doi:10.1016/S0042-6989(98)00285-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
PLACES, WIDTHS = 1201, 12
LAPSE = 0.01  # share of answers that say nothing
QUANTILES = (0.15, 0.85)  # of the belief, in turn: nearer to the middle says less about how wide the crossing is
ENDS = 2  # questions at either end, before anything else


@dataclass(frozen=True)
class Crossing:
    """Median of the belief about where the crossing lies and its central 95%, after so many questions.

    `rising`: does the chance rise along the axis? None: both ends answer alike, there is no crossing to be found.
    """

    estimate: float
    low: float
    high: float
    questions: int
    rising: bool | None

    @property
    def precision(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


class Search:
    """A search on [0, 1]: `ask` says where to look next, `tell` what was seen there."""

    def __init__(self) -> None:
        self.place_P = np.linspace(0.0, 1.0, PLACES)
        width_W = np.geomspace(1e-3, 0.2, WIDTHS)
        self._slope_W = 1 / width_W
        self._belief_PW = np.full((PLACES, WIDTHS), 1 / (PLACES * WIDTHS))
        self.questions = 0
        self._ends: list[bool] = []
        self.rising: bool | None = None

    @property
    def lost(self) -> bool:
        """Both ends have been asked, and answer alike (most of the answers)."""
        return len(self._ends) == 2 * ENDS and self.rising is None

    def ask(self) -> float:
        """Where to look next, 0 to 1: first at both ends, then near the crossing."""
        if self.questions < 2 * ENDS:
            return float(self.questions % 2)
        return self._quantile(QUANTILES[self.questions % 2])

    def tell(self, place: float, happened: bool) -> None:
        """What was seen at a place."""
        self.questions += 1
        if len(self._ends) < 2 * ENDS:
            self._ends.append(bool(happened))
            if len(self._ends) == 2 * ENDS:
                low, high = sum(self._ends[0::2]), sum(self._ends[1::2])
                self.rising = None if low == high else high > low
                for i, seen in enumerate(self._ends):
                    self._learn(float(i % 2), seen)
            return
        self._learn(place, happened)

    def found(self) -> Crossing:
        """What is believed now."""
        tail = (1 - LEVEL) / 2
        low, middle, high = (self._quantile(q) for q in (tail, 0.5, 1 - tail))
        return Crossing(middle, low, high, self.questions, self.rising)

    def chance(self, place: float) -> float:
        """How likely the event is believed to be at a place."""
        chance = float((self._belief_PW * self._chance_PW(place)).sum())
        return 1 - chance if self.rising is False else chance

    def _chance_PW(self, place: float) -> np.ndarray:
        """The chance there for every crossing and width, were it rising."""
        with np.errstate(over="ignore"):
            chance_PW = 1 / (1 + np.exp(-(place - self.place_P[:, None]) * self._slope_W))
        return LAPSE / 2 + (1 - LAPSE) * chance_PW

    def _learn(self, place: float, happened: bool) -> None:
        if self.rising is None:
            return
        chance_PW = self._chance_PW(place)
        self._belief_PW *= chance_PW if happened == self.rising else 1 - chance_PW
        self._belief_PW /= self._belief_PW.sum()

    def _quantile(self, share: float) -> float:
        """Between two places of the grid the belief is spread evenly."""
        total_P = np.cumsum(self._belief_PW.sum(1))
        return float(np.interp(share, total_P, self.place_P))


def search(happens: Callable[[float, int], bool], precision: float, most: int) -> Crossing:
    """Asks happens(place, question number) until the interval is at most +- precision, or `most` questions are asked.

    Places run from 0 to 1. The answers must be independent of each other.
    """
    looking = Search()
    while looking.questions < most and not looking.lost:
        place = looking.ask()
        looking.tell(place, happens(place, looking.questions))
        if looking.rising is not None and looking.found().precision <= precision:
            break
    return looking.found()
