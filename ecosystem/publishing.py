"""What everyone writes in a step, and what verifiers let onto the web of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.answering.desk import AnsweringDesk
from ecosystem.corpus import Corpus
from ecosystem.documents import Batch
from ecosystem.humans import Humans
from ecosystem.notes import Notes
from ecosystem.population import Population
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams
from ecosystem.verification.gates import Gates


@dataclass
class Publishing:
    """Puts documents on the web in the order of their sources: models, people, private archives."""

    spec: Scenario
    streams: Streams
    populations: list[Population]
    humans: Humans
    gates: Gates
    answering: AnsweringDesk | None
    corpus: Corpus
    notes: Notes

    def publish(self, step: int) -> None:
        """Models write what they were after the last step lets them, people as they do."""
        counts_S = np.zeros(self.corpus.sources, np.int64)
        desk = self.answering
        if desk is not None and any(g.questions for g in self.spec.models):
            desk.begin(self.corpus.readable(self.streams.get("retention/asked", step)))
        gate, batches = self.gates.publishing, []
        for p in self.populations:
            batch, counts_S[p.members] = gate.of_models(p, step, self._write)
            batches.append(batch)
        self.notes.events += [] if desk is None else desk.events
        human = [gate.of_people(self.humans.publish(step, h), h, step) for h in range(len(self.spec.humans))]
        counts_S[self.spec.agents : self.spec.agents + len(human)] = [len(c) for c in human]
        first = self.corpus.published
        self.append(step, batches + [Batch(c) for c in human], counts_S)
        self._note_answers(step, batches, first)
        if self.spec.record.documents not in ("none", 0.0):
            self.notes.documents.append(self.corpus.documents(step))
        self.notes.events += self.humans.events(step)

    def publish_archives(self, kept: list[tuple[Population, np.ndarray]]) -> None:
        """What the models of groups were pretrained on, (n, b, *x): readable by each alone, as if of step 0."""
        counts_S = np.zeros(self.corpus.sources, np.int64)
        for p, content in kept:
            first = self.spec.agents + len(self.spec.humans) + p.first
            counts_S[first : first + p.n] = content.shape[1]
        self.append(0, [Batch(content.reshape(-1, *self.corpus.shape.trailing)) for _, content in kept], counts_S)

    def append(self, step: int, batches: list[Batch], counts_S: np.ndarray) -> None:
        """To the web."""
        self.corpus.append(step, batches, counts_S)

    def _write(self, population: Population, step: int, attempt: int = 0, rows: np.ndarray | None = None) -> Batch:
        """What a group writes: freely, or in answer to questions."""
        if population.group.questions is None or self.answering is None:
            return population.publish(step, attempt, rows)
        return self.answering.answer(population, step)

    def _note_answers(self, step: int, batches: list[Batch], first: int) -> None:
        """What became of the answers of the step: the numbers of their documents run from `first`."""
        desk = self.answering
        if desk is not None and desk.answers:
            desk.note_published(batches, first)
            if self.spec.record.questions not in ("none", 0.0):
                self.notes.questions += [(step, *each) for each in zip(desk.answers, desk.published, strict=True)]
