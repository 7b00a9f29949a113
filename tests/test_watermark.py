"""The watermark: transformers' own in texts, written and found; its counterpart for other documents.

False-alarm rate of each binomial comparison: ALARM (two-sided, exact), with a wrong rate beside it that is rejected.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest, norm
from test_decoding import ROUNDING, SAMPLING, SHAPE, draws, generated, models, none, prompts
from transformers import GPT2Config, WatermarkDetector, WatermarkingConfig, WatermarkLogitsProcessor
from transformers.generation import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from agents.humans.gaussian import Gaussian
from agents.humans.zipf import Zipf
from agents.kernels import choice as compiled
from agents.kernels.choice import Favour, Rules
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian as GaussianLearner
from agents.learners.ngram import Ngram
from agents.learners.transformer import Transformer
from agents.neural.choice import choose
from agents.neural.decode_native import write_native
from agents.neural.decoding import write, write_stacked
from agents.verifiers.watermark import Watermark, green_lists, operating_curve, z_scores
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.marks import Mark
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group
from ecosystem.streams import Streams
from ecosystem.verifier import Placement
from tests.toys import Murmur

ALARM = 1e-6
V, SHARE, BIAS, KEY = SHAPE.vocabulary, 0.25, 2.5, 15485863
CONFIG = WatermarkingConfig(greenlist_ratio=SHARE, bias=BIAS, hashing_key=KEY)
PATHS = pytest.mark.parametrize("path", [write_native, write_stacked], ids=["native", "stacked"])


def mark(*bias: float) -> Mark:
    return Mark(green_lists(V, SHARE, KEY), np.array(bias))


def murmured(m: int, length: int, vocabulary: int = V, seed: int = 0) -> np.ndarray:
    """(M, L) words drawn alike, none of them the end."""
    return np.random.default_rng(seed).integers(1, vocabulary, (m, length)).astype(np.int32)


# ---- as transformers has it


@pytest.mark.parametrize("vocabulary, share, key", [(61, 0.25, KEY), (61, 0.5, 7), (600, 0.1, 2**40 + 1)])
def test_green_lists_are_those_of_transformers(vocabulary, share, key):
    processor = WatermarkLogitsProcessor(vocabulary, "cpu", greenlist_ratio=share, hashing_key=key)
    green_VV = green_lists(vocabulary, share, key)
    for before in range(0, vocabulary, 7):
        listed = processor._get_greenlist_ids(torch.tensor([3, before]))
        assert np.flatnonzero(green_VV[before]).tolist() == sorted(listed.tolist())
    assert (green_VV != green_lists(vocabulary, share, key + 1)).any()  # negative control


def test_scores_are_those_of_transformers_detector():
    detector = WatermarkDetector(GPT2Config(vocab_size=V, bos_token_id=0, eos_token_id=0), "cpu", CONFIG)
    for length in (2, 3, 17, 40):
        texts = murmured(50, 40, seed=length)
        texts[:, length:] = 0
        texts[:, length + 1 :] = 5  # what stands after the end is nothing
        theirs = detector(torch.from_numpy(texts[:, :length]).long(), return_dict=True).z_score
        np.testing.assert_allclose(z_scores(texts, green_lists(V, SHARE, KEY), SHARE), theirs, rtol=0, atol=1e-6)
    assert z_scores(np.array([[4, 0, 0], [0, 4, 4]]), green_lists(V, SHARE, KEY), SHARE).tolist() == [0, 0]


@PATHS
def test_greedy_writing_is_what_transformers_generates_with_its_watermark(path):
    """After the repetition penalty and from the begin token on, prompted or not."""
    weights = models(2, ends=0.7)
    for given in (0, 5):
        start = prompts(2, 3, given)
        for penalty in (1.0, 1.3):
            theirs = generated(SHAPE, weights, start, 24, watermarking_config=CONFIG, repetition_penalty=penalty)
            rules = Rules(temperature=0.0, repetition_penalty=penalty)
            assert np.array_equal(path(SHAPE, weights, start, 24, rules, draws(2), mark(BIAS, BIAS)), theirs)
            assert not np.array_equal(path(SHAPE, weights, start, 24, rules, draws(2)), theirs)  # negative control


@pytest.mark.parametrize("rules", [r for r in SAMPLING if r.repetition_penalty == 1], ids=repr)
def test_tokens_are_drawn_from_what_transformers_processors_leave(rules):
    """In the order of generate: temperature, top-k and top-p first, then the watermark on what they allow."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(40, V, generator=generator) * 3
    before = torch.randint(0, V, (40, 1), generator=generator)
    steps = LogitsProcessorList([TemperatureLogitsWarper(rules.temperature)])
    steps += [TopKLogitsWarper(rules.top_k)] if rules.top_k else []
    steps += [TopPLogitsWarper(rules.top_p)] if rules.top_p < 1 else []
    steps.append(CONFIG.construct_processor(V, "cpu"))
    chance = steps(before, logits).double().softmax(-1)
    edges = chance.cumsum(-1).numpy()
    favour, seen = Favour(mark().green_VV.copy(), BIAS), np.zeros((1, 0), bool)
    gain = torch.from_numpy(mark().green_VV[before[:, 0]]) * BIAS
    for u in np.linspace(0.003, 0.997, 37):
        clear = np.abs(edges - u).min(axis=1) > ROUNDING
        theirs = np.array([np.searchsorted(row, u, side="right") for row in edges])
        numbers = torch.full((1, 40), u, dtype=torch.float64)
        plain = choose(logits[None], rules, torch.zeros(1, 40, 1, dtype=torch.long), numbers, gain[None])[0].numpy()
        native = [
            compiled.choose_marked(
                logits[i : i + 1].numpy().copy(), 0, V, rules, seen, 0, u, np.zeros(V), np.zeros(V, np.int32), favour,
                int(before[i, 0]),
            )
            for i in range(40)
        ]  # fmt: skip
        assert clear.mean() > 0.8
        assert (plain[clear] == theirs[clear]).all()
        assert (np.array(native)[clear] == theirs[clear]).all()


@pytest.mark.parametrize("rules", SAMPLING, ids=repr)
def test_both_paths_write_the_same(rules):
    """But where a random number falls within rounding of a boundary: hardly anywhere."""
    weights, start, favoured = models(3, ends=0.3), prompts(3, 30, 2), mark(BIAS, 0.0, 1.0)
    native = write_native(SHAPE, weights, start, 30, rules, draws(3), favoured)
    plain = write_stacked(SHAPE, weights, start, 30, rules, draws(3), favoured)
    assert (native != plain).any(axis=2).mean() < 0.02
    assert (native[0] != write_native(SHAPE, weights, start, 30, rules, draws(3))[0]).any()  # negative control


# ---- who writes with it, and that it is found


@PATHS
def test_a_model_without_bias_writes_as_ever_and_no_one_changes_another(path):
    weights, rules = models(3), Rules(top_k=20)
    together = path(SHAPE, weights, none(3, 9), 24, rules, draws(3), mark(BIAS, 0.0, BIAS))
    assert np.array_equal(together[1], path(SHAPE, weights, none(3, 9), 24, rules, draws(3))[1])
    for i in (0, 2):
        alone = path(SHAPE, weights[[i]], none(1, 9), 24, rules, draws(3).take(np.array([i])), mark(BIAS))
        assert np.array_equal(alone[0], together[i])


def test_marked_text_scores_high_and_unmarked_text_by_chance():
    """Of words drawn alike T pairs are so many trials; the normal rate is as near as one step of the count allows."""
    pairs, size = 400, 1000
    green_VV, texts = green_lists(size, SHARE, KEY), murmured(10_000, pairs + 1, size)
    deviation = np.sqrt(pairs * SHARE * (1 - SHARE))
    for threshold in (0.5, 2.0):
        alarms = int((z_scores(texts, green_VV, SHARE) > threshold).sum())
        rate = binom.sf(np.floor(SHARE * pairs + threshold * deviation), pairs, green_VV[1:, 1:].mean())
        assert binomtest(alarms, len(texts), rate).pvalue > ALARM
        assert binomtest(alarms, len(texts), 1.5 * rate).pvalue < ALARM
        assert abs(rate - norm.sf(threshold)) < norm.pdf(threshold - 0.5) / deviation
    weights = models(2)
    written = write(SHAPE, weights, none(2, 200), 40, Rules(), draws(2), mark(4.0, 0.0))
    score = np.array([z_scores(w, green_lists(V, SHARE, KEY), SHARE) for w in written])
    assert score[0].mean() > 4 > 1.5 > abs(score[1].mean())


def test_an_operating_curve_is_the_share_above_each_threshold():
    rng, threshold = np.random.default_rng(0), np.linspace(-1, 5, 13)
    unmarked, marked = rng.normal(0, 1, 20_000), rng.normal(2, 1, 20_000)
    curve = operating_curve(unmarked, marked, threshold)
    expected = np.stack([norm.sf(threshold), norm.sf(threshold - 2)], axis=1)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs(curve - expected) < 5.2 * error + 1e-9).all()  # 26 comparisons, 5e-6 together
    assert not (np.abs(curve - norm.sf(threshold - 0.3)[:, None]) < 5.2 * error).all()


def test_learners_that_cannot_write_with_a_watermark_say_so():
    assert Transformer().marks
    assert not Transformer(beams=3, prompt=2).marks
    shape, rng = DocumentShape("tokens", 40, 6), Streams(0).rows("x", 0, 2)
    params = Ngram().init(2, shape, rng)
    assert not Ngram().marks
    with pytest.raises(NotImplementedError, match="A Ngram cannot put a watermark into what it writes"):
        Ngram().sample_marked(params, 3, rng, mark(1.0, 1.0))
    with pytest.raises(ValueError, match=r"A watermark must be one of 61 tokens. Got 60"):
        write(SHAPE, models(1), none(1, 1), 5, Rules(), draws(1), Mark(np.zeros((60, 60), bool), np.ones(1)))


# ---- in worlds


def text_world(small_world, *verifiers, **parts):
    """Three transformers that hardly learn and two n-gram models, where people draw words alike."""
    learner = Transformer(layers=1, width=16, heads=2, updates=2)
    able = Group(name="able", count=3, publish=30, read=20, learner=learner)
    unable = Group(name="unable", count=2, publish=30, read=20, learner=Ngram(order=2))
    given = dict(
        world=Murmur(vocabulary=V, length=40), models=(able, unable), humans=(Community(rate=60),), steps=2,
        metrics=("human_share_read",), graph=Graph(self_loops=True), verifiers=verifiers,
    )  # fmt: skip
    return small_world(**given | parts)


def scores_by_author(world: Ecosystem) -> np.ndarray:
    documents = world.corpus.documents(world.t)
    score = z_scores(documents.content, green_lists(V, SHARE, KEY), SHARE)
    return np.bincount(documents.source, score) / np.bincount(documents.source)


def test_who_can_and_complies_writes_with_the_mandated_watermark(small_world):
    guard = Watermark(bias=6, compliance=0.5, threshold=1e9)
    world = Ecosystem(text_world(small_world, guard, seed=4))
    told = [event.detail for event in world.frame.events if event.kind == "watermark"]
    complies = world.populations[0].mark.bias_n > 0
    assert told == [f"{complies.sum()} of 5 models write with the watermark of verifier; unable to: unable"]
    assert 0 < complies.sum() < 3
    assert world.populations[1].mark is None
    world.step()
    high = scores_by_author(world) > 2.5
    assert high.tolist() == [*complies.tolist(), False, False, False]
    free = Ecosystem(text_world(small_world, seed=4))
    free.step()
    one, other = (w.corpus.documents(1) for w in (world, free))
    same = (one.content == other.content).all(axis=1)
    marked = np.isin(one.source, np.flatnonzero(complies))
    assert same[~marked].all()
    assert not same[marked].any()


def test_marked_texts_do_not_pass_and_marked_authors_write_again(small_world):
    read = Watermark(bias=6, threshold=2.5)
    world = Ecosystem(text_world(small_world, read, metrics=("measured_false_positive_rate", "human_share_read")))
    world.step()
    desk = world.gates.desks["verifier"].now
    verdict, source = world.corpus.verdicts("verifier"), world.corpus.documents(1).source
    assert (verdict[source < 3] == 2).mean() > 0.8
    assert (verdict[(source == 3) | (source == 4)] == 1).mean() > 0.9
    assert desk.false_positive_rate < 0.1
    publish = Watermark(bias=1, threshold=1, gate="publish", placement=Placement(rule="list", models=(0, 1, 2)))
    world = Ecosystem(text_world(small_world, publish))
    world.step()
    documents = world.corpus.documents(1)
    assert np.bincount(documents.source).tolist() == [30] * 5 + [60]
    assert world.gates.desks["verifier"].now.rejected > 10
    assert (z_scores(documents.content[documents.source < 3], green_lists(V, SHARE, KEY), SHARE) <= 1).all()


@pytest.mark.parametrize("kind", ["items", "vectors"])
def test_elsewhere_acceptance_is_the_stated_operating_curve(small_world, kind):
    """Half of the models comply; threshold 1, strength 1.5."""
    world, learner = (Zipf(items=50), Categorical()) if kind == "items" else (Gaussian(dimensions=2), GaussianLearner())
    group = Group(count=40, publish=200, read=5, learner=learner)
    guard = Watermark(threshold=1.0, strength=1.5, compliance=0.5)
    spec = small_world(
        world=world, models=(group,), humans=(Community(rate=4000),), graph=Graph(self_loops=True), verifiers=(guard,),
        metrics=("human_share_read",),
    )  # fmt: skip
    made = Ecosystem(spec)
    made.step()
    verdict, source = made.corpus.verdicts("verifier") == 1, made.corpus.documents(1).source
    complies = made.gates.desks["verifier"].sight.chance("compliance", np.arange(40)) < 0.5
    assert 5 < complies.sum() < 35
    people, marked = source == 40, np.append(complies, False)[source]
    for which, rate in ((people, norm.cdf(1)), (~people & ~marked, norm.cdf(1)), (marked, norm.cdf(-0.5))):
        assert binomtest(int(verdict[which].sum()), int(which.sum()), rate).pvalue > ALARM
        assert binomtest(int(verdict[which].sum()), int(which.sum()), rate - 0.06).pvalue < ALARM


def test_more_compliance_adds_marked_models_and_changes_no_others(small_world):
    complied = []
    for compliance in (0.0, 0.3, 0.8, 1.0):
        world = Ecosystem(text_world(small_world, Watermark(compliance=compliance)))
        complied.append(world.populations[0].mark.bias_n > 0)
    assert not complied[0].any()
    assert complied[3].all()
    assert (complied[1] <= complied[2]).all()


def test_texts_too_short_to_be_told_are_rejected_where_it_is_said(small_world):
    class Seen:
        content = np.array([[3, 4, 5, 6], [3, 4, 5, 0], [0, 4, 5, 6], [3, 4, 0, 5]])

    sight = Ecosystem(text_world(small_world, Watermark())).gates.desks["verifier"].sight
    for shortest, passed in ((0, [1, 1, 1, 1]), (1, [1, 1, 0, 1]), (3, [1, 1, 0, 0]), (4, [1, 0, 0, 0])):
        assert Watermark(threshold=9, shortest=shortest).accepts({}, Seen(), sight).tolist() == passed


def test_rates_are_stated_where_all_models_comply_or_none():
    assert Watermark(threshold=2, strength=5).pass_rates() == pytest.approx((norm.cdf(2), norm.cdf(-3)))
    assert Watermark(threshold=2, compliance=0).pass_rates() == pytest.approx((norm.cdf(2), norm.cdf(2)))
    assert Watermark(compliance=0.5).pass_rates() is None


def test_what_cannot_be_is_refused(small_world):
    with pytest.raises(InputError, match=r"verifiers.verifier: a watermark needs a vocabulary of 50 to 32,768 tokens"):
        Ecosystem(text_world(small_world, Watermark(green_share=0.02), world=Murmur(vocabulary=20)))
    two = (Watermark(name="a"), Watermark(name="b", key=3))
    with pytest.raises(InputError, match=r"verifiers: one at most can ask texts for a watermark. Got a and b"):
        Ecosystem(text_world(small_world, *two))
    for wrong in (dict(green_share=0), dict(green_share=1), dict(compliance=1.1), dict(bias=-1), dict(key=0)):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Watermark(**wrong)
