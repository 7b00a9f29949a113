"""A fit that fails: noticed, named, and kept from everyone else; `on_divergence` of a scenario says what happens next.

So does `on_variance_lost` of a model whose documents all have become the same. A fit has failed where the learner says
so (`Diverged`), or where what it gives is not finite numbers. Letters: n models of a group, or of those of it that are
fitted; b documents read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ecosystem.documents import DocumentShape
from ecosystem.frame import Event
from ecosystem.interfaces import Diverged, Learner, Params
from ecosystem.streams import Draws
from ecosystem.travel import Translated

STOP, FREEZE, RESET, KEEP = "stop", "freeze", "reset", "keep"
ANEW = "it begins anew from what it was after step 0"
NEXT = {FREEZE: "it stays what it was from now on", RESET: ANEW}
NEXT_WITHOUT_SPREAD = {KEEP: "", FREEZE: "; it stays what it is from now on", RESET: f"; {ANEW}"}


def trained(
    learner: Learner | Translated, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws, goes_on: bool
) -> tuple[Params, dict[int, str]]:
    """What a learner makes of content (n, b, *x), and by row why a fit has failed (what it gives there is nothing).

    A learner that says so gives nothing at all. Where the run `goes_on` it is asked again with a copy of a sound model
    in the place of those that failed: the others then stand among as many as before, and become what they would have
    become, to the last bit.
    """
    place, failed = np.arange(len(content)), _unreadable(content, weight)
    if failed and not goes_on:
        return params, failed
    while True:
        if failed:
            sound = np.setdiff1d(np.arange(len(content)), list(failed))
            if not len(sound):
                return params, failed
            place = np.where(np.isin(np.arange(len(content)), list(failed)), sound[0], np.arange(len(content)))
        try:
            if not failed:
                made = learner.train(params, content, weight, rng.take(place))
            else:
                copied = {name: array[place] for name, array in params.items()}
                made = learner.train(copied, content[place], weight[place], rng.take(place))
            return made, _not_finite(made) | failed
        except Diverged as error:
            new = {int(place[row]) for row in error.rows} - set(failed)
            if not new:
                raise
            failed |= dict.fromkeys(sorted(new), error.detail)
            if not goes_on:
                return params, failed


def finite(array: np.ndarray) -> bool:
    """Are all numbers finite? A sum tells it in one go; it may overflow, then it is not believed."""
    if array.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())


def _unreadable(content: np.ndarray, weight: np.ndarray) -> dict[int, str]:
    """Models whose diets hold what is no number; what has weight 0 may hold anything."""
    if finite(content):
        return {}
    wrong_nb = ~np.isfinite(content).reshape(*weight.shape, -1).all(axis=2) & (weight > 0)
    return dict.fromkeys(np.flatnonzero(wrong_nb.any(axis=1)).tolist(), "what it read is not finite numbers")


def _not_finite(params: Params) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, array in params.items():
        if not finite(array):
            for row in np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1)):
                found.setdefault(int(row), f"what it has become is not finite numbers ('{name}')")
    return found


def without_spread(learner: Learner | Translated, params: Params, shape: DocumentShape) -> np.ndarray | None:
    """(n,) bool: whose vectors all are one and the same in double precision; None where that is not known exactly."""
    moments = learner.moments(params) if shape.kind == "vectors" else None
    if moments is None:
        return None
    variance_n = np.trace(moments.covariance_NDD, axis1=1, axis2=2)
    return variance_n <= np.finfo(float).eps ** 2 * (moments.mean_ND**2).sum(axis=1)


@dataclass
class Failing:
    """What becomes of the models of a group (numbers first .. first + n - 1 of the world) whose fits fail (`rule`), or
    whose documents all become the same (`lost`).

    frozen_n: those that stay what they are; begun: what all were after step 0, where a rule goes back to that.
    """

    STATE: ClassVar[tuple[str, ...]] = ("frozen_n", "begun")

    rule: str
    lost: str
    name: str
    first: int
    frozen_n: np.ndarray
    begun: Params | None = None
    events: list[Event] = field(default_factory=list)  # since they were last taken
    failed: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # places in the group, in the last fit
    anew: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # those that then began anew

    def pretrained(self, params: Params) -> None:
        """What the models are after step 0."""
        self.begun = params if RESET in (self.rule, self.lost) else None

    def goes_on(self, step: int) -> bool:
        """Does the run go on after a fit that fails in a step?"""
        return self.rule != STOP and step > 0

    def begin(self) -> None:
        """A new fit."""
        self.failed = self.anew = np.zeros(0, np.int64)

    def kept(self, made: Params, failed: dict[int, str], before: Params, step: int, rows: np.ndarray) -> Params:
        """What models (`rows`: their places in the group) are after a fit that failed for some of them.

        `before`: what they were. Diverged where the rule is to stop, or at step 0, before which they were nothing.
        """
        if not self.goes_on(step):
            row = min(failed)
            raise Diverged(row, failed[row], self._where(int(rows[row]), step))
        bad = np.array(sorted(failed))
        self.failed = rows[bad]
        for row in bad:
            told = f"{failed[row]}; {NEXT[self.rule]}"
            self.events.append(Event(step, int(self.first + rows[row]), "diverged", told))
        if self.rule == FREEZE:
            self.frozen_n[self.failed] = True
            return {name: merged(made[name], before[name][bad], bad) for name in made}
        return self._anew(made, bad, self.failed)

    def with_spread(
        self, learner: Learner | Translated, shape: DocumentShape, before: Params, after: Params, step: int
    ) -> Params:
        """What the models of the group are where some have no variance left, and had before.

        Diverged where the rule is to stop.
        """
        gone_n = without_spread(learner, after, shape)
        if gone_n is None or not gone_n.any():
            return after
        places = np.flatnonzero(gone_n & ~np.asarray(without_spread(learner, before, shape)))
        told = "its documents are all one and the same: no variance is left"
        if len(places) and self.lost == STOP:
            raise Diverged(int(places[0]), told, self._where(int(places[0]), step))
        for place in places:
            said = told + NEXT_WITHOUT_SPREAD[self.lost]
            self.events.append(Event(step, int(self.first + place), "variance_lost", said))
        if self.lost == FREEZE:
            self.frozen_n[places] = True
        return self._anew(after, places, places) if self.lost == RESET and len(places) else after

    def _anew(self, made: Params, rows: np.ndarray, places: np.ndarray) -> Params:
        """`made` with some rows (their places in the group: `places`) as they were after step 0."""
        assert self.begun is not None
        self.anew = np.union1d(self.anew, places)
        return {name: merged(made[name], self.begun[name][places], rows) for name in made}

    def check_written(self, content: np.ndarray, step: int, rows: np.ndarray | None) -> None:
        """Diverged where what models (`rows`: only these) write is no numbers: whoever read it would diverge, too."""
        if not finite(content):
            row = int(np.flatnonzero(~np.isfinite(content).reshape(len(content), -1).all(axis=1))[0])
            where = self._where(row if rows is None else int(rows[row]), step)
            raise Diverged(row, "what it writes is not finite numbers", where)

    def _where(self, place: int, step: int) -> str:
        return f"models.{self.name}: model {self.first + place} in step {step}"

    def taken(self) -> list[Event]:
        """What happened since this was last asked."""
        told, self.events = self.events, []
        return told


def merged(old: np.ndarray, new: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`old` with some rows replaced; rows of different width are filled up with zeros."""
    trailing = tuple(np.maximum(old.shape[1:], new.shape[1:]))
    made = np.zeros((len(old), *trailing), np.result_type(old, new))
    made[(slice(None), *map(slice, old.shape[1:]))] = old
    made[rows] = 0
    places: tuple = (rows, *map(slice, new.shape[1:]))
    made[places] = new
    return made
