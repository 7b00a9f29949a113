"""The n-gram learner against a dictionary of counts, written plainly: same odds, same words on the same numbers."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import chi2

from agents.learners.ngram import Ngram
from ecosystem.documents import DocumentShape
from ecosystem.streams import Draws, Streams
from tests.chance import FALSE_ALARM

V, LENGTH = 7, 6
SHAPE = DocumentShape("tokens", V, LENGTH)
STREAMS = Streams(11)
ROUNDING = 1e-12
RULES = [
    Ngram(),
    Ngram(order=1, smoothing=0.0),
    Ngram(order=2, smoothing=0.5),
    Ngram(order=4, backoff=0.3),
    Ngram(order=3, backoff=0.0, smoothing=0.0),
    Ngram(order=1, temperature=0.5),
    Ngram(order=3, temperature=0.7, smoothing=0.1),
    Ngram(order=3, temperature=3.0, backoff=0.2),
    Ngram(order=8, temperature=0.2, smoothing=0.0),
]


class Dictionary:
    """The same model by its definition: counts in a dictionary, probabilities as tables over the vocabulary.

    Contexts are tuples, newest token first; V marks the time before the document. Documents followed by the same
    context are kept in the order of what came before them, since a number v picks one by its place.
    """

    def __init__(self, rule: Ngram, content: np.ndarray, weight: np.ndarray):
        self.rule, self.a = rule, 1 / rule.temperature
        self.alike = len(set(weight[weight > 0])) <= 1 and rule.temperature == 1
        places = []
        for document, w in zip(content.tolist(), weight.tolist(), strict=True):
            if w > 0:
                words = document[: document.index(0) + 1] if 0 in document else document
                for t, word in enumerate(words):
                    past = [V] * rule.order + words[:t]
                    places.append((tuple(past[::-1][: rule.order]), word, w))
        self.followers = defaultdict(list)
        for context, word, w in sorted(places, key=lambda place: place[0]):
            for j in range(rule.order):
                self.followers[context[:j]].append((word, w))

    def counts(self, h: tuple) -> np.ndarray:
        return np.bincount(
            [word for word, _ in self.followers.get(h, [])], [w for _, w in self.followers.get(h, [])], V
        )  # fmt: skip

    def share(self, h: tuple) -> float:
        c = self.counts(h)
        if not c.any():
            return 0.0
        if not h:
            return c.sum() / (c.sum() + self.rule.smoothing * V)
        return c.sum() / (c.sum() + (c > 0).sum()) if self.rule.backoff == "witten_bell" else 1 - self.rule.backoff

    def plain(self, h: tuple) -> np.ndarray:
        below = self.plain(h[:-1]) if h else np.full(V, 1 / V)
        c, share = self.counts(h), self.share(h)
        return (share * c / c.sum() if share else 0) + (1 - share) * below

    def odds(self, h: tuple) -> np.ndarray:
        """p(w | h) with temperature."""
        p = self.plain(h) ** self.a
        return p / p.sum()

    def next(self, past: list[int], u: float, v: float) -> int:
        left = 1.0
        for j in range(self.rule.order - 1, -1, -1):
            h = tuple(past[::-1][:j])
            rest = (1 - self.share(h)) * (self.plain(h[:-1]) if h else np.full(V, 1 / V))
            gain = (self.plain(h) ** self.a - rest**self.a) / (self.plain(h) ** self.a).sum()
            stay = gain.sum()
            left *= 1 - stay
            if u < 1 - left:
                found, c = self.followers[h], self.counts(h)
                if self.alike:
                    return found[int(v * len(found))][0]
                cumulative = np.cumsum([w * gain[word] / c[word] for word, w in found])
                return found[min(np.searchsorted(cumulative, v * cumulative[-1], side="right"), len(found) - 1)][0]
        return int(v * V)

    def write(self, k: int, numbers: np.ndarray) -> np.ndarray:
        out = np.zeros((k, LENGTH), np.int32)
        for d in range(k):
            past = [V] * self.rule.order
            for t in range(LENGTH):
                out[d, t] = self.next(past, *numbers[d, t])
                past.append(int(out[d, t]))
                if out[d, t] == 0:
                    break
        return out


def draws(purpose: str, n: int) -> Draws:
    return STREAMS.rows(purpose, 1, n)


def diets(n: int, b: int, ends: float = 0.15, seed: int = 0) -> np.ndarray:
    """(n, b, LENGTH) documents with a grain of grammar: a token tends to be followed by its double."""
    rng = np.random.default_rng(seed)
    content = rng.integers(1, V, (n, b, LENGTH))
    for t in range(1, LENGTH):
        content[:, :, t] = np.where(rng.random((n, b)) < 0.6, content[:, :, t - 1] * 2 % V, content[:, :, t])
        content[:, :, t] = np.where(rng.random((n, b)) < ends, 0, content[:, :, t])
    ended = np.cumsum(content == 0, axis=2) - (content == 0) > 0
    return np.where(ended, 0, content).astype(np.int32)


def fitted(rule: Ngram, content: np.ndarray, weight: np.ndarray | None = None) -> dict:
    n, b, _ = content.shape
    weight = np.ones((n, b)) if weight is None else weight
    return rule.train(rule.init(n, SHAPE, draws("init", n)), content, weight, draws("train", n))


def uneven(n: int, b: int) -> np.ndarray:
    return np.random.default_rng(5).choice([0.0, 0.25, 1.0, 2.0], (n, b))


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("weigh", [lambda n, b: np.ones((n, b)), uneven], ids=["alike", "uneven"])
def test_writes_what_a_dictionary_of_counts_writes_on_the_same_numbers(rule, weigh):
    n, b, k = 3, 12, 40
    content, weight = diets(n, b), weigh(n, b)
    written = rule.sample(fitted(rule, content, weight), k, draws("write", n))
    numbers = draws("write", n).uniform(k, LENGTH, 2)
    for i in range(n):
        np.testing.assert_array_equal(written[i], Dictionary(rule, content[i], weight[i]).write(k, numbers[i]))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_scores_as_a_dictionary_of_counts_does(rule):
    n, b = 2, 10
    content, weight = diets(n, b), uneven(n, b)
    scored = np.concatenate([content[0, :5], diets(1, 30, seed=9)[0]])
    got = rule.log_prob(fitted(rule, content, weight), scored)
    for i in range(n):
        model = Dictionary(rule, content[i], weight[i])
        for m, document in enumerate(scored.tolist()):
            words = document[: document.index(0) + 1] if 0 in document else document
            pasts = [tuple(([V] * rule.order + words[:t])[::-1][: rule.order - 1]) for t in range(len(words))]
            with np.errstate(divide="ignore"):
                wanted = sum(np.log(model.odds(past)[word]) for past, word in zip(pasts, words, strict=True))
            assert got[i, m] == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_probabilities_of_the_next_token_sum_to_one_in_every_context(rule):
    contexts = np.array(list(itertools.product(range(1, V), repeat=2)))  # read and unread ones
    params = fitted(rule, diets(2, 8), uneven(2, 8))
    begins = np.exp(rule.log_prob(params, contexts))
    longer = [np.column_stack([contexts, np.full(len(contexts), word)]) for word in range(V)]
    goes_on = sum(np.exp(rule.log_prob(params, content)) for content in longer)
    possible = begins > 0
    assert possible.any()
    np.testing.assert_allclose(goes_on[possible] / begins[possible], 1, rtol=1e-9)


def test_order_one_is_the_frequencies_of_single_tokens():
    content = diets(4, 30)
    rule = Ngram(order=1, smoothing=0.0)
    score = rule.log_prob(fitted(rule, content), np.arange(V, dtype=np.int32)[:, None])
    for i in range(4):
        first_ends = np.cumsum(content[i] == 0, axis=1) - (content[i] == 0) == 0
        counts = np.bincount(content[i][first_ends], minlength=V)
        np.testing.assert_allclose(np.exp(score[i]), counts / counts.sum(), rtol=ROUNDING)


def test_agents_together_are_as_they_are_alone():
    rule, content, weight = Ngram(order=3, temperature=0.8), diets(5, 9), uneven(5, 9)
    weight[:, 0] = 1
    together, rows = fitted(rule, content, weight), np.array([3, 1])
    alone = fitted(rule, content[rows], weight[rows])
    for name, array in alone.items():
        np.testing.assert_array_equal(array, together[name][rows])
    mine = rule.sample(alone, 20, draws("write", 5).take(rows))
    np.testing.assert_array_equal(mine, rule.sample(together, 20, draws("write", 5))[rows])
    np.testing.assert_array_equal(rule.log_prob(alone, content[0]), rule.log_prob(together, content[0])[rows])


def test_fewer_documents_are_the_first_of_more():
    params = fitted(Ngram(), diets(3, 20))
    few, many = (Ngram().sample(params, k, draws("write", 3)) for k in (5, 50))
    np.testing.assert_array_equal(few, many[:, :5])


def test_documents_of_weight_zero_may_hold_anything():
    content, weight = diets(2, 10), np.ones((2, 10))
    weight[:, [0, 4, 9]] = 0
    other = content.copy()
    other[:, [0, 4, 9]] = np.iinfo(np.int32).min
    other[:, 4, 2:] = np.iinfo(np.int32).max
    changed = fitted(Ngram(), other, weight)
    for name, array in fitted(Ngram(), content, weight).items():
        np.testing.assert_array_equal(array, changed[name])


def test_a_weight_of_two_counts_like_two_copies():
    content = diets(2, 8)
    weight = np.ones((2, 8))
    weight[:, 3] = 2
    twice = np.concatenate([content, content[:, 3:4]], axis=1)
    scored = diets(1, 40, seed=3)[0]
    for rule in RULES:
        one, two = fitted(rule, content, weight), fitted(rule, twice)
        np.testing.assert_allclose(rule.log_prob(one, scored), rule.log_prob(two, scored), rtol=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_weights_too_small_to_matter_do_no_harm(rule):
    content, weight = diets(2, 8), np.ones((2, 8))
    weight[:, 1::2] = 1e-30
    params = fitted(rule, content, weight)
    assert np.isfinite(rule.log_prob(params, content[0, ::2])[0]).all()
    assert (rule.sample(params, 30, draws("write", 2)) < V).all()


def test_rows_filled_up_with_zeros_stay_the_same_model():
    params = fitted(Ngram(), diets(2, 10))
    wider = {k: np.pad(v, [(0, 0), (0, 7)] + [(0, 0)] * (v.ndim - 2)) if v.ndim > 1 else v for k, v in params.items()}
    scored = diets(1, 9, seed=2)[0]
    np.testing.assert_array_equal(Ngram().log_prob(params, scored), Ngram().log_prob(wider, scored))
    one, two = (Ngram().sample(p, 12, draws("write", 2)) for p in (params, wider))
    np.testing.assert_array_equal(one, two)


def test_a_fit_is_anew_from_its_diet():
    rule = Ngram()
    earlier, content = fitted(rule, diets(2, 10, seed=4)), diets(2, 10)
    again = rule.train(earlier, content, np.ones((2, 10)), draws("train", 2))
    for name, array in fitted(rule, content).items():
        np.testing.assert_array_equal(array, again[name])


def test_a_model_that_has_read_nothing_writes_any_token_alike():
    params = Ngram().init(2, SHAPE, draws("init", 2))
    np.testing.assert_allclose(Ngram().log_prob(params, diets(1, 1, ends=0)[0]), -LENGTH * math.log(V))
    assert set(np.unique(Ngram().sample(params, 300, draws("write", 2)))) == set(range(V))


def test_what_was_not_read_is_impossible_without_smoothing():
    content = np.full((1, 3, LENGTH), 2, np.int32)
    rule = Ngram(order=2, smoothing=0.0)
    params = fitted(rule, content)
    assert rule.log_prob(params, np.full((1, LENGTH), 3, np.int32))[0, 0] == -np.inf
    assert (rule.sample(params, 100, draws("write", 1)) == 2).all()


def test_long_vocabularies_are_sorted_in_several_passes():
    size = 100_000
    content = np.random.default_rng(0).integers(1, size, (1, 20, LENGTH)).astype(np.int32)
    rule, shape = Ngram(backoff=0.0, smoothing=0.0), DocumentShape("tokens", size, LENGTH)
    params = rule.train(rule.init(1, shape, draws("init", 1)), content, np.ones((1, 20)), draws("train", 1))
    written = rule.sample(params, 200, draws("write", 1))[0]
    known = {tuple(d) for d in content[0].tolist()}
    assert {tuple(d) for d in written.tolist()} == known  # all tokens differ, so only whole documents can be written


@pytest.mark.parametrize(("temperature", "accepted"), [(0.6, True), (0.7, False)])
def test_documents_are_written_as_often_as_their_probability_says(temperature, accepted):
    """Chi-square over all documents of two tokens, false alarm 1e-6; a neighbouring temperature must be rejected."""
    writes, says, k = Ngram(order=2, temperature=0.6), Ngram(order=2, temperature=temperature), 20_000
    shape = DocumentShape("tokens", V, 2)
    content, ones = diets(1, 15)[:, :, :2], np.ones((1, 15))
    params = writes.train(writes.init(1, shape, draws("init", 1)), content, ones, draws("train", 1))
    every = np.array([(0, 0), *itertools.product(range(1, V), range(V))], np.int32)
    expected = k * np.exp(says.log_prob(params, every)[0])
    keys = writes.sample(params, k, draws("write", 1))[0] @ [V, 1]
    observed = np.array([(keys == key).sum() for key in every @ [V, 1]])
    rare = expected < 5
    cells = [(observed[rare].sum(), expected[rare].sum()), *zip(observed[~rare], expected[~rare], strict=True)]
    total = sum((o - e) ** 2 / e for o, e in cells if e > 0)
    assert (total < chi2.isf(FALSE_ALARM, len(cells) - 1)) == accepted
