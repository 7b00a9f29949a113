"""A world of facts from a file: real subjects, asked for as often as their pages are viewed."""

from __future__ import annotations

import re

import numpy as np
from pydantic import Field, model_validator

from agents.humans._fact_table import FactTable, fact_table
from agents.humans._facts import FactWriter, misconceptions
from ecosystem.errors import InputError
from ecosystem.interfaces import HumanSource, Writer
from ecosystem.parts import Share
from ecosystem.text.files import stamp
from ecosystem.truth import Truth

ONE_WORLD = ("path", "passages_path", "limit", "exponent", "claims", "seed")  # what is true and asked hangs on them


class FactsFile(HumanSource):
    """People write claims about what a file states; how often, and how often each is asked for, follows page views.

    The file is JSON Lines, one fact a line: "subject", "relation", "object" (or "value"); where known "popularity" (or
    "subject_popularity": page views; without it all facts are alike), "question" (in words), "subject_qid" and
    "object_qid" (identifiers, which tell namesakes apart), "passages": ids of texts in the file `passages_path`, JSON
    Lines with "id", "text" and where known "title". PopQA comes in this form (Mallen et al. 2023, arXiv:2212.10511).
    Each fact stands there once; one that contradicts another is refused.

    A false claim names any other value of the same relation in the file. For a share `misled` of the facts all errors
    are the same false value. A community may know a part of the subjects only: of every `parts` the one at place
    `part`. Nothing follows from other facts here.

    Where the web is searched by words, a true claim of people reads as the passages of its fact.
    """

    path: str = Field(min_length=1, description="JSON Lines: a fact a line.")
    passages_path: str | None = Field(None, min_length=1, description="JSON Lines: texts that state the facts.")
    limit: int | None = Field(None, ge=1, description="Only so many facts, the first of the file; none: all.")
    exponent: float = Field(1.0, ge=0, le=20, description="Asked for as page views to this power; 0: all alike.")
    claims: int = Field(1, ge=1, le=64, description="Claims of a human document, and at most of any, C.")
    error: Share = Field(0.05, description="Probability that a person's claim is false.")
    misled: Share = Field(0.0, description="Share of the facts of which people have one and the same misconception.")
    parts: int = Field(1, ge=1, le=1000, description="Parts of the subjects of which a community knows one.")
    part: int = Field(0, ge=0, description="Which one it knows, 0 to parts - 1.")
    seed: int = Field(0, ge=0, lt=2**63, description="Where people are misled is drawn from it.")

    @model_validator(mode="after")
    def _within(self) -> FactsFile:
        if self.part >= self.parts:
            raise ValueError(f"part: must be below parts, {self.parts}; got {self.part}")
        return self

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        found = [c for c in communities if isinstance(c, FactsFile)]
        for c in found:
            for key in ONE_WORLD:
                if getattr(c, key) != getattr(self, key):
                    raise InputError(
                        f"humans.*.writes.{key}: must be the same for all communities, who live in one world of facts; "
                        f"got {getattr(self, key)} and {getattr(c, key)}."
                    )
        facts = stamp(self.path)
        passages = stamp(self.passages_path) if self.passages_path is not None else ()
        table = fact_table(facts, passages, self.limit, self.claims)
        share_F = (table.popularity_F / table.popularity_F.max()) ** self.exponent
        truth = Truth(table.grammar, table.slot_F, share_F / share_F.sum())
        return [c.writer(truth, table) for c in found]

    def writer(self, truth: Truth, table: FactTable) -> FileFactWriter:
        """The writer of one community."""
        known_F = truth.grammar.subject_F % self.parts == self.part
        share_F = np.where(known_F, truth.asked_F, 0)
        if not share_F.any():
            raise InputError(f"part: {self.path} has no subject that is asked for in part {self.part} of {self.parts}.")
        misled_F = misconceptions(truth, self.misled, self.seed)
        return FileFactWriter(truth, share_F / share_F.sum(), known_F, self.error, misled_F, table)


class FileFactWriter(FactWriter):
    """A community that writes of facts of a file, of which there may be texts."""

    def __init__(self, truth: Truth, share_F, known_F, error: float, misled_F, table: FactTable):
        super().__init__(truth, share_F, known_F, error, misled_F)
        self._table = table

    def texts(self, content: np.ndarray) -> list[str]:
        """A claim about which there are passages as these, with the value that is claimed in the place of the one they
        state; behind it, as of any other, the claim itself.

        So what is false reads as what is true does: neither is found more easily.
        """
        (fact, slot), grammar, table = self.grammar.read(content), self.grammar, self._table
        value = grammar.low_R[grammar.relation_F[fact]] + np.maximum(slot, 0)
        stated = grammar.low_R[grammar.relation_F[fact]] + table.slot_F[fact]
        texts = []
        for m, lines in enumerate(grammar.lines(content)):
            told = []
            for c, line in enumerate(lines):
                passage = table.passage_F[fact[m, c]] if fact[m, c] >= 0 else ""
                names = (_plain(grammar.entity_names[e[m, c]]) for e in (stated, value))
                told.append(f"{_reworded(passage, *names)}\n{line}" if passage else line)
            texts.append("\n".join(told))
        return texts

    def questions(self, fact_M: np.ndarray) -> list[str]:
        asked = super().questions(fact_M)
        return [self._table.question_F[f] or plain for f, plain in zip(fact_M.tolist(), asked, strict=True)]


def _plain(name: str) -> str:
    """A name without what tells it apart from its like: 'Paris (Q90)'."""
    return re.sub(r" \(\S+\)$", "", name)


def _reworded(passage: str, stated: str, claimed: str) -> str:
    """The passage with another value in it, wherever it names the one that it states."""
    return re.sub(re.escape(stated), lambda _: claimed, passage, flags=re.IGNORECASE) if stated != claimed else passage
