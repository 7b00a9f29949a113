"""What the models of a world are at the end of a step, in the forms that measures need; each made at most once.

Letters: N models, U distinct items of one, d dimensions, k documents of the measuring sample, M documents to score,
P prompts, L tokens of a document.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ecosystem import memory
from ecosystem.answering.desk import AnsweringDesk
from ecosystem.answering.rules import Questions
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Atoms, Moments
from ecosystem.population import Population
from ecosystem.tally import pooled, row_squares, tally
from ecosystem.text.prompts import Asked

ASKED_AT_ONCE = 4_000_000  # probabilities of values held at once while all models are asked for all facts


class Readout:
    """Lazily: a measuring sample, answers, item distributions, moments and log-probabilities of all models."""

    def __init__(
        self,
        populations: list[Population],
        shape: DocumentShape,
        step: int,
        documents: int,
        asked: Asked | None = None,
        answering: AnsweringDesk | None = None,
    ):
        """`asked`: the prompts, where this is a step at which they are asked; `answering`: in worlds of facts."""
        self._populations, self._shape, self._step, self._documents = populations, shape, step, documents
        self.asked, self._answering = asked, answering

    @cached_property
    def sample(self) -> np.ndarray:
        """(N, k, *x): what every model would write now; never published, from a stream of its own."""
        self._check("measure.documents", self._documents)
        return np.concatenate([self._sample(p) for p in self._populations])

    @cached_property
    def answers(self) -> np.ndarray | None:
        """(N, P, k, L): what every model answers to each prompt, k times; None at steps where none are asked.

        Never published, from a stream of its own.
        """
        if self.asked is None:
            return None
        prompt_PL, k = self.asked.tokens_PL, self.asked.answers
        self._check("measure.prompts", len(prompt_PL) * k)
        return np.concatenate([p.answer(prompt_PL, k, self._step, "prompts") for p in self._populations])

    @cached_property
    def atoms(self) -> Atoms:
        """Item distributions, exact where a learner knows its own, else frequencies in the sample.

        For texts: frequencies of tokens in the sample, the end token left out.
        """
        parts = [atoms for atoms, _ in self._parts]
        if len(parts) == 1:
            return parts[0]
        wide = max(a.item_NU.shape[1] for a in parts)
        return Atoms(
            np.concatenate([_widened(a.item_NU, wide) for a in parts]),
            np.concatenate([_widened(a.mass_NU, wide) for a in parts]),
        )

    @cached_property
    def pooled_K(self) -> np.ndarray:
        """(K,) sum of all models' item distributions."""
        return pooled(self.atoms.item_NU, self.atoms.mass_NU, self._shape.size)

    @cached_property
    def collision_N(self) -> np.ndarray:
        """Sum p^2 of every model; estimated without bias (over pairs of distinct draws) where p is from a sample."""
        square = row_squares(self.atoms.mass_NU)
        drawn = np.concatenate([drawn for _, drawn in self._parts])
        others = np.clip(drawn - 1, 1, 1e300)
        unbiased = square - (1 - square) / others  # the same as (drawn square - 1) / (drawn - 1)
        return np.where(np.isinf(drawn), square, np.where(drawn > 1, unbiased, 1.0))

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of every model's documents, exact where a learner knows its own."""
        parts = [self._moments(p) for p in self._populations]
        return Moments(np.concatenate([m.mean_ND for m in parts]), np.concatenate([m.covariance_NDD for m in parts]))

    @cached_property
    def recalled(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, F) each: the value of every fact that a model finds most probable (its slot), and how probable.

        Worlds of facts. Of values alike the first.
        """
        agents, facts = sum(p.n for p in self._populations), self._facts
        slot_NF, sure_NF = np.zeros((agents, facts), np.int64), np.zeros((agents, facts))
        for place, believed in self._beliefs():
            slot_NF[place], sure_NF[place] = believed.argmax(axis=2), believed.max(axis=2)
        return slot_NF, sure_NF

    def believed(self, slot_F: np.ndarray) -> np.ndarray:
        """(N, F): how probable every model finds given values of all facts."""
        found_NF = np.zeros((sum(p.n for p in self._populations), self._facts))
        for place, believed in self._beliefs():
            found_NF[place] = np.take_along_axis(believed, slot_F[place[1]][..., None], axis=2)[..., 0]
        return found_NF

    @cached_property
    def among_peers_NF(self) -> np.ndarray:
        """(N, F): how probable what a model recalls of every fact is to itself and some models whom it reads, on
        average. As many as a group's `questions.peers`, drawn anew each step; worlds of facts.
        """
        desk, (slot_NF, sure_NF) = self._answering, self.recalled
        assert desk is not None
        among_NF = np.empty_like(sure_NF)
        for p in self._populations:
            most = (p.group.questions or Questions()).peers
            peer_nP = desk.peers(p.numbers, most, p.draws("recall/peers", self._step))
            turns = -(-p.n * sure_NF.shape[1] * desk.grammar.slots // ASKED_AT_ONCE)
            for rows in np.array_split(np.arange(p.n), max(turns, 1)):
                mine = p.first + rows
                fact = np.tile(np.arange(sure_NF.shape[1]), (len(rows), 1))
                among_NF[mine] = desk.of_peers(
                    peer_nP[rows], fact, slot_NF[mine], sure_NF[mine], self._step, "recall/peers"
                )
        return among_NF

    def similarity_NN(self) -> np.ndarray:
        """(N, N): probability that draws from i and j are equal (vectors: product of means); the table `pairs`."""
        if self._shape.kind in ("vectors", "pairs"):
            mean = self.moments.mean_ND
            return mean @ mean.T
        item, mass = self.atoms.item_NU, self.atoms.mass_NU
        row = np.repeat(np.arange(len(item)), item.shape[1])
        matrix = csr_array((mass.ravel(), (row, item.ravel())), shape=(len(item), self._shape.size))
        similarity_NN = (matrix @ matrix.T).toarray()
        np.fill_diagonal(similarity_NN, self.collision_N)
        return similarity_NN

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        """(N, M) nats."""
        return np.concatenate([p.log_prob(content) for p in self._populations])

    @property
    def _facts(self) -> int:
        assert self._shape.grammar is not None
        return self._shape.grammar.facts

    def _beliefs(self) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
        """(models, facts) as an open mesh, and (n, f, V) what they believe; in turns, so that memory stays small."""
        grammar = self._shape.grammar
        assert grammar is not None
        at_once = max(1, ASKED_AT_ONCE // grammar.slots)
        for p in self._populations:
            for rows in np.array_split(np.arange(p.n), -(-p.n * grammar.facts // at_once) if p.n else 1):
                turns = -(-len(rows) * grammar.facts // at_once)
                for facts in np.array_split(np.arange(grammar.facts), max(turns, 1)) if len(rows) else ():
                    asked = np.tile(facts, (len(rows), 1))
                    models, each = np.ix_(p.first + rows, facts)
                    yield (models, each), p.beliefs(asked, self._step, "recall", rows)

    def _check(self, key: str, each: int) -> None:
        memory.check_measured(key, sum(p.n for p in self._populations), each, self._shape)

    def _sample(self, population: Population) -> np.ndarray:
        written = population.write(self._documents, self._step, "measure")
        return written[0] if isinstance(written, tuple) else written

    def _sample_of(self, population: Population) -> np.ndarray:
        return self.sample[population.members]

    @cached_property
    def _parts(self) -> list[tuple[Atoms, np.ndarray]]:
        return [self._atoms(p) for p in self._populations]

    def _atoms(self, population: Population) -> tuple[Atoms, np.ndarray]:
        """Item distributions of a group and how many draws they come from (infinite: exact)."""
        exact = population.atoms()
        if exact is not None:
            return exact, np.full(population.n, np.inf)
        flat = self._sample_of(population).reshape(population.n, -1)
        weight = (flat != 0).astype(float) if self._shape.kind == "tokens" else np.ones(flat.shape)
        return Atoms(*tally(flat, weight, self._shape.size)), weight.sum(axis=1)

    def _moments(self, population: Population) -> Moments:
        exact = population.moments()
        if exact is not None:
            return exact
        sample = self._sample_of(population)
        mean = sample.mean(axis=1)
        apart = sample - mean[:, None]
        return Moments(mean, np.einsum("nki,nkj->nij", apart, apart) / (sample.shape[1] - 1))


def _widened(array_NU: np.ndarray, wide: int) -> np.ndarray:
    return np.pad(array_NU, ((0, 0), (0, wide - array_NU.shape[1])))
