"""The laws of single models: against the exact law of the web where that holds too, else against simulation.

Comparisons with the exact law are of arithmetic (no chance). Each statistical test has a false-alarm rate of ALARM, and
a negative control that it must reject.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import chisquare, norm

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from ecosystem import theory
from ecosystem.documents import DocumentShape
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Scenario
from ecosystem.streams import Streams
from ecosystem.theory.diet import Rules
from ecosystem.theory.web import Web, walk

ALARM = 1e-4
MANY = 1_000_000_000  # documents of a batch that is as good as its author


def lonely(n, steps, ddof=0, keep=1, publish=None, rate=0, read=np.inf, square=1.0, overlap=0.2, **rules) -> Web:
    """One model that reads itself (and humans, where rate is above 0), pretrained on n documents."""
    follows = csr_array(np.array([[1.0, float(rate > 0), float(keep is None)]]))
    return Web(
        Rules(follows, np.array([read]), **rules), np.array([publish or n]), np.array([n]), np.array([ddof]),
        np.full((steps + 1, 1), rate), np.ones((1, 1)), np.array([[overlap]]), np.array([square]),
        np.array([keep is None]), keep,
    )  # fmt: skip


def diversity(web: Web) -> np.ndarray:
    return np.array([m.spread_W[0] for m in walk(web)])


def isolated(learner, world, models: int, n: int, steps: int) -> Ecosystem:
    """Many models that each read all of their own n documents a step: independent runs of one model."""
    return Ecosystem(
        Scenario(
            steps=steps, metrics=("within_diversity",), world=world, humans=(Community(rate=0),),
            models=(Group(count=models, publish=n, read=n, learner=learner),),
            graph=Graph(kind="isolated", self_loops=True), reading=Reading(replacement=False),
        ),
        rng=1,
    )  # fmt: skip


@pytest.mark.parametrize("ddof", [0, 1])
def test_replace_agrees_with_the_law_of_the_web(ddof):
    told = theory.gaussian_replace(7, 20, ddof, variance=2.0)
    web = lonely(7, 20, ddof, square=2.0, overlap=0.0)
    np.testing.assert_allclose(told.variance_T, diversity(web), rtol=1e-12)
    np.testing.assert_allclose(told.mean_error_T, [m.overlap_WW[0, 0] for m in walk(web)], rtol=1e-12)


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_logarithm_of_the_variance_drifts_as_told(ddof):
    world = isolated(Gaussian(ddof=ddof), GaussianWorld(deviation=1.5), models=4000, n=10, steps=12)
    for _ in range(12):
        world.step()
    log_v = np.log(world.frame.agents["within_diversity"])

    def rejected(n, steps):
        told = theory.gaussian_replace(n, steps, ddof, variance=1.5**2)
        mean, variance = told.log_mean_T[-1], told.log_variance_T[-1]
        z_mean = (log_v.mean() - mean) / np.sqrt(variance / 4000)
        fourth = ((log_v - log_v.mean()) ** 4).mean()
        z_variance = (log_v.var() - variance) / np.sqrt((fourth - variance**2) / 4000)
        return max(abs(z_mean), abs(z_variance)) > norm.isf(ALARM / 4)

    assert not rejected(10, 12)
    assert rejected(10, 11)
    assert rejected(11, 12)


def test_accumulate_agrees_with_the_law_of_the_web():
    for n in (3, 10):
        web = lonely(n, 30, keep=None)
        np.testing.assert_allclose(theory.accumulate(n, 30), diversity(web) / 0.8, rtol=1e-12)
    assert theory.accumulate(5, 100_000)[-1] == pytest.approx(theory.accumulate_limit(5), rel=1e-5)


def test_the_curve_of_human_data_agrees_with_the_law_of_the_web():
    web = lonely(9, 40, publish=MANY, rate=MANY, read=9.0, draw="share", human_share=0.2)
    np.testing.assert_allclose(theory.human_share_curve(9, 0.2, 40), diversity(web) / 0.8, rtol=1e-7)
    assert theory.human_share_curve(9, 0.2, 400)[-1] == pytest.approx(theory.human_share_limit(9, 0.2))


def test_a_tenth_of_human_data_keeps_most_of_the_diversity():
    kept = [theory.human_share_limit(100, h) for h in (0.01, 0.05, 0.1, 0.3)]
    assert kept == pytest.approx([0.663, 0.906, 0.950, 0.981], abs=5e-4)
    assert theory.human_share_limit(100, 0) == pytest.approx(0)


def test_one_human_document_a_step_keeps_half_of_the_diversity_whatever_the_share():
    """One of n readable documents human, h = 1/n, n read: F = 1/(1 + n h) to first order (Wright's island formula).

    Publishing and reading with replacement are two bottlenecks of n: two documents meet with probability 2/n a step,
    one of the two turns out to be human with probability 2h. Without the second bottleneck a third is lost.
    """
    for n in (50, 200):
        kept = diversity(lonely(n, 6 * n, publish=n - 1, rate=1, read=float(n)))[-1] / 0.8
        assert kept == pytest.approx(1 / 2, abs=2 / n)
        kept = diversity(lonely(n, 6 * n, publish=n - 1, rate=1))[-1] / 0.8
        assert kept == pytest.approx(2 / 3, abs=2 / n)


def test_a_detector_shifts_the_share_as_counted():
    rng = np.random.default_rng(0)
    human = rng.random(400_000) < 0.1
    passed = rng.random(400_000) < np.where(human, 1 - 0.05, 0.2)

    def rejected(*rates):
        share, kept = theory.human_share_behind_detector(0.1, *rates)
        z_kept = (passed.mean() - kept) / np.sqrt(kept * (1 - kept) / 400_000)
        z_share = (human[passed].mean() - share) / np.sqrt(share * (1 - share) / passed.sum())
        return max(abs(z_kept), abs(z_share)) > norm.isf(ALARM / 4)

    assert not rejected(0.05, 0.2)
    assert rejected(0.1, 0.2)
    assert rejected(0.05, 0.21)


def test_rare_items_survive_as_often_as_told():
    """5,000 items, each seen c times by a model that reads n = 20,000 of its own documents: binomial resampling."""
    rng, n, count = np.random.default_rng(0), 20_000, 3
    seen = np.full(5000, count)
    for _ in range(10):
        seen = rng.binomial(n, seen / n)

    def rejected(generations):
        p = theory.rare_item_survival(count, generations)
        return abs((seen > 0).mean() - p) / np.sqrt(p * (1 - p) / 5000) > norm.isf(ALARM / 2)

    assert not rejected(10)
    assert rejected(8)
    assert rejected(12)


def test_rare_items_survive_by_the_published_numbers():
    told = [theory.rare_item_survival(1e-9, k) / 1e-9 for k in (5, 10, 20, 50)]
    assert told == pytest.approx([0.31208, 0.17225, 0.09164, 0.03838], abs=1e-5)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.3])
def test_temperature_reshapes_as_told(temperature):
    """Refits of the learner itself to its own exact distribution: many documents, by weight."""
    start = np.array([0.4, 0.3, 0.2, 0.1])
    learner, draws = Categorical(temperature=temperature), Streams(0).rows("test", 0, 1)
    params, p = learner.init(1, DocumentShape("items", 4), draws), start
    for _ in range(5):
        params = learner.train(params, np.arange(4, dtype=np.int32)[None], p[None], draws)
        atoms = learner.atoms(params)
        p = np.bincount(atoms.item_NU[0], atoms.mass_NU[0], 4)
    told = theory.temperature_limit(start, temperature, 5)
    if temperature == 1:  # a model at temperature 1 stays where it is, and learns by copying
        np.testing.assert_allclose(told, start)
    np.testing.assert_allclose(p, told, atol=1e-12)


def test_sharpening_ends_in_one_item_and_flattening_in_all_alike():
    start = np.array([0.5, 0.3, 0.2, 0.0])
    np.testing.assert_allclose(theory.temperature_limit(start, 0.5, 2000), [1, 0, 0, 0])
    np.testing.assert_allclose(theory.temperature_limit(start, 2.0, 2000), [1 / 3, 1 / 3, 1 / 3, 0])


def test_the_last_item_is_each_with_its_human_probability():
    world = isolated(Categorical(), Zipf(items=4), models=2000, n=6, steps=150)
    for _ in range(150):
        world.step()
    assert (world.frame.agents["within_diversity"] == 0).all()
    last = np.bincount(world.readout.atoms.item_NU[:, 0], minlength=4)
    human = Zipf(items=4).item_probabilities()
    assert chisquare(last, 2000 * theory.fixation(human)).pvalue > ALARM
    assert chisquare(last, 2000 * theory.fixation(human**1.2 / (human**1.2).sum())).pvalue < ALARM


def test_fixation_takes_about_as_long_as_told():
    """500 runs of 10 equal items in n = 200 documents; the diffusion limit is good to a few per cent at that n."""
    rng, n = np.random.default_rng(0), 200
    share, time = rng.multinomial(n, np.full(10, 0.1), 500) / n, np.zeros(500)
    while (share.max(axis=1) < 1).any():
        time += share.max(axis=1) < 1
        share = rng.multinomial(n, share) / n

    def rejected(told):
        return abs(time.mean() - told) > 0.03 * told + norm.isf(ALARM / 2) * time.std() / np.sqrt(500)

    assert not rejected(theory.fixation_time(np.full(10, 0.1), n))
    assert rejected(theory.fixation_time(np.full(2, 0.5), n))
