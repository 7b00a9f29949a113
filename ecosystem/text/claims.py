"""Claims as text and back: how documents of a fact world reach learners that read text (`ecosystem.travel`).

Letters: M documents, L tokens of one, C claims of a document.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ecosystem.grammar import Grammar
from ecosystem.text.codec import ENDED

BETWEEN = " | "


class ClaimCodec:
    """'Ada | born in | London', one claim a line (see `ecosystem.documents.Codec`).

    A document of claims comes back as it was where names are the names of one thing. Of a text, all up to the first
    line is read that is no claim: that has other than three parts, or a name that nobody knows. Every document is whole
    as text, so that who learns from texts learns where to end.
    """

    def __init__(self, grammar: Grammar):
        self.grammar = grammar

    def decode(self, content: np.ndarray) -> np.ndarray:
        """(*leading, L) int32 to (*leading,) of str."""
        rows, place = np.unique(content.reshape(-1, content.shape[-1]), axis=0, return_inverse=True)
        texts = np.empty(len(rows), object)
        texts[:] = ["\n".join(lines) + ENDED for lines in self.grammar.lines(rows)]
        return texts[place.reshape(-1)].reshape(content.shape[:-1])

    def encode(self, texts: np.ndarray, length: int) -> np.ndarray:
        """(*leading,) of str to (*leading, length) int32; what follows a "\\0" or the first C claims is not read."""
        flat = texts.ravel().tolist()
        spelt = {text: self._tokens(text)[: length - length % 3] for text in dict.fromkeys(flat)}
        out = np.zeros((len(flat), length), np.int32)
        for row, text in zip(out, flat, strict=True):
            row[: len(spelt[text])] = spelt[text]
        return out.reshape(*texts.shape, length)

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = []
        for line in text.partition(ENDED)[0].split("\n")[: self.grammar.claims]:
            claim = self._claim(line)
            if claim is None:
                break
            tokens += claim
        return tokens

    def _claim(self, line: str) -> tuple[int, int, int] | None:
        names = [" ".join(part.split()) for part in line.split(BETWEEN.strip())]
        if len(names) != 3 or names[1] not in self._relations or names[0] not in self._subjects:
            return None
        relation = self._relations[names[1]]
        value = self._values.get((relation, names[2]), self._entities.get(names[2]))
        if value is None:
            return None
        return 1 + self._subjects[names[0]], 1 + self.grammar.entities + relation, 1 + value

    @cached_property
    def _relations(self) -> dict[str, int]:
        return _first(list(enumerate(self.grammar.relation_names)))

    @cached_property
    def _entities(self) -> dict[str, int]:
        return _first(list(enumerate(self.grammar.entity_names)))

    @cached_property
    def _subjects(self) -> dict[str, int]:
        names = self.grammar.entity_names
        return _first([(entity, names[entity]) for entity in dict.fromkeys(self.grammar.subject_F.tolist())])

    @cached_property
    def _values(self) -> dict[tuple[int, str], int]:
        """The entity that a name means as a value of a relation: of namesakes one that the relation can have."""
        grammar, found = self.grammar, {}
        for relation, (low, high) in enumerate(zip(grammar.low_R.tolist(), grammar.high_R.tolist(), strict=True)):
            for entity in reversed(range(low, high)):
                found[relation, grammar.entity_names[entity]] = entity
        return found


def _first(numbered: list[tuple[int, str]]) -> dict[str, int]:
    """Number by name; of namesakes the first."""
    return {name: number for number, name in reversed(numbered)}
