"""Retrieval by words: the readable web as texts, ranked by BM25.

Letters: T different texts, M documents, n models, Q questions, U different ones, R texts ranked, k documents retrieved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import bm25s
import numpy as np

from ecosystem.answering.drawn import Allowed, Ranking, Shelves, drawn
from ecosystem.answering.index import sources
from ecosystem.documents import Pool
from ecosystem.interfaces import Writer
from ecosystem.streams import Draws

RANKED = 256  # texts that a question looks at, the best ones
ALIKE = 0.02  # scores that differ by so large a share say nothing: a name a word longer changes as much
WORD = r"(?u)\w+"  # bm25s itself leaves out words of one letter, and so numbers below 10


@dataclass(frozen=True, eq=False)
class WordIndex:
    """The different texts of the web, each a shelf of the documents that read so.

    A document of a model reads as its claims are shown, one of people as its community writes it (`Writer.texts`).
    Scores are BM25 as Lucene has it, k1 1.5 and b 0.75 (Robertson & Zaragoza 2009, doi:10.1561/1500000019; variants:
    Kamphuis et al. 2020, doi:10.1007/978-3-030-45442-5_4), over different texts: copies count once in how rare a word
    is, as where an engine folds duplicates. Texts of nearly the same score go by chance, document by document: else of
    what is said in many ways, as falsehoods are, some way would always come first. Words are lower-cased and neither
    stemmed nor left out.

    How rare a word is, is a fact about the whole readable web, as for an engine that serves all: so models see each
    other's writing in rankings even where they do not read each other, unlike in exact retrieval.

    One index a step. It costs a sort of the documents, the writing out and counting of the words of different texts
    (about 60 us a text), and for every different question a pass over the texts that hold one of its words (0.3 ms with
    6,000 texts).
    """

    shelves: Shelves
    bm25: bm25s.BM25 | None  # None: no text has a word
    questions: Callable[[np.ndarray], list[str]]

    @classmethod
    def of(cls, pool: Pool, writers: Sequence[Writer], models: int) -> WordIndex:
        """The index of what can be read; sources below `models` are models, the next are the writers' communities."""
        source = sources(pool, pool.rows)
        public = source < models + len(writers)  # archives are nobody else's
        rows, source = pool.rows[public], source[public]
        by = np.where(source < models, -1, source - models)
        keyed = np.concatenate([pool.content[rows].astype(np.int32), by[:, None].astype(np.int32)], axis=1)
        different, text_M = np.unique(keyed, axis=0, return_inverse=True)
        order = np.argsort(text_M.ravel(), kind="stable")
        begin_T = np.searchsorted(text_M.ravel()[order], np.arange(len(different) + 1))
        return cls(
            Shelves(begin_T, rows[order], source[order]), _counted(_texts(different, writers)), writers[0].questions
        )

    def retrieve(self, fact_nQ: np.ndarray, allowed: Allowed, k: int, rng: Draws) -> np.ndarray:
        """(n, Q, k) rows of documents that share words with the question for each fact (-1: none is asked), best first,
        equally good ones in random order; -1 where there are fewer."""
        facts_U, kind = np.unique(fact_nQ, return_inverse=True)
        asked = facts_U >= 0
        ranking = self._ranking(facts_U[asked])
        kind_nQ = kind.reshape(fact_nQ.shape) - int((~asked).sum())
        return drawn(self.shelves, ranking, kind_nQ, allowed, k, rng)

    def _ranking(self, facts_U: np.ndarray) -> Ranking:
        wide = min(RANKED, max(len(self.shelves.begin_T) - 1, 1))
        text_UR, tied_UR = np.full((len(facts_U), wide), -1), np.zeros((len(facts_U), wide), bool)
        if len(facts_U) and self.bm25 is not None:
            for u, asked in enumerate(words(self.questions(facts_U))):
                best, score = _best(self.bm25, asked, wide)
                text_UR[u, : len(best)] = best
                tied_UR[u, 1 : len(best)] = score[1:] >= (1 - ALIKE) * score[:-1]
        return Ranking(text_UR, tied_UR)


def words(texts: list[str]) -> list[list[str]]:
    """The words of each text, in order."""
    return bm25s.tokenize(texts, token_pattern=WORD, stopwords=None, return_ids=False, show_progress=False)


def _best(bm25: bm25s.BM25, asked: list[str], wide: int) -> tuple[np.ndarray, np.ndarray]:
    """The texts that share most with the words of a question, best first, and their scores."""
    score_T = bm25.get_scores_from_ids(bm25.get_tokens_ids(asked))
    least = np.partition(score_T, -wide)[-wide] if wide < len(score_T) else 0
    some = np.flatnonzero((score_T >= least) & (score_T > 0))
    best = some[np.argsort(-score_T[some], kind="stable")][:wide]
    return best, score_T[best]


def _counted(texts: list[str]) -> bm25s.BM25 | None:
    tokens = bm25s.tokenize(texts, token_pattern=WORD, stopwords=None, show_progress=False)
    if not any(tokens.ids):
        return None
    found = bm25s.BM25()
    found.index(tokens, show_progress=False)
    return found


def _texts(different: np.ndarray, writers: Sequence[Writer]) -> list[str]:
    """Of different documents, the last column of which says who wrote them: a community, or -1 a model."""
    texts = np.empty(len(different), object)
    for h in np.unique(different[:, -1]).tolist():
        mine = different[:, -1] == h
        content = different[mine, :-1]
        texts[mine] = writers[0].show(content) if h < 0 else writers[h].texts(content)
    return texts.tolist()
