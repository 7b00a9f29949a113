"""Laws 9 and 10: what selection by a verifier makes of a model, told and run.

Statistical tests have a false-alarm rate of ALARM and negative controls that they must reject.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from ecosystem.interfaces import Params
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Scenario
from ecosystem.theory import biased_limit, selection_error, selection_threshold
from ecosystem.verifier import Sight, Submitted, Verifier

ALARM = 1e-4
RIGHT, WRONG = 0.9, 0.3  # acceptance of right and wrong documents
READ, STUDENTS = 2000, 200


class Selective(Verifier):
    """Accepts items by their numbers, with stated probabilities."""

    by_item: tuple[float, ...] = (WRONG, RIGHT)

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        return np.array(self.by_item)[seen.content]


class Inclined(Verifier):
    """Accepts what is near a centre of its own."""

    centre: float = 1.0
    width: float = 1.5

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        return np.exp(-((seen.content[:, 0] - self.centre) ** 2) / (2 * self.width**2))


def success(error: float, seed: int) -> float:
    """Share of majority learners that say the right thing after a step, of a generator that errs so often.

    Item 0 is wrong, and the more frequent one; model 0 reads nobody and stays as it is.
    """
    generator = Group(name="generator", count=1, publish=50_000, read=1, pretrain=100_000, learner=Categorical())
    students = Group(name="students", count=STUDENTS, publish=0, read=READ, learner=Categorical(top_p=0.5))
    spec = Scenario(
        steps=1, world=Zipf(items=2, exponent=float(np.log2(error / (1 - error)))), metrics=("tail_coverage",),
        measure={"rare_below": 0.5}, humans=(Community(rate=((0, 1), (1, 0))),), models=(generator, students),
        graph=Graph(kind="hub"), verifiers=(Selective(judges="readings"),),
    )  # fmt: skip
    world = Ecosystem(spec, seed)
    assert world.frame.agents["tail_coverage"][1:].max() == 0  # before selection, most of what humans write is wrong
    world.step()
    return float(world.frame.agents["tail_coverage"][1:].mean())


def test_success_tips_within_a_twentieth_of_the_threshold():
    threshold = selection_threshold(RIGHT, WRONG)
    assert threshold == pytest.approx(0.75)
    curve = {off: np.mean([success(threshold + off, seed) for seed in range(3)]) for off in (-0.025, 0, 0.025)}
    assert curve[-0.025] > 0.95
    assert 0.05 < curve[0] < 0.95
    assert curve[0.025] < 0.05


def test_the_curve_of_success_is_that_of_a_majority_of_what_passed():
    """At the threshold's flank success is neither sure nor impossible; the generator's own sample adds to the error."""
    error, seeds = 0.74, 12
    found = [success(error, seed) for seed in range(seeds)]

    def rejected(rate):
        told = binom.cdf(READ // 2, READ, rate)  # of READ documents at most half are wrong
        slope = norm.pdf(norm.ppf(told)) / (0.5 / np.sqrt(READ)) * (RIGHT + WRONG) ** 2 / (4 * RIGHT * WRONG)
        sample = slope**2 * error * (1 - error) * (1 / 100_000 + 1 / 50_000)
        spread = np.sqrt((told * (1 - told) / STUDENTS + sample) / seeds)
        return abs(np.mean(found) - told) > norm.isf(ALARM / 2) * spread

    assert not rejected(selection_error(error, RIGHT, WRONG))
    assert rejected(selection_error(error, RIGHT, 0.95 * WRONG))
    assert rejected(selection_error(error + 0.01, RIGHT, WRONG))


def test_at_the_threshold_half_of_what_passes_is_wrong():
    for right, wrong in ((0.9, 0.3), (0.5, 0.5), (1.0, 0.1)):
        threshold = selection_threshold(right, wrong)
        assert threshold == pytest.approx(1 / (1 + wrong / right))
        assert selection_error(threshold, right, wrong) == pytest.approx(0.5)
        assert selection_error(threshold + 0.01, right, wrong) > 0.5
    assert selection_threshold(0.0, 0.4) == 0
    assert np.isnan(selection_threshold(0.0, 0.0))
    assert np.isnan(selection_error(0.0, 0.0, 0.4))


def test_a_biased_verifier_wins_and_its_width_sets_the_speed():
    told = biased_limit(0.0, 2.0, centre=1.0, width=1.5, steps=50)
    t = np.arange(51)
    np.testing.assert_allclose(1 / told.variance_T, 1 / 2 + t / 1.5**2)
    np.testing.assert_allclose(told.mean_T, told.variance_T * t * 1.0 / 1.5**2, rtol=1e-12)
    wide, narrow = (biased_limit(0.0, 2.0, 1.0, width, 100_000) for width in (3.0, 0.5))
    assert wide.mean_T[-1] == pytest.approx(1, abs=1e-3)
    assert narrow.mean_T[-1] == pytest.approx(1, abs=1e-3)
    assert narrow.mean_T[3] > wide.mean_T[3]


def test_human_documents_hold_a_model_off_a_biased_centre():
    ends = [biased_limit(0.0, 1.0, 2.0, 1.5, 5000, share) for share in (0.0, 0.1, 0.5, 1.0)]
    means, variances = ([float(getattr(e, name)[-1]) for e in ends] for name in ("mean_T", "variance_T"))
    assert means == sorted(means, reverse=True)
    assert variances == sorted(variances)
    assert means[-1] == pytest.approx(2.0 / (1 + 1.5**2))  # all human: one selection, again and again
    still = biased_limit(0.0, 1.0, 2.0, 1.5, 5001, 0.1)
    assert still.mean_T[-1] == pytest.approx(means[1], abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_models_behind_a_biased_verifier_go_where_told(share):
    models, steps = 60, 4
    spec = Scenario(
        steps=steps, world=GaussianWorld(dimensions=1), metrics=("within_diversity",),
        humans=(Community(rate=1_000_000 if share else ((0, 1), (1, 0))),),
        models=(Group(count=models, publish=8000, read=4000, learner=Gaussian()),),
        graph=Graph(kind="isolated", self_loops=True), reading=Reading(draw="share", human_share=share),
        verifiers=(Inclined(judges="readings"),),
    )  # fmt: skip
    world = Ecosystem(spec, 1)
    for _ in range(steps):
        world.step()
    mean = world.readout.moments.mean_ND[:, 0]
    variance = world.frame.agents["within_diversity"]

    def rejected(centre, width):
        told = biased_limit(0.0, 1.0, centre, width, steps, share)
        z = [
            (found.mean() - exact[-1]) / (found.std(ddof=1) / np.sqrt(models))
            for found, exact in ((mean, told.mean_T), (variance, told.variance_T))
        ]
        return np.abs(z).max() > norm.isf(ALARM / 4)

    assert not rejected(1.0, 1.5)
    assert rejected(1.05, 1.5)
    assert rejected(1.0, 1.55)
