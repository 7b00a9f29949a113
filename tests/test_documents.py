"""The corpus against a plain list of records that is searched from the start."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chi2

from ecosystem.corpus import Corpus
from ecosystem.documents import Batch, DocumentShape, Keep

ITEMS = DocumentShape("items", 10**9)
SOURCES = 5
ALARM = 1e-6  # false-alarm rate of each statistical test below


class Records:
    """Everything ever published, one row a document: (number, step, source, content, depth, parent)."""

    def __init__(self):
        self.rows: list[tuple] = []

    def publish(self, corpus: Corpus, step: int, rng: np.random.Generator, most: int) -> None:
        counts_S = rng.integers(0, most + 1, SOURCES) * (rng.random(SOURCES) < 0.8)
        m = int(counts_S.sum())
        content, depth, parent = rng.integers(10**9, size=m), rng.integers(9, size=m), rng.integers(-1, 99, m)
        cut = int(counts_S[:2].sum())
        batches = [Batch(content[:cut], depth[:cut], parent[:cut]), Batch(content[cut:], depth[cut:], parent[cut:])]
        corpus.append(step, batches, counts_S)
        source = np.repeat(np.arange(SOURCES), counts_S)
        first = len(self.rows)
        columns = (range(first, first + m), [step] * m, source, content, depth, parent)
        self.rows += [tuple(map(int, row)) for row in zip(*columns, strict=True)]

    def kept(self, step: int, window: int | None) -> list[tuple]:
        return [row for row in self.rows if window is None or row[1] > step - window]


def addressed(pool, source: int) -> np.ndarray:
    """Rows of the readable documents of a source, by the rule in Pool's docstring."""
    rows = []
    for r in range(int(pool.counts_S[source])):
        g = next(g for g in range(len(pool.start_GS)) if pool.cumulative_GS[g + 1, source] > r)
        assert pool.cumulative_GS[g, source] <= r
        rows.append(pool.start_GS[g, source] + r - pool.cumulative_GS[g, source])
    return np.array(rows, np.int64)


def check(pool, kept: list[tuple]) -> None:
    """A pool holds exactly these records, source by source, oldest first."""
    for source in range(SOURCES):
        rows, mine = addressed(pool, source), [row for row in kept if row[2] == source]
        assert pool.documents(rows).tolist() == [row[0] for row in mine]
        assert pool.content[rows].tolist() == [row[3] for row in mine]
        assert pool.depth[rows].tolist() == [row[4] for row in mine]


@pytest.mark.parametrize("window", [1, 2, 5, None])
@pytest.mark.parametrize("expected", [0, 3000])
def test_everything_kept_is_found_where_the_pool_says(window, expected):
    rng, records = np.random.default_rng(window or 0), Records()
    corpus = Corpus(ITEMS, SOURCES, Keep(window), expected)
    for step in range(1, 41):
        records.publish(corpus, step, rng, most=0 if step in (7, 8, 9, 10, 11, 12) else 150)
        kept = records.kept(step, window)
        assert (len(corpus), corpus.published) == (len(kept), len(records.rows))
        assert corpus.counts_S().tolist() == [sum(row[2] == s for row in kept) for s in range(SOURCES)]
        check(corpus.readable(), kept)


@pytest.mark.parametrize("window", [1, 3, None])
def test_the_documents_of_a_kept_step_come_back_as_published(window):
    rng, records = np.random.default_rng(1), Records()
    corpus = Corpus(ITEMS, SOURCES, Keep(window))
    for step in range(1, 31):
        records.publish(corpus, step, rng, most=150)
        for old in range(max(1, step - (window or step) + 1), step + 1):
            found, mine = corpus.documents(old), [row for row in records.rows if row[1] == old]
            columns = (found.document, found.step, found.source, found.content, found.depth, found.parent)
            assert list(zip(*(column.tolist() for column in columns), strict=True)) == mine
        if window is not None and step > window:
            with pytest.raises(KeyError, match=f"Step {step - window} is no longer kept"):
                corpus.documents(step - window)


@pytest.mark.parametrize("window", [1, 2, None])
def test_a_pool_stays_as_it_was_while_the_web_goes_on(window):
    rng, records = np.random.default_rng(2), Records()
    corpus, pools = Corpus(ITEMS, SOURCES, Keep(window)), []
    for step in range(1, 21):
        records.publish(corpus, step, rng, most=150)
        pools.append((corpus.readable(), records.kept(step, window)))
    for pool, kept in pools:
        check(pool, kept)


def test_memory_is_bounded_by_what_is_kept():
    corpus = Corpus(ITEMS, 1, Keep(window=2))
    for step in range(500):
        corpus.append(step, [Batch(np.zeros(700, np.int32))], np.array([700]))
    assert len(corpus.readable().content) <= len(corpus._columns["depth"]) <= 4 * 1400
    assert corpus.published == 500 * 700


def test_no_more_than_a_fixed_amount_is_reserved_ahead():
    tokens = DocumentShape("tokens", 100, 64)
    assert len(Corpus(tokens, 1, Keep(None), 10**16)._columns["depth"]) == 2**24


def test_an_empty_web_can_be_read():
    pool = Corpus(ITEMS, SOURCES, Keep()).readable()
    assert pool.counts_S.tolist() == [0] * SOURCES
    corpus = Corpus(ITEMS, SOURCES, Keep())
    corpus.append(1, [], np.zeros(SOURCES, np.int64))
    assert corpus.readable().counts_S.tolist() == [0] * SOURCES
    assert len(corpus.documents(1)) == 0


def test_counts_must_add_up():
    with pytest.raises(ValueError, match=r"must add up to the number of documents, 3\. Got 2"):
        Corpus(ITEMS, 1, Keep()).append(0, [Batch(np.zeros(3, np.int32))], np.array([2]))


@pytest.mark.parametrize("kind", ["items", "tokens", "vectors", "pairs"])
def test_every_shape_of_document_is_kept_whole(kind):
    shape = DocumentShape(kind, 7, 3 if kind == "tokens" else 1)
    content = np.random.default_rng(0).integers(7, size=(4, *shape.trailing)).astype(shape.dtype)
    corpus = Corpus(shape, 1, Keep())
    corpus.append(1, [Batch(content)], np.array([4]))
    assert np.array_equal(corpus.documents(1).content, content)
    assert corpus.documents(1).content.dtype == shape.dtype


def test_a_subsample_holds_documents_as_they_are_and_none_twice():
    rng, records = np.random.default_rng(3), Records()
    corpus = Corpus(ITEMS, SOURCES, Keep(None, subsample=300))
    for step in range(1, 12):
        records.publish(corpus, step, rng, most=100)
        pool = corpus.readable(np.random.default_rng(step))
        assert pool.counts_S.sum() == min(300, len(records.rows))
        rows = np.concatenate([addressed(pool, source) for source in range(SOURCES)])
        numbers = pool.documents(rows)
        assert np.unique(numbers).size == numbers.size
        check(pool, sorted(records.rows[number] for number in numbers))


def test_a_subsample_is_uniform_and_drawn_anew():
    rng, records = np.random.default_rng(4), Records()
    corpus = Corpus(ITEMS, SOURCES, Keep(None, subsample=30))
    for step in range(1, 5):
        records.publish(corpus, step, rng, most=10)
    m, draws = len(records.rows), 4000
    hits_M = np.zeros(m)
    for seed in range(draws):
        pool = corpus.readable(np.random.default_rng(seed))
        np.add.at(hits_M, pool.documents(np.arange(30)), 1)
    assert hits_M.sum() == 30 * draws
    assert dispersion(hits_M, 30 / m, draws) < chi2.isf(ALARM, m - 1)
    hits_M[: m // 4] *= 1.1  # negative control: old documents a tenth too often
    assert dispersion(hits_M, hits_M.sum() / m / draws, draws) > chi2.isf(ALARM, m - 1)


def test_a_subsample_is_of_the_web_and_archives_keep_the_same_share():
    """Documents of step 0 are archives (the last source here). False-alarm rate ALARM, with a negative control."""
    corpus = Corpus(ITEMS, 2, Keep(None, subsample=25))
    corpus.append(0, [Batch(np.arange(1000))], np.array([0, 1000]))
    corpus.append(1, [Batch(np.arange(20))], np.array([20, 0]))
    assert corpus.readable().counts_S.tolist() == [20, 1000]
    corpus.append(2, [Batch(np.arange(30))], np.array([30, 0]))
    pools = [corpus.readable(np.random.default_rng(seed)) for seed in range(50)]
    assert {int(pool.counts_S[0]) for pool in pools} == {25}
    private = int(sum(pool.counts_S[1] for pool in pools))
    assert binomtest(private, 50_000, 0.5).pvalue > ALARM
    assert binomtest(private, 50_000, 0.53).pvalue < ALARM
    for pool in pools:
        numbers = [pool.documents(addressed(pool, source)) for source in range(2)]
        assert (numbers[0] >= 1000).all()
        assert (numbers[1] < 1000).all()


def dispersion(hits_M: np.ndarray, share: float, draws: int) -> float:
    """Chi-square, m - 1 degrees, of how often each document was in a sample that has none twice."""
    m = hits_M.size
    return float(((hits_M - draws * share) ** 2).sum() / (draws * share * (1 - share)) * (m - 1) / m)


def test_a_subsample_needs_a_generator():
    corpus = Corpus(ITEMS, 1, Keep(None, subsample=1))
    corpus.append(1, [Batch(np.zeros(3, np.int32))], np.array([3]))
    with pytest.raises(ValueError, match="needs a random generator"):
        corpus.readable()


@pytest.mark.parametrize("keep", [Keep(window=None), Keep(window=2), Keep(window=None, subsample=9)])
def test_who_wrote_a_document_is_the_same_looked_up_for_all_or_searched_for_one(keep):
    """Counts with gaps: sources that wrote nothing, at the beginning, in between and at the end."""
    rng, corpus = np.random.default_rng(0), Corpus(ITEMS, 5, keep)
    for t in range(6):
        counts = rng.integers(0, 4, 5) * (rng.random(5) < 0.6)
        corpus.append(t, [Batch(np.zeros(counts.sum(), np.int32))], counts)
    pool = corpus.readable(np.random.default_rng(1))
    rows = pool.start_GS[0, 0] + np.arange(pool.counts_S.sum())
    searched = [pool.sources(rows[m : m + 1])[0] for m in range(len(rows))]
    np.testing.assert_array_equal(pool.sources(rows), searched)
    np.testing.assert_array_equal(np.bincount(searched, minlength=5), pool.counts_S)
    mixed = rng.permutation(len(corpus))
    for name in ("source", "step", "document"):
        np.testing.assert_array_equal(
            getattr(corpus.at(mixed), name), getattr(corpus.at(np.arange(len(corpus))), name)[mixed]
        )
