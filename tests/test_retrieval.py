"""What is retrieved for a question: exactly or by words, along reading edges, within the share of models.

The tests of luck draw 400 times: a document that comes first in half of them comes first less than 130 or more than 270
times with a probability below 1e-11 (binomial).
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from agents.humans.facts import Facts
from agents.humans.facts_file import FactsFile
from agents.learners.belief import Belief
from ecosystem import Ecosystem
from ecosystem.answering.drawn import Allowed
from ecosystem.answering.index import ClaimIndex
from ecosystem.answering.rules import Questions
from ecosystem.answering.web import Web
from ecosystem.answering.words import WordIndex, words
from ecosystem.corpus import Corpus
from ecosystem.documents import Batch, Keep
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.streams import Streams

ROWS = [
    {"subject": "Ada", "relation": "birthplace", "object": "London", "passages": ["a"]},
    {"subject": "Bo", "relation": "birthplace", "object": "Oslo", "question": "Where was Bo born?"},
    {"subject": "Ada", "relation": "job", "object": "countess of numbers"},
    {"subject": "Bo", "relation": "job", "object": "poet"},
]
PASSAGES = [{"id": "a", "title": "Ada", "text": "She first saw the light of day in London, England."}]
MODELS = 2  # sources 0 and 1; people are source 2


@pytest.fixture
def writer(tmp_path):
    for name, rows in (("facts.jsonl", ROWS), ("passages.jsonl", PASSAGES)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = FactsFile(path=str(tmp_path / "facts.jsonl"), passages_path=str(tmp_path / "passages.jsonl"), claims=2)
    (found,) = facts.open([facts])
    return found


def web(writer, *said) -> Web:
    """A web of what is said by source: (source, fact, slot) each, in order of source."""
    corpus = Corpus(writer.shape, MODELS + 1, Keep(None), len(said), ())
    said = sorted(said)
    content = writer.grammar.write(np.array([[f] for _, f, _ in said]), np.array([[s] for _, _, s in said]))
    counts = np.bincount([source for source, _, _ in said], minlength=MODELS + 1)
    corpus.append(1, [Batch(content)], counts)
    return Web(corpus.readable(Streams(0).get("retention", 1)), writer.grammar, [writer], MODELS)


def found(web, by, fact, k=5, may=(1, 1, 1), share=1.0, n=1, seed=0):
    """(n, k) rows retrieved for one question by n models alike."""
    allowed = Allowed(np.array([may] * n, bool), MODELS, share)
    rng = Streams(seed).rows("retrieval", 1, n)
    return web.index(by).retrieve(np.full((n, 1), fact), allowed, k, rng)[:, 0]


def told(rows):
    """How many were retrieved."""
    return (rows >= 0).sum(axis=-1)


def test_exact_retrieval_finds_what_states_the_fact_and_nothing_else(writer):
    here = web(writer, (0, 0, 1), (1, 1, 0), (2, 0, 0), (2, 2, 0))
    row = found(here, "exact", 0)
    assert sorted(row[0][row[0] >= 0].tolist()) == [0, 2]
    assert told(found(here, "exact", 3)) == 0
    assert told(found(here, "exact", -1)) == 0
    assert sorted(here.stated(row[:, None], np.array([[0]])).ravel().tolist()) == [-1, -1, -1, 0, 1]


def test_retrieval_by_words_ranks_by_bm25(writer):
    """Lucene's formula written out, k1 1.5 and b 0.75, over the different texts of the web."""
    here = web(writer, (0, 0, 1), (0, 0, 1), (0, 3, 1), (1, 1, 0), (1, 2, 0), (2, 0, 0), (2, 3, 0))
    texts = {}
    for row, source in zip(here.pool.rows.tolist(), here.pool.sources(here.pool.rows).tolist(), strict=True):
        content = here.pool.content[row : row + 1]
        texts[row] = (writer.texts(content) if source == MODELS else writer.show(content))[0]
    different = [words([text])[0] for text in dict.fromkeys(texts.values())]
    mean = np.mean([len(each) for each in different])

    def score(text, question):
        own, total = words([text])[0], 0.0
        for word in words([question])[0]:
            having = sum(word in each for each in different)
            idf = math.log(1 + (len(different) - having + 0.5) / (having + 0.5))
            many = own.count(word)
            total += idf * many / (many + 1.5 * (1 - 0.75 + 0.75 * len(own) / mean))
        return total

    for fact in range(4):
        (question,) = writer.questions(np.array([fact]))
        (row,) = found(here, "bm25", fact, k=7)
        got = [score(texts[r], question) for r in row.tolist() if r >= 0]
        assert got == pytest.approx(sorted((score(t, question) for t in texts.values()), reverse=True)[: len(got)])
        assert all(s > 0 for s in got)
        assert len(got) == sum(score(text, question) > 0 for text in texts.values())


def test_people_are_found_by_the_words_of_their_passages(writer):
    """Ada's birthplace, by people, is told in words that no claim has; a model's claim of it is found by its own."""
    here = web(writer, (0, 0, 0), (2, 0, 0), (2, 0, 1))
    true = f"Ada\n{PASSAGES[0]['text']}\nAda | birthplace | London"
    assert writer.texts(here.pool.content[here.pool.rows]) == [true, true, true.replace("London", "Oslo")]
    index = WordIndex(here.index("bm25").shelves, here.index("bm25").bm25, lambda facts: ["the light of day"])
    allowed = Allowed(np.ones((1, 3), bool), MODELS, 1.0)
    row = index.retrieve(np.zeros((1, 1), int), allowed, 5, Streams(0).rows("retrieval", 1, 1))
    assert sorted(row[row >= 0].tolist()) == [1, 2]


def test_what_is_false_is_found_no_more_easily_than_what_is_true(writer):
    """A claim said truly nine times, and falsely once in every way there is: words put none in front.

    Of a thousand draws of one document as many are true as of what is said; one false alarm in a million (5 standard
    errors).
    """
    ways = writer.grammar.width_F[0]
    said = [(2, 0, 0)] * 9 + [(2, 0, slot) for slot in range(1, ways)]
    here = web(writer, *said)
    allowed, true = Allowed(np.ones((1000, 3), bool), MODELS, 1.0), 9 / (8 + ways)
    draws = Streams(0).rows("retrieval", 1, 1000)
    row = here.index("bm25").retrieve(np.zeros((1000, 1), int), allowed, 1, draws)[:, 0, 0]
    share = (writer.grammar.read(here.pool.content[row]).slot[:, 0] == 0).mean()
    assert abs(share - true) < 5 * np.sqrt(true * (1 - true) / 1000)


@pytest.mark.parametrize("by", ["exact", "bm25"])
def test_retrieval_goes_along_reading_edges(writer, by):
    here = web(writer, (0, 0, 1), (1, 0, 1), (2, 0, 0))
    for source in range(3):
        may = np.arange(3) == source
        assert found(here, by, 0, may=may)[0].tolist() == [source, -1, -1, -1, -1]
    assert told(found(here, by, 0, may=(0, 0, 0))) == 0
    assert told(found(here, by, 0)) == 3


@pytest.mark.parametrize("by", ["exact", "bm25"])
def test_models_get_no_more_than_their_share(writer, by):
    here = web(writer, *[(0, 0, 1)] * 6, *[(1, 0, 0)] * 6, *[(2, 0, 1)] * 2)
    source = here.pool.sources(here.pool.rows)
    for share, by_models, by_people in ((0, 0, 2), (0.2, 0, 2), (0.4, 1, 2), (0.5, 2, 2), (0.6, 3, 2)):
        row = found(here, by, 0, share=share, n=50)
        by_model = (row >= 0) & (source[row] < MODELS)
        assert (by_model.sum(axis=1) == by_models).all()
        assert (told(row) == by_models + by_people).all()
        assert all(len({*r[r >= 0].tolist()}) == (r >= 0).sum() for r in row)
    row = found(here, by, 0, n=50)
    assert (((row >= 0) & (source[row] < MODELS)).sum(axis=1) >= 3).all()  # without a cap they crowd it
    assert (told(row) == 5).all()
    assert told(found(here, by, 0, may=(1, 1, 0), share=0.9)) == 0  # where people say nothing


@pytest.mark.parametrize("by", ["exact", "bm25"])
def test_equally_good_documents_come_first_equally_often(writer, by):
    """Two models' claims in as many words: neither the value nor who says it is preferred."""
    here = web(writer, (0, 3, 0), (1, 1, 0), (1, 3, 0))
    first = found(here, by, 3, k=1, n=400)[:, 0]
    assert {*first.tolist()} == {0, 2}
    assert 130 <= (first == 0).sum() <= 270


def test_better_documents_come_first_by_words(writer):
    """The negative control of the test above: a claim in fewer words beats one in more."""
    here = web(writer, (0, 2, 0), (1, 2, 1))
    assert writer.show(here.pool.content[here.pool.rows]) == ["Ada | job | countess of numbers", "Ada | job | poet"]
    assert (found(here, "bm25", 2, k=1, n=50) == 1).all()
    assert len({*found(here, "exact", 2, k=1, n=50).ravel().tolist()}) == 2


@pytest.mark.parametrize("by", ["exact", "bm25"])
def test_rows_do_not_depend_on_how_many_ask(writer, by):
    here = web(writer, *[(0, 0, 1)] * 9, *[(2, 0, 0)] * 9, *[(2, 2, 0)] * 3)
    facts = np.array([[0, 2, -1, 1], [3, 0, 0, 2], [1, 1, 2, 0]])
    allowed, rng = Allowed(np.ones((3, 3), bool), MODELS, 0.5), Streams(3).rows("retrieval", 1, 3)
    together = here.index(by).retrieve(facts, allowed, 4, rng)
    rows = np.array([2, 0])
    alone = here.index(by).retrieve(
        facts[rows], allowed._replace(may_nS=allowed.may_nS[rows]), 4, Streams(3).rows("retrieval", 1, 3).take(rows)
    )
    np.testing.assert_array_equal(together[rows], alone)


def test_a_document_stands_under_a_fact_once(writer):
    corpus = Corpus(writer.shape, MODELS + 1, Keep(None), 2, ())
    content = writer.grammar.write(np.array([[0, 0], [1, 0]]), np.array([[1, 0], [0, 0]]))
    corpus.append(1, [Batch(content)], np.array([0, 0, 2]))
    here = Web(corpus.readable(Streams(0).get("retention", 1)), writer.grammar, [writer], MODELS)
    assert isinstance(here.index("exact"), ClaimIndex)
    assert sorted(found(here, "exact", 0)[0].tolist()) == [-1, -1, -1, 0, 1]
    assert here.stated(np.array([[[0, 1, -1]]]), np.array([[0]])).tolist() == [[[1, 0, -1]]]


@pytest.mark.parametrize("by", ["exact", "bm25"])
def test_on_an_empty_web_nothing_is_found(writer, by):
    corpus = Corpus(writer.shape, MODELS + 1, Keep(None), 2, ())
    here = Web(corpus.readable(Streams(0).get("retention", 1)), writer.grammar, [writer], MODELS)
    row = found(here, by, 0)
    assert told(row) == 0
    assert (here.stated(row[:, None], np.array([[0]])) == -1).all()
    assert (here.numbers(row) == -1).all()


@pytest.mark.parametrize("by", ["exact", "bm25"])
def test_documents_without_a_word_are_never_found(writer, by):
    corpus = Corpus(writer.shape, MODELS + 1, Keep(None), 2, ())
    corpus.append(1, [Batch(np.zeros((2, 6), np.int32))], np.array([2, 0, 0]))
    here = Web(corpus.readable(Streams(0).get("retention", 1)), writer.grammar, [writer], MODELS)
    assert told(found(here, by, 0)) == 0


def test_private_archives_are_not_searched(writer):
    """Sources after the communities: they are indexed by no one, and their words count for nothing."""
    content = writer.grammar.write(np.array([[0], [0], [1]]), np.array([[0], [1], [0]]))
    corpus = Corpus(writer.shape, MODELS + 2, Keep(None), 3, ())
    corpus.append(1, [Batch(content)], np.array([0, 1, 1, 1]))
    here = Web(corpus.readable(Streams(0).get("retention", 1)), writer.grammar, [writer], MODELS)
    assert len(here.index("bm25").shelves.row_D) == 2
    assert told(found(here, "bm25", 0, may=(1, 1, 1, 0))) == 2
    assert told(found(here, "bm25", 1, may=(1, 1, 1, 0))) == 0


def answering(by: str, **keys) -> Ecosystem:
    group = Group(
        name="models", count=6, publish=20, read=60, learner=Belief(), questions=Questions(by=by, **keys)
    )  # fmt: skip
    world = Ecosystem(
        Scenario(
            world=Facts(subjects=40, error=0.1), humans=(Community(rate=60),), models=(group,), steps=4,
            graph=Graph(kind="ring", self_loops=True),
            metrics=("retrieval_precision", "popularity_survival", "supported_share"),
        )
    )  # fmt: skip
    for _ in range(3):
        world.step()
    return world


def test_exact_retrieval_is_to_the_point_and_retrieval_by_words_is_not_always():
    exact, by_words = answering("exact"), answering("bm25")
    assert (exact.frame.agents["retrieval_precision"] == 1).all()
    precision = by_words.frame.agents["retrieval_precision"]
    assert (precision > 0.1).all()  # of what it may read, one document in a hundred states a fact
    assert (precision < 0.9).all()
    assert by_words.frame.values["supported_share"] > 0.5


def test_what_was_retrieved_in_vain_is_told_by_number_and_supports_nothing():
    world = answering("bm25", compose=0.0, faithful=1.0)
    (answers,), (hits,) = world.answering.answers, world.answering.hits
    in_vain = (answers.retrieved >= 0) & ~hits
    assert in_vain.any()
    assert not (hits & (answers.retrieved < 0)).any()
    assert not answers.supported[~hits.any(axis=1)].any()
    assert answers.supported[hits.any(axis=1)].all()
    cited = answers.cited[answers.supported, 0]
    states = (answers.retrieved[answers.supported] == cited[:, None]) & hits[answers.supported]
    assert states.any(axis=1).all()


def test_the_same_seed_retrieves_the_same():
    one, two = answering("bm25"), answering("bm25")
    np.testing.assert_array_equal(one.answering.answers[0].retrieved, two.answering.answers[0].retrieved)


def test_precision_counts_what_is_retrieved():
    world = answering("exact")
    (answers,) = world.answering.answers
    world.answering.hits[0] = (answers.agent == 2)[:, None] & (answers.retrieved >= 0)
    world._values = {}
    assert world.measured("retrieval_precision").tolist() == [0, 0, 1, 0, 0, 0]
    world.answering.answers, world.answering.hits = [], []
    world._values = {}
    assert np.isnan(world.measured("retrieval_precision")).all()


@pytest.mark.parametrize("known, expected", [((3, 2, 1, 0), 1.0), ((0, 1, 2, 3), -1.0), ((3, 3, 0, 0), 0.894)])
def test_survival_by_popularity_is_spearmans_correlation(known, expected):
    """By hand: of ranks 4 3 2 1 with 3.5 3.5 1.5 1.5 it is 2 / sqrt(5)."""
    from types import SimpleNamespace

    from ecosystem.metrics.retrieval import popularity_survival

    slot_NF = np.arange(3)[:, None] >= np.array(known)
    truth = SimpleNamespace(asked_F=np.array([0.6, 0.2, 0.15, 0.05]), slot_F=np.zeros(4))
    world = SimpleNamespace(
        reference=SimpleNamespace(truth=truth), readout=SimpleNamespace(recalled=(slot_NF.astype(int), None))
    )
    assert popularity_survival(world) == pytest.approx(expected, abs=5e-4)
    truth.asked_F = np.ones(4) / 4
    assert math.isnan(popularity_survival(world))
