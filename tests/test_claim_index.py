"""What a question finds on the web: statements of the fact asked for, of those one reads, uniformly, within the cap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from ecosystem.answering import drawn
from ecosystem.answering.drawn import Allowed
from ecosystem.answering.index import ClaimIndex
from ecosystem.corpus import Corpus
from ecosystem.documents import Batch, DocumentShape, Keep, Pool
from ecosystem.streams import Streams
from tests.chance import FALSE_ALARM
from tests.fact_worlds import tiny

GRAMMAR = tiny(claims=1)
SHAPE = DocumentShape("tokens", GRAMMAR.tokens, 3, grammar=GRAMMAR)
MODELS = 2  # sources 0 and 1; source 2 are people


def web(*facts_of_sources: list[int], times: int = 1) -> Pool:
    """What sources stated, each a document a fact; depth: a document's own mark, which others do not change."""
    corpus = Corpus(SHAPE, len(facts_of_sources), Keep(window=None), 10)
    for step in range(1, times + 1):
        batches = []
        for source, stated in enumerate(facts_of_sources):
            fact = np.array(stated, int)[:, None]
            mark = 10_000 * source + 100 * step + np.arange(len(fact))
            batches.append(Batch(GRAMMAR.write(fact, np.zeros_like(fact)), mark.astype(np.float32)))
        corpus.append(step, batches, np.array([len(b.content) for b in batches]))
    return corpus.readable()


def found(of: Pool, fact, may, k=2, share=1.0, n=1) -> np.ndarray:
    """(n, Q, k) marks of the documents found, -1 where there are fewer."""
    fact_nQ, may_nS = np.tile(np.array(fact), (n, 1)), np.tile(np.array(may, bool), (n, 1))
    rng = Streams(0).rows("retrieval", 1, n)
    row = ClaimIndex.of(of, GRAMMAR).retrieve(fact_nQ, Allowed(may_nS, MODELS, share), k, rng)
    return np.where(row >= 0, of.depth[row] if len(of.content) else 0, -1).astype(int)


def test_only_statements_of_the_fact_asked_for_are_found():
    of = web([0, 1], [0], [1, 1, 3])
    marks = found(of, [0, 1, 3, 2], [1, 1, 1], k=4)[0]
    assert [sorted(row[row >= 0].tolist()) for row in marks] == [
        [100, 10_100], [101, 20_100, 20_101], [20_102], [],
    ]  # fmt: skip
    assert found(of, [-1], [1, 1, 1]).tolist() == [[[-1, -1]]]  # nothing is asked


@pytest.mark.parametrize("may", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 0, 0)])
def test_only_documents_of_those_one_reads_are_found(may):
    marks = found(web([0] * 4, [0] * 4, [0] * 4), [0], may, k=12)[0, 0]
    assert set(marks[marks >= 0] // 10_000) == {source for source in range(3) if may[source]}
    assert (marks >= 0).sum() == 4 * sum(may)


def test_of_what_can_be_read_every_ordered_pair_is_as_likely():
    of = web([0, 0], [0, 0, 0], [0, 0])  # source 1 is not read
    marks = found(of, [0], (1, 0, 1), k=2, n=20_000)[:, 0]
    pairs, counts = np.unique(marks, axis=0, return_counts=True)
    assert len(pairs) == 4 * 3
    assert (marks[:, 0] != marks[:, 1]).all()
    assert chisquare(counts).pvalue > FALSE_ALARM
    capped = found(of, [0], (1, 0, 1), k=2, share=0.5, n=20_000)[:, 0]
    often = [(capped == pair).all(axis=1).sum() for pair in pairs]
    assert chisquare(often).pvalue < FALSE_ALARM  # the negative control: under a cap no two of models


@pytest.mark.parametrize(("share", "most"), [(0.0, 0), (0.4, 1), (0.5, 2)])
def test_models_have_at_most_their_share_of_what_is_found(share, most):
    of = web([0] * 10, [0] * 10, [0] * 2)
    marks = found(of, [0], (1, 1, 1), k=4, share=share, n=500)[:, 0]
    by_models = ((marks >= 0) & (marks < 20_000)).sum(axis=1)
    assert by_models.max() == by_models.min() == most  # there are more of them than may be taken
    assert ((marks >= 20_000).sum(axis=1) == 2).all()


def test_with_more_statements_than_are_looked_at_all_are_still_as_likely():
    of = web([0] * 30, [0] * 30, [0] * 30, times=50)  # 4,500, of which 3,000 are read
    assert drawn.LOOKED_AT < 3_000
    marks = found(of, [0], (1, 0, 1), k=1, n=20_000)[:, 0, 0]
    assert (marks // 10_000 != 1).all()
    step, source = marks % 10_000 // 100, marks // 10_000
    assert chisquare(np.unique(step + 1000 * source, return_counts=True)[1]).pvalue > FALSE_ALARM
    assert chisquare(np.unique(np.minimum(step, 49), return_counts=True)[1]).pvalue < FALSE_ALARM  # negative control


def test_what_others_write_changes_nothing_for_who_does_not_read_them():
    asked = [0, 1, 0, 3, 1, 0]
    without = web([0, 1, 0], [], [1, 0, 3, 0], times=400)
    beside = web([0, 1, 0], [1, 0, 0, 0, 3], [1, 0, 3, 0], times=400)
    one, other = (found(of, asked, (1, 0, 1), k=3, n=50) for of in (without, beside))
    np.testing.assert_array_equal(one, other)
    read = found(beside, asked, (1, 1, 1), k=3, n=50)
    assert (read != one).any()  # the negative control


def test_rows_are_independent():
    of = web([0] * 5, [0] * 5, [0] * 5)
    many = found(of, [0, 0, 1], (1, 1, 1), n=9)
    np.testing.assert_array_equal(many[:3], found(of, [0, 0, 1], (1, 1, 1), n=3))
    assert len(np.unique(many[:, 0], axis=0)) > 1


def test_nothing_is_found_on_an_empty_web():
    assert found(web([], [], []), [0, 4], (1, 1, 1)).tolist() == [[[-1, -1], [-1, -1]]]
