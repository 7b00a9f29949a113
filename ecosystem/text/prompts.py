"""Open-ended prompts, and what people answered: openings that many human documents share, or prompts from a file.

Nothing here is random: the same human text gives the same prompts and the same human answers, whatever the seed.

Letters: P prompts, H human answers to one, A = L // 2 tokens of an answer that are compared, M documents of L tokens.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecosystem.interfaces import Writer
from ecosystem.measuring import Prompts
from ecosystem.text.files import TextError, lines
from ecosystem.text.openings import Openings
from ecosystem.text.tokens import END

SEARCHED = 20_000  # human documents that openings are looked for in, evenly spaced
PEOPLE = 16  # human answers to a prompt that are compared, at most, evenly spaced among all
PASSAGES = 64  # human passages that stand in for answers to the prompts of a file


@dataclass(frozen=True, eq=False)
class Asked:
    """The prompts of a world: texts (P,), tokens (P, L), and human answers to each, (H, A), padded with 0.

    `shared`: people answered these very prompts; else their answers are passages of human text, the same for each.
    """

    texts: tuple[str, ...]
    tokens_PL: np.ndarray
    people: tuple[np.ndarray, ...]
    shared: bool
    answers: int  # of each model to each prompt

    @property
    def length(self) -> int:
        """Tokens of an answer that are compared, A: as many of a model's as of a person's."""
        return self.tokens_PL.shape[1] // 2


def opened(rule: Prompts, writers: Sequence[Writer]) -> Asked:
    """The prompts that a scenario asks for; TextError where there are none."""
    return _opened(rule, tuple(dict.fromkeys(writers)))


@functools.lru_cache(maxsize=8)
def _opened(rule: Prompts, writers: tuple[Writer, ...]) -> Asked:
    """Kept while the process lives, so that replicates look once."""
    if writers[0].shape.length < 2:
        raise TextError("measure.prompts: documents of 1 token leave no room for an answer; raise world.length.")
    return _of_file(rule, writers) if rule.path is not None else _of_people(rule, writers)


def _of_people(rule: Prompts, writers: tuple[Writer, ...]) -> Asked:
    length = writers[0].shape.length
    found = _openings(rule.words, writers)
    chosen = found.most_frequent(rule.count, rule.answers)
    if not chosen:
        raise TextError(
            f"measure.prompts: no opening of {rule.words} words is shared by {rule.answers} human documents; ask for "
            "fewer words or answers, or give a file of prompts (path)."
        )
    tokens_PL = np.zeros((len(chosen), length), np.int32)
    for p, text in enumerate(chosen):
        tokens = found.spelling(text)
        tokens_PL[p, : len(tokens)] = tokens
    people = tuple(_spread(found.answers_to(text), PEOPLE) for text in chosen)
    return Asked(tuple(chosen), tokens_PL, people, True, rule.answers)


def _openings(words: int, writers: tuple[Writer, ...]) -> Openings:
    found = Openings(writers[0], words, writers[0].shape.length // 2)
    parts = [part for w in writers for part in (w.documents, w.held_out) if part is not None]
    documents = np.concatenate(parts)
    # a text is cut into documents one after the other, so that one begins after another's end
    begins = np.concatenate([np.concatenate([[True], (part[:-1] == END).any(axis=1)]) for part in parts])
    rows = _spread(np.arange(len(documents)), SEARCHED)
    for document, first in zip(documents[rows].tolist(), begins[rows].tolist(), strict=True):
        found.add(document, first)
    return found


def _of_file(rule: Prompts, writers: tuple[Writer, ...]) -> Asked:
    shape, texts = writers[0].shape, list(dict.fromkeys(lines(str(rule.path))))[: rule.count]
    if shape.codec is None:
        raise TextError("measure.prompts.path: the tokens of this world stand for no text; leave the path out.")
    tokens_PL = shape.codec.encode(np.array(texts, object), shape.length)
    long = np.flatnonzero(tokens_PL[:, shape.length - shape.length // 2])
    if long.size:
        raise TextError(
            f"measure.prompts.path: '{texts[long[0]][:60]}' takes more than half of a document, {shape.length} tokens; "
            "shorten it or raise world.length."
        )
    return Asked(tuple(texts), tokens_PL, (_passages(writers),) * len(texts), False, rule.answers)


def _passages(writers: tuple[Writer, ...]) -> np.ndarray:
    """(H, A) beginnings of different human documents at large, evenly spaced; held-out ones where there are any."""
    parts = [w.held_out if w.held_out is not None else w.documents for w in writers]
    begun = np.concatenate([part for part in parts if part is not None])[:, : writers[0].shape.length // 2]
    different = np.array([list(row) for row in dict.fromkeys(map(tuple, begun.tolist()))], np.int32)
    return _spread(different, PASSAGES)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)]
