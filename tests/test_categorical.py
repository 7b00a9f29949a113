"""The categorical model and Zipf's world against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams

ALARM = 1e-6  # false-alarm rate of each statistical test below
K = 12
SHAPE = DocumentShape("items", K)
CONTENT = np.array([[3, 3, 3, 5, 5, 7, 0, 0], [11, 11, 2, 2, 2, 2, 2, 9]], np.int32)
WEIGHT = np.array([[1, 1, 1, 2, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 0.5]])


def draws(purpose: str = "x", n: int = 2):
    return Streams(0).rows(purpose, 1, n)


def trained(learner: Categorical, content=CONTENT, weight=WEIGHT) -> dict:
    fresh = learner.init(len(content), SHAPE, draws("init", len(content)))
    return learner.train(fresh, content, weight, draws("train"))


def probabilities(learner: Categorical, params: dict) -> np.ndarray:
    return np.exp(learner.log_prob(params, np.arange(K)))


def by_hand(learner: Categorical) -> np.ndarray:
    """Frequencies, + smoothing, ^ (1 / temperature), top-p, one model and item after the other."""
    out = np.zeros((2, K))
    for i in range(2):
        read = list(zip(CONTENT[i], WEIGHT[i], strict=True))
        mass = [sum(w for x, w in read if x == k) + learner.smoothing for k in range(K)]
        mass = [(m / sum(mass)) ** (1 / learner.temperature) if m > 0 else 0.0 for m in mass]
        ranked, kept = sorted(range(K), key=lambda k, mass=mass: -mass[k]), 0.0
        for k in ranked:
            if kept / sum(mass) < learner.top_p - 1e-12:
                out[i, k] = mass[k]
                kept += mass[k]
        out[i] /= out[i].sum()
    return out


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0, 0.01])
@pytest.mark.parametrize("top_p", [1.0, 0.6, 0.5, 1e-9])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_probabilities_are_frequencies_smoothed_sharpened_and_cut(temperature, top_p, smoothing):
    if smoothing and top_p == 0.6:
        top_p = 0.61  # no tie at the cut: which of equal items stays is not stated
    learner = Categorical(temperature=temperature, top_p=top_p, smoothing=smoothing)
    assert probabilities(learner, trained(learner)) == pytest.approx(by_hand(learner), abs=1e-12)


@pytest.mark.parametrize("keys", [dict(), dict(temperature=0.6), dict(smoothing=0.3), dict(top_p=0.9)], ids=repr)
def test_documents_are_written_by_their_probabilities(keys):
    learner = Categorical(**keys)
    params = trained(learner)
    written = learner.sample(params, 20_000, draws("publish"))
    content = written[0] if isinstance(written, tuple) else written
    for i, p in enumerate(probabilities(learner, params)):
        counts = np.bincount(content[i], minlength=K)
        assert counts[p == 0].sum() == 0
        assert chisquare(counts[p > 0], 20_000 * p[p > 0]).pvalue > ALARM
        wrong = p[p > 0] ** 1.2 / (p[p > 0] ** 1.2).sum()  # negative control
        assert chisquare(counts[p > 0], 20_000 * wrong).pvalue < ALARM


def test_a_plain_model_says_which_document_it_copies():
    learner = Categorical()
    assert learner.copies
    content, column = learner.sample(trained(learner), 500, draws("publish"))
    assert np.array_equal(np.take_along_axis(CONTENT, column, axis=1), content)
    assert (np.take_along_axis(WEIGHT, column, axis=1) > 0).all()
    for learner in (Categorical(temperature=0.9), Categorical(top_p=0.9), Categorical(smoothing=1e-9)):
        assert not learner.copies
        assert isinstance(learner.sample(trained(learner), 5, draws("publish")), np.ndarray)


def test_a_full_share_cuts_nothing_and_a_share_met_exactly_cuts_the_rest():
    even = np.repeat(np.arange(10, dtype=np.int32), 3)[None]
    for top_p, kept in ((0.3, 3), (0.7, 7), (0.71, 8), (1.0, 10)):
        learner = Categorical(top_p=top_p, temperature=1.0)
        params = trained(learner, even, np.ones(even.shape))
        assert (probabilities(learner, params) > 0).sum() == kept


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_extreme_temperatures_stay_finite(smoothing):
    for temperature in (1e-3, 100.0):
        learner = Categorical(temperature=temperature, smoothing=smoothing)
        p = probabilities(learner, trained(learner))
        assert p.sum(axis=1) == pytest.approx(np.ones(2))
        if temperature < 1:
            assert p.max(axis=1) == pytest.approx([0.5, 1.0])  # model 0 has two items that lead


def test_zipf_probabilities_fall_with_rank():
    p = Zipf(items=50, exponent=1.5).item_probabilities()
    assert p == pytest.approx(np.arange(1, 51) ** -1.5 / (np.arange(1, 51) ** -1.5).sum())
    part = Zipf(items=50, first=10, span=5).item_probabilities()
    assert part[10:15] == pytest.approx(np.array([60, 30, 20, 15, 12]) / 137)
    assert part.sum() == pytest.approx(1)
    assert np.flatnonzero(part).tolist() == [10, 11, 12, 13, 14]
    assert Zipf(items=7, exponent=0).item_probabilities() == pytest.approx(np.full(7, 1 / 7))


@pytest.mark.parametrize("keys", [dict(items=30), dict(items=30, first=4, span=6, exponent=2), dict(items=1)], ids=repr)
def test_zipf_writes_by_its_probabilities(keys):
    source = Zipf(**keys)
    writer = source.open([source])[0]
    content, p = writer.sample(5000, draws("humans", 4)), source.item_probabilities()
    counts = np.bincount(content.ravel(), minlength=source.items)
    assert content.shape == (4, 5000)
    assert counts[p == 0].sum() == 0
    assert np.exp(writer.log_prob(np.arange(source.items))) == pytest.approx(p)
    if source.items > 1:
        assert chisquare(counts[p > 0], 20_000 * p[p > 0]).pvalue > ALARM
        assert chisquare(counts[p > 0], np.full((p > 0).sum(), 20_000 / (p > 0).sum())).pvalue < ALARM  # control


@pytest.mark.parametrize("keys", [dict(first=5), dict(first=3, span=3), dict(span=6)])
def test_zipf_stays_within_its_items(keys):
    with pytest.raises(ValueError, match="must be at most items, 5"):
        Zipf(items=5, **keys)


@pytest.mark.parametrize("learner", [Categorical(temperature=0.7), Categorical(top_p=0.8)])
def test_a_newcomer_that_knows_more_items_changes_no_last_digit(learner):
    """Its longer row fills up those of the others with zeros, which numpy's pairwise sums group differently."""
    rng, shape, draws = np.random.default_rng(0), DocumentShape("items", 500), Streams(0).rows("train", 0, 31)
    content = np.stack([*(rng.choice(40, 400, p=rng.dirichlet(np.ones(40))) for _ in range(30)), np.arange(400)])
    found = []
    for n in (30, 31):
        first = learner.init(n, shape, draws)
        found.append(learner.train(first, content[:n].astype(np.int32), np.ones((n, 400)), draws)["mass"][:30])
    alone, beside = found
    assert (beside[:, : alone.shape[1]] == alone).all()
