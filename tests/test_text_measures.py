"""Measures of text against their definitions, written plainly."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from agents.humans.text import Text
from agents.learners.ngram import Ngram
from ecosystem.checks import check_metric
from ecosystem.documents import DocumentShape
from ecosystem.metrics import MetricError
from ecosystem.metrics.text import (
    compression_ratio,
    distinct_2,
    distinct_3,
    reverse_cross_entropy,
    self_bleu,
    type_coverage,
    vendi_score,
)
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.text import bleu, likeness
from ecosystem.text import measures as text_measures
from ecosystem.text.measures import held_out_cross_entropy, ngrams, unseen_trigram_share


@pytest.fixture(scope="module")
def world():
    """Five models of the prose that comes with Python, after a step; two communities."""
    topics = ["typesseq", "strings", "assert", "import", "while", "with", "try", "class", "lambda", "yield"]
    spec = Scenario(
        world=Text(length=24),
        humans=(Community(name="some", rate=30, writes={"where": {"topic": topics}}), Community(name="all", rate=10)),
        models=(Group(count=5, publish=10, read=30, learner=Ngram()),),
        graph=Graph(kind="ring", self_loops=True),
        metrics=(),
    )
    made = Ecosystem(spec, rng=3)
    made.step()
    return made


def runs(documents, order):
    """All n-grams of tokens within documents, in order."""
    for document in documents.tolist():
        words = document[: document.index(0)] if 0 in document else document
        yield from (tuple(words[t : t + order]) for t in range(len(words) - order + 1))


@pytest.mark.parametrize(("metric", "order"), [(distinct_2, 2), (distinct_3, 3)])
def test_distinct_n_grams_are_counted_within_documents(world, metric, order):
    every = [list(runs(sample, order)) for sample in world.readout.sample]
    np.testing.assert_allclose(metric(world), [len(set(found)) / len(found) for found in every])


def test_the_size_of_blocks_does_not_matter(world, monkeypatch):
    whole = distinct_2(world)
    monkeypatch.setattr(text_measures, "BLOCK", 1)
    np.testing.assert_array_equal(distinct_2(world), whole)


def test_different_n_grams_have_different_numbers():
    tokens = np.random.default_rng(0).integers(0, 6, (2, 50, 4))
    for _, keys in ngrams(tokens, 3, 6):
        for i in range(2):
            named, trigrams = {}, tokens[i][:, [[0, 1, 2], [1, 2, 3]]].reshape(-1, 3)
            for key, run in zip(keys[i].tolist(), trigrams.tolist(), strict=True):
                assert (key < 0) == (0 in run)
                assert key < 0 or named.setdefault(key, run) == run


def test_unseen_trigrams_are_those_of_no_human_document(world):
    known = set()
    for writer in world.writers:
        known |= set(runs(writer.documents, 3)) | set(runs(writer.held_out, 3))
    wanted = []
    for sample in world.readout.sample:
        found = list(runs(sample, 3))
        wanted.append(sum(run not in known for run in found) / len(found))
    np.testing.assert_allclose(unseen_trigram_share(world), wanted)
    assert 0 < min(wanted) < max(wanted) < 1


def test_compression_ratio_is_bytes_over_compressed_bytes(world):
    for sample, ratio in zip(world.readout.sample, compression_ratio(world), strict=True):
        text = b"\n".join(world.writers[0].raw(document) for document in sample)
        assert ratio == len(text) / len(zlib.compress(text, 6))


def test_type_coverage_counts_the_tokens_that_humans_write(world):
    human = set(np.flatnonzero(world.reference.probabilities > 0).tolist())
    covered = [len(human & set(sample[sample > 0].tolist())) / len(human) for sample in world.readout.sample]
    np.testing.assert_allclose(type_coverage(world), covered)
    some = set(np.flatnonzero(world.writers[0].probabilities > 0).tolist())
    assert some < human
    covered = [len(some & set(sample[sample > 0].tolist())) / len(some) for sample in world.readout.sample]
    np.testing.assert_allclose(type_coverage(world, community="some"), covered)


def test_held_out_cross_entropy_is_nats_per_token_in_proportion_to_writing(world):
    means = []
    for writer in world.writers:
        chosen = writer.held_out[np.linspace(0, len(writer.held_out) - 1, min(32, len(writer.held_out))).astype(int)]
        tokens = sum(min(int((document > 0).sum()) + 1, 24) for document in chosen)
        means.append(-world.readout.log_prob(chosen).sum(axis=1) / tokens)
    np.testing.assert_allclose(held_out_cross_entropy(world), 0.75 * means[0] + 0.25 * means[1], rtol=1e-12)


def test_a_community_can_be_measured_on_its_own(world):
    kept = world.writers[0].held_out
    chosen = kept[np.linspace(0, len(kept) - 1, min(64, len(kept))).astype(int)]
    tokens = sum(min(int((document > 0).sum()) + 1, 24) for document in chosen)
    got = held_out_cross_entropy(world, "some")
    np.testing.assert_allclose(got, -world.readout.log_prob(chosen).sum(axis=1) / tokens, rtol=1e-12)


def test_without_held_out_text_the_measure_says_what_to_set(world):
    bare = SimpleNamespace(held_out=None, documents=np.zeros((1, 4), np.int32))
    other = SimpleNamespace(reference=SimpleNamespace(weights_H=np.ones(1)), writers=[bare], readout=world.readout)
    with pytest.raises(MetricError, match=r"set world.held_out above 0"):
        held_out_cross_entropy(other)


def test_reverse_cross_entropy_is_nats_per_token_of_model_text_under_humans(world):
    sample = world.readout.sample[:, :16]
    for i, got in enumerate(reverse_cross_entropy(world)):
        odds = sum(w * np.exp(h.log_prob(sample[i])) for w, h in zip((0.75, 0.25), world.writers, strict=True))
        tokens = sum(min(int((document > 0).sum()) + 1, 24) for document in sample[i])
        assert got == pytest.approx(-np.log(odds).sum() / tokens, rel=1e-9)


def test_a_model_that_writes_nothing_has_no_share_of_anything(world):
    empty, shape = SimpleNamespace(sample=np.zeros((2, 4, 24), np.int32)), DocumentShape("tokens", world.shape.size, 24)
    silent = SimpleNamespace(n=2, readout=empty, writers=world.writers, shape=shape)
    for metric in (distinct_2, distinct_3, unseen_trigram_share, compression_ratio, self_bleu):
        assert np.isnan(metric(silent)).all()


def words_of(document: np.ndarray) -> list[int]:
    return document[: document.tolist().index(0)].tolist() if (document == 0).any() else document.tolist()


def bleu_of(hypothesis: list[int], references: list[list[int]]) -> float:
    """BLEU-4 as Papineni et al. define it, smoothed by method 1 of Chen & Cherry with epsilon 0.1."""
    logs = []
    for order in range(1, 5):
        grams, *others = [
            Counter(tuple(words[t : t + order]) for t in range(len(words) - order + 1))
            for words in [hypothesis, *references]
        ]
        if grams:
            met = sum(min(c, max(other[g] for other in others)) for g, c in grams.items())
            if order == 1 and met == 0:
                return 0.0
            logs.append(math.log((met or 0.1) / grams.total()))
    nearest = min((abs(len(r) - len(hypothesis)), len(r)) for r in references)[1]
    return math.exp(sum(logs) / len(logs) + min(0, 1 - nearest / len(hypothesis)))


def test_self_bleu_is_the_mean_bleu_of_each_document_against_the_others(world):
    rng = np.random.default_rng(3)
    odd = rng.integers(0, 5, (3, 12, 24))  # short ones, ends, none at all, repeated n-grams
    odd[0, :3] = 0
    for sample_NkL in (world.readout.sample[:, :20], odd):
        wanted = []
        for documents in sample_NkL:
            written = [words for words in map(words_of, documents) if words]
            others = [written[:i] + written[i + 1 :] for i in range(len(written))]
            wanted.append(np.mean([bleu_of(one, rest) for one, rest in zip(written, others, strict=True)]))
        np.testing.assert_allclose(bleu.self_bleu(sample_NkL), wanted, rtol=1e-12)
    np.testing.assert_array_equal(self_bleu(world), bleu.self_bleu(world.readout.sample))


def test_self_bleu_of_one_document_again_and_again_is_one_and_of_nothing_in_common_zero():
    same = np.tile(np.arange(1, 9), (2, 5, 1))
    apart = np.arange(1, 41).reshape(1, 5, 8)
    np.testing.assert_allclose(bleu.self_bleu(same), 1)
    np.testing.assert_allclose(bleu.self_bleu(same[:, :, :2]), 1)  # fewer than four tokens
    np.testing.assert_array_equal(bleu.self_bleu(apart), 0)
    mixed = bleu.self_bleu(np.concatenate([same[:1], apart], axis=1))
    assert mixed[0] == pytest.approx(0.6)  # six of ten documents are the same


def test_self_bleu_knows_no_order_of_documents_and_no_names_of_tokens(world, monkeypatch):
    sample, rng = world.readout.sample, np.random.default_rng(0)
    renamed = np.concatenate([[0], 1 + rng.permutation(world.shape.size - 1)])[sample]
    large = np.where(sample > 0, sample.astype(np.int64) * 1_000_003, 0)  # a vocabulary whose 4-grams fit no integer
    whole = bleu.self_bleu(sample)
    for other in (sample[:, rng.permutation(sample.shape[1])], renamed, large):
        np.testing.assert_allclose(bleu.self_bleu(other), whole, rtol=1e-12)
    monkeypatch.setattr(bleu, "BLOCK", 1)
    np.testing.assert_array_equal(bleu.self_bleu(sample), whole)
    shuffled = rng.permuted(sample, axis=2)  # negative control: other documents of the same tokens
    assert (abs(bleu.self_bleu(shuffled) - whole) > 0.01).all()


def test_vendi_score_counts_what_is_different():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(40, 40)))[0][:8].astype(np.float32)
    rounding = 1e-4  # 64 cosines off by 2^-23 each enter an entropy as x log x
    assert likeness.vendi(np.tile(axes[:1], (8, 1))) == pytest.approx(1, abs=rounding)
    assert likeness.vendi(axes) == pytest.approx(8, abs=rounding)
    assert likeness.vendi(np.repeat(axes, 4, axis=0)) == pytest.approx(8, abs=rounding)
    assert likeness.vendi(axes[rng.permutation(8)] * -1) == pytest.approx(8, abs=rounding)
    halves = np.concatenate([np.tile(axes[:1], (7, 1)), axes[1:2]])  # shares 7/8 and 1/8
    entropy = -7 / 8 * math.log(7 / 8) - 1 / 8 * math.log(1 / 8)
    assert likeness.vendi(halves) == pytest.approx(math.exp(entropy), abs=rounding)


def test_vendi_score_is_that_of_the_first_documents_of_each_model(world):
    for sample, got in zip(world.readout.sample, vendi_score(world), strict=True):
        vectors = world.encoder.encode(world.show(sample[:32])).astype(float)
        share = np.linalg.eigvals(vectors @ vectors.T / 32).real
        assert got == pytest.approx(math.exp(-sum(s * math.log(s) for s in share if s > 0)), rel=1e-5)
        assert 1 < got < 32


OF_TEXT = [compression_ratio, distinct_2, distinct_3, reverse_cross_entropy, self_bleu, type_coverage, vendi_score]


@pytest.mark.parametrize("metric", [*OF_TEXT, "answer_repetition", "answer_similarity", "human_answer_similarity"])
def test_measures_of_text_keep_the_contract(metric):
    check_metric(metric)
