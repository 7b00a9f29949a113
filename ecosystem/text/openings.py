"""Openings of sentences that many human documents share: open-ended prompts whose human answers are known.

An opening is the first few words at the beginning of a sentence: after . ! ? and white space, on a new line, or at the
beginning of a text. It counts where it begins with no small letter, is made of words alone (so that it ends neither a
sentence nor a quotation), and where what comes after it in the document is as long as answers are compared, or the
text's own end. Everybody who went on from an opening has answered it. In the middle of a sentence equal runs of words
are more frequent, but grammar leaves less open there.

Letters: M documents, L tokens of one, A tokens of an answer.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from ecosystem.interfaces import Writer
from ecosystem.text.tokens import END

SENTENCE = re.compile(r"(?:\A|(?<=[.!?\u2026\u3002\uff01\uff1f])\s+|(?<=\n))\s*(?=\S)")
SPACE = r"[^\S\n]+"
WORD = r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*,?"  # letters, also with an apostrophe or a hyphen inside


class Openings:
    """Openings met in human documents: how they are spelt in tokens, and the different answers to each, (A,) tokens."""

    def __init__(self, writer: Writer, words: int, compared: int):
        raw = getattr(writer, "raw", None)
        tokens = np.arange(writer.shape.size, dtype=np.int32)[:, None]
        self.pieces = list(map(raw, tokens)) if raw else [text.encode() for text in writer.show(tokens)]
        self.words = re.compile(rf"{WORD}(?:{SPACE}{WORD}){{{words - 1}}}(?=\s)")
        self.compared = compared
        self.spellings: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
        self.answers: dict[str, set[tuple[int, ...]]] = defaultdict(set)  # a copy says nothing new

    def add(self, document: list[int], begins: bool) -> None:
        """Notes the openings of a document of L tokens, each once; `begins`: a text begins with it."""
        tokens = document[: document.index(END)] if END in document else document
        ended = len(tokens) < len(document)
        for text, first, last in self._runs(tokens, begins):
            rest = tuple(tokens[last : last + self.compared])
            if rest and (ended or len(rest) == self.compared) and rest not in self.answers[text]:
                self.answers[text].add(rest)
                self.spellings[text][tuple(tokens[first:last])] += 1

    def most_frequent(self, count: int, least: int) -> list[str]:
        """Openings that `least` documents share, most frequent first, of equals in order of the alphabet.

        Only the first of those that differ in their last word alone ('It was a', 'It was the').
        """
        enough = [text for text, found in self.answers.items() if len(found) >= least]
        first: dict[str, str] = {}
        for text in sorted(enough, key=lambda text: (-len(self.answers[text]), text)):
            first.setdefault(text.rpartition(" ")[0] or text, text)
        return list(first.values())[:count]

    def spelling(self, text: str) -> tuple[int, ...]:
        """The tokens by which most documents spell an opening (most have a space before it)."""
        spellings = self.spellings[text]
        return min(spellings, key=lambda tokens: (-spellings[tokens], tokens))

    def answers_to(self, text: str) -> np.ndarray:
        """(H, A) what different people went on with, padded with 0, in order of their tokens."""
        found = sorted(self.answers[text])
        return np.array([list(a) + [END] * (self.compared - len(a)) for a in found], np.int32)

    def _runs(self, tokens: list[int], begins: bool) -> Iterator[tuple[str, int, int]]:
        """(words, first token, token after the last) of the openings of a document; each text once."""
        pieces = [self.pieces[token] for token in tokens]
        text = b"".join(pieces).decode("utf-8", "surrogateescape")  # halves of characters are single places
        ends = [0, *accumulate(map(len, pieces))]
        told = set()
        for start in SENTENCE.finditer(text):
            found = self.words.match(text, start.end()) if start.start() or begins else None
            if found is None or text[found.start()].islower():
                continue
            begin, end, words = _byte(text, found.start()), _byte(text, found.end()), " ".join(found[0].split())
            first, last = bisect_right(ends, begin) - 1, bisect_left(ends, end)
            before = b"".join(pieces[first:last])[: begin - ends[first]]  # a token may hold the space before a word
            if ends[last] == end and not before.strip() and words not in told:
                told.add(words)
                yield words, first, last


def _byte(text: str, place: int) -> int:
    """The byte at which a character begins."""
    return place if text.isascii() else len(text[:place].encode("utf-8", "surrogateescape"))
