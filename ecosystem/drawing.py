"""Diets of a step: what every model draws from what it may read, and what verifiers let pass of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.documents import Pool
from ecosystem.fits import WorldError
from ecosystem.frame import Event
from ecosystem.notes import Notes
from ecosystem.population import Population
from ecosystem.reading import Diet, Follows, available, read
from ecosystem.scenario import Reading
from ecosystem.verification.gates import Gates
from ecosystem.verification.reading_gate import Rules


@dataclass
class Drawing:
    """Draws diets by a scenario's rules; who had nothing to read is noted once."""

    STATE: ClassVar[tuple[str, ...]] = ("_unfed",)

    rules: Reading
    follows: Follows
    gates: Gates
    notes: Notes
    _unfed: set[int] = field(default_factory=set)

    def diet(self, population: Population, pool: Pool, corpus: Corpus, step: int) -> Diet:
        """What the models of a group read in a step. `reading.unfed: error`: WorldError where one has nothing."""
        rules, readers = self.rules, population.numbers
        everything = population.group.read == "all"
        there = available(self.follows, pool)[population.siblings] if everything else np.zeros(0, np.int64)
        budget = int(there.max()) if everything else int(population.group.read)
        own = population.publishes if rules.unfed == "self" and everything else 0
        first = max(budget, own, 1)

        def draw(rows: np.ndarray, wanted: int) -> Diet:
            return read(
                self.follows, pool, readers[rows], wanted, population.draws("reading", step).take(rows), rules.draw,
                rules.human_share or 0.0, rules.replacement and not everything, rules.unfed == "self", first,
            )  # fmt: skip

        how = Rules(everything, self.gates.record)
        drawn, diet = self.gates.reading.diets(draw, readers, first, corpus, how)
        self.gates.note_starved(population.first, drawn.read_n, diet.read_n)
        self._note_unfed(population, diet, step)
        return diet

    def _note_unfed(self, population: Population, diet: Diet, step: int) -> None:
        """Once for each model: that it had nothing to read."""
        for row in np.flatnonzero((diet.read_n == 0) & ~self.gates.starved_N[population.members]):
            agent = population.first + int(row)
            if self.rules.unfed == "error":
                raise WorldError(
                    f"Model {agent} ({population.group.name}) has nothing to read in step {step} and reading.unfed "
                    "is 'error'; feed it, or choose reading.unfed: keep or self."
                )
            if agent not in self._unfed:
                self._unfed.add(agent)
                told = f"nothing to read in step {step}; stays as it is while that is so"
                self.notes.events.append(Event(step, agent, "unfed", told))
