"""Cost of n-gram models: fit and write, against dictionaries of counts in plain Python; and of large groups.

The dictionary model is the same model (order 3, Witten-Bell): a Counter for each context, `random.choices` from it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import numpy as np

from agents.humans.text import Text
from agents.learners.ngram import Ngram
from benchmarks._timing import alternating, peak_gib, row, seconds
from ecosystem.streams import Streams

ORDER = 3
RULE = Ngram(order=ORDER)
STREAMS = Streams(0)


def fit_dictionary(documents: list[list[int]]) -> list[dict]:
    """counts[j][last j tokens][next token]; None stands before a document."""
    counts: list[dict] = [defaultdict(Counter) for _ in range(ORDER)]
    for document in documents:
        words = [None] * (ORDER - 1) + document
        for t in range(ORDER - 1, len(words)):
            for j in range(ORDER):
                counts[j][tuple(words[t - j : t])][words[t]] += 1
    return counts


def write_dictionary(counts: list[dict], k: int, length: int, rng: random.Random) -> list[list]:
    """k documents; an end token (0) ends one early."""
    return [_document(counts, length, rng) for _ in range(k)]


def _document(counts: list[dict], length: int, rng: random.Random) -> list:
    words: list = [None] * (ORDER - 1)
    while len(words) < length + ORDER - 1 and words[-1] != 0:
        for j in range(ORDER - 1, -1, -1):
            found = counts[j].get(tuple(words[len(words) - j :]))
            if found and (j == 0 or rng.random() * (found.total() + len(found)) < found.total()):
                words.append(rng.choices(list(found), found.values())[0])
                break
    return words[ORDER - 1 :]


def diets(writer, n: int, b: int) -> np.ndarray:
    """(n, b, length) human documents, each agent its own."""
    return writer.documents[STREAMS.rows("diet", 0, n).integers(len(writer.documents), b)]


def fit(writer, content: np.ndarray) -> dict:
    n, b, _ = content.shape
    draws = STREAMS.rows("train", 0, n)
    return RULE.train(RULE.init(n, writer.shape, draws), content, np.ones((n, b)), draws)


def against_dictionaries(writer, n: int, b: int, k: int) -> None:
    content, length = diets(writer, n, b), writer.shape.length
    plain = [[[w for w in d if w] + [0] * (0 in d) for d in mine] for mine in content.tolist()]

    def dictionaries() -> None:
        for i in range(n):
            write_dictionary(fit_dictionary(plain[i]), k, length, random.Random(i))

    def stacked() -> None:
        RULE.sample(fit(writer, content), k, STREAMS.rows("write", 0, n))

    slow, fast = alternating(dictionaries, stacked, repeats=3)
    row(n, b, k, slow, fast, slow / fast)


def large_group(writer, n: int, b: int, k: int) -> None:
    content, held_out = diets(writer, n, b), writer.documents[:64]
    params = fit(writer, content)
    row(
        n, b, k,
        seconds(lambda: fit(writer, content), 3),
        seconds(lambda: RULE.sample(params, k, STREAMS.rows("write", 0, n)), 3),
        seconds(lambda: RULE.log_prob(params, held_out), 3),
        peak_gib(),
    )  # fmt: skip


def main() -> None:
    world = Text()
    (writer,) = world.open([world])
    shape = writer.shape
    print(f"documents of {shape.length} tokens, vocabulary {shape.size}; seconds for all agents, one thread")
    row("agents", "read", "written", "dictionaries", "stacked", "ratio")
    for b, k in ((64, 16), (64, 64), (256, 64), (256, 256)):
        against_dictionaries(writer, 32, b, k)
    row("agents", "read", "written", "fit", "write", "score 64", "peak GiB")
    for n in (475, 1490, 4598):
        large_group(writer, n, 64, 16)


if __name__ == "__main__":
    main()
