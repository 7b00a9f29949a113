"""Substitution: known elasticities are recovered, intervals cover, costs add up, and law 4 holds along a curve."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.runs.statistics import Interval
from ecosystem.runs.sweep import open_sweep
from ecosystem.value import isoquant
from ecosystem.value.substitution import iso_outcomes

RATES, LEVELS = np.geomspace(5, 640, 15), np.array([0.2, 0.4, 0.6, 0.8, 1.0])
FALSE_ALARM = 1e-6


def ces(x, y, sigma: float, share: float = 0.4):
    """An outcome of constant elasticity of substitution (Arrow et al. 1961); Cobb and Douglas' at sigma 1."""
    r = 1 - 1 / sigma
    if r == 0:
        return x**share * y ** (1 - share)
    return (share * x**r + (1 - share) * y**r) ** (1 / r)


def surface(sigma: float, rates: np.ndarray = RATES) -> np.ndarray:
    """(R, V) with as many of one unit as of the other at x = 60, y = 0.6."""
    return ces(rates[:, None] / 100, LEVELS[None], sigma)


def found_complement(rates: np.ndarray, sigma: float, power: float = 1) -> float:
    rate_V = isoquant.least_rates(rates, surface(sigma, rates) ** power, ces(0.6, 0.6, sigma) ** power)
    kept = rate_V > rates[0]
    assert kept.sum() >= 3
    return isoquant.complementarity(rate_V[kept], LEVELS[kept])


@pytest.mark.parametrize("sigma", [0.25, 0.5, 1.0, 2.0, 5.0])
def test_the_elasticity_of_a_known_surface_is_found(sigma):
    """To 1% where rates lie a tenth apart, for outcomes between them are interpolated, and the closer the nearer.

    The scale of the outcome makes no difference.
    """
    near, nearer = (np.geomspace(5, 640, points) for points in (50, 400))
    assert found_complement(near, sigma) == pytest.approx(1 / sigma, rel=0.01)
    assert found_complement(near, sigma, power=3) == pytest.approx(1 / sigma, rel=0.01)
    assert found_complement(nearer, sigma) == pytest.approx(1 / sigma, rel=1e-4)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 3.0])
def test_points_of_a_curve_of_constant_elasticity_give_it_exactly(sigma):
    r, y_K = 1 - 1 / sigma, np.array([1.0, 1.5, 2.0, 3.0])
    x_K = 1 / y_K**2 if r == 0 else (2 - y_K**r / 3 if r < 0 else 4 - y_K**r) ** (1 / r)
    assert np.isfinite(x_K).all()
    assert isoquant.complementarity(x_K, y_K) == pytest.approx(1 / sigma, abs=1e-4)
    assert isoquant.complementarity(7 * x_K, 0.01 * y_K) == pytest.approx(1 / sigma, abs=1e-4)


def test_straight_curves_have_no_upper_bound_and_curves_bent_outwards_no_elasticity():
    y_K = np.array([1.0, 2.0, 3.0])
    assert isoquant.complementarity(5 - y_K, y_K) == pytest.approx(0, abs=1e-4)
    assert isoquant.complementarity(np.sqrt(10 - y_K**2), y_K) == pytest.approx(-1, abs=1e-4)
    assert math.isnan(isoquant.complementarity(y_K, y_K))  # more of both for the same: nothing is replaced
    assert math.isnan(isoquant.complementarity(5 - y_K[:2], y_K[:2]))
    straight = isoquant.elasticity(Interval(0.1, -0.2, 0.4, 8))
    assert (straight.estimate, straight.low, straight.high) == (10, 2.5, math.inf)
    assert math.isnan(isoquant.elasticity(Interval(-1, -2, -0.5, 8)).estimate)
    assert math.isnan(isoquant.elasticity(Interval(1, math.nan, math.nan, 1)).low)


def test_documents_replaced_are_the_slope_of_the_curve():
    """Cobb and Douglas: -dx/dy = 1.5 x/y, and a chord between two points is the slope somewhere between."""
    level_K = np.array([0.5, 0.51])
    rate_K = 60 * level_K**-1.5
    assert isoquant.replaced(rate_K, level_K)[0] == pytest.approx(1.5 * 60 * 0.505**-2.5, rel=1e-3)


def test_the_least_rate_is_the_first_that_is_enough():
    rate_R = np.array([0.0, 10.0, 20.0, 40.0])
    outcome_RV = np.array([[0.1, 0.6, 0.1, 0.1], [0.2, 0.7, 0.6, 0.5], [0.3, 0.8, 0.2, 0.5], [0.4, 0.9, 0.9, 0.6]])
    found = isoquant.least_rates(rate_R, outcome_RV, 0.5)
    assert math.isnan(found[0])  # never
    assert found[1] == 0  # already
    assert 0 < found[2] < 10  # first, though it falls again
    assert found[3] == pytest.approx(10)


def noisy(rng, sigma: float, seeds: int) -> np.ndarray:
    """(S, R, V): Cobb and Douglas' surface with luck that a seed has everywhere, and luck at each point."""
    luck = 1 + 0.05 * rng.normal(size=(seeds, 1, 1))
    return surface(sigma) * luck + 0.004 * rng.normal(size=(seeds, len(RATES), len(LEVELS)))


def numbers(mean_RV: np.ndarray) -> np.ndarray:
    rate_V = isoquant.least_rates(RATES, mean_RV, ces(0.6, 0.6, 1.0))
    return np.array([rate_V[2], isoquant.complementarity(rate_V, LEVELS)])


def test_intervals_of_rates_and_elasticities_cover_as_often_as_they_say():
    """150 tables of 6 seeds; exact binomial bounds, false alarm 1e-6. Without the inflation that leaving out one seed
    in six asks for, the same check rejects."""
    rng, trials = np.random.default_rng(5), 150
    truth, hits, naive = (60.0, 1.0), np.zeros(2, int), 0
    for _ in range(trials):
        table_SRV = noisy(rng, 1.0, 6)
        found = isoquant.jackknife(numbers, table_SRV)
        hits += [i.low <= true <= i.high for i, true in zip(found, truth, strict=True)]
        without = [numbers(np.delete(table_SRV, s, axis=0).mean(axis=0))[1] for s in range(6)]
        half = stats.t.ppf(0.975, 5) * np.std(without, ddof=1) / math.sqrt(6)
        naive += abs(found[1].estimate - 1) <= half
    low, high = stats.binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], trials, 0.95)
    assert all(low <= hit <= high for hit in hits)
    assert not low <= naive <= high


def test_the_jackknife_of_a_mean_is_students_t():
    sample_S = np.array([1.0, 2.5, 3.0, 7.0])
    (found,) = isoquant.jackknife(lambda mean: np.atleast_1d(mean), sample_S)
    expected = stats.t.interval(0.95, 3, sample_S.mean(), stats.sem(sample_S))
    assert (found.estimate, found.low, found.high) == pytest.approx((sample_S.mean(), *expected))
    (one,) = isoquant.jackknife(lambda mean: np.atleast_1d(mean), sample_S[:1])
    assert math.isnan(one.low)


# of worlds

GUARDS = {"name": "guards", "kind": "detector", "price": 0.5, "false_positive_rate": 0.1, "false_negative_rate": 0.2}


@pytest.fixture
def guarded(small_world):
    from agents.learners.categorical import Categorical
    from ecosystem.scenario import Graph, Group

    group = Group(name="models", count=10, publish=20, read=60, learner=Categorical())
    spec = small_world(models=(group,), graph=Graph(kind="complete", self_loops=True), steps=8)
    return spec.with_(verifiers=[GUARDS])


def test_human_writing_and_sensitivity_replace_each_other_at_one_rate_as_law_4_has_it(guarded, tmp_path):
    """Of h documents by people and M by models pass h (1 - a) and M b: the same human share q of what is read wants h
    in proportion to b, so a unit of sensitivity 1 - b always replaces M q / ((1 - q)(1 - a)) documents, and sigma has
    no bound. Student's t of 8 seeds at a false alarm of 1e-3 each; half as many writers, or inputs that replace each
    other as Cobb and Douglas', are rejected by the same test."""
    found = iso_outcomes(
        guarded, "human_share_read", "verifiers.guards.false_negative_rate", [0.4, 0.2, 0.1], [4, 8, 16, 32, 64],
        wanted=[0.3], out=tmp_path,
    )  # fmt: skip
    assert found.error
    (curve,) = found.curves
    assert curve.table["level"].tolist() == [0.4, 0.2, 0.1]
    law = 200 * 0.3 / 0.7 / 0.9
    for row in curve.table[:2].itertuples():
        slope = Interval(row.replaced, row.replaced_low, row.replaced_high, 8)
        assert fits(slope, law)
    first = curve.table.iloc[0]
    assert not fits(Interval(first.replaced, first.replaced_low, first.replaced_high, 8), law / 2)
    assert fits(curve.complement, 0)
    assert not fits(curve.complement, 1)
    assert curve.points == 3


def fits(found: Interval, truth: float) -> bool:
    """Whether a t test of 8 seeds does not reject, at a false alarm of 1e-3."""
    wider = stats.t.isf(5e-4, 7) / stats.t.isf(0.025, 7)
    return abs(found.estimate - truth) <= wider * (found.high - found.low) / 2


def test_costs_are_prices_times_what_is_bought_and_judged(guarded, tmp_path):
    how = dict(levels=[0, 0.5, 1], rates=[0, 10, 40, 160], wanted=[0.3], seeds=3, out=tmp_path)
    key = "verifiers.guards.placement.share"
    (curve,) = iso_outcomes(guarded, "human_share_read", key, **how).curves
    rows = curve.table
    assert rows["human_cost"].tolist() == pytest.approx(rows["rate"].tolist())
    assert rows["verification_cost"][0] == 0
    assert rows["cost"].tolist() == pytest.approx((rows["human_cost"] + rows["verification_cost"]).tolist())
    assert rows["cost"][curve.cheapest] == rows["cost"].min()
    assert rows["beyond"][curve.cheapest] == rows["beyond_high"][curve.cheapest] == 0
    assert (rows["rate"].diff()[1:] < 0).all()  # whoever guards more needs fewer people
    (dear,) = iso_outcomes(guarded, "human_share_read", key, price=0, judgement=2, **how).curves
    assert dear.table["verification_cost"].tolist() == pytest.approx((4 * rows["verification_cost"]).tolist())
    assert dear.cheapest == 0  # people cost nothing, judgements do
    (free,) = iso_outcomes(guarded, "human_share_read", key, price=1, judgement=0, **how).curves
    assert free.cheapest == 2


def test_what_is_out_of_reach_is_said(guarded, tmp_path):
    how = dict(levels=[0, 1], rates=[1, 10], seeds=2, out=tmp_path)
    found = iso_outcomes(
        guarded, "human_share_read", "verifiers.guards.placement.share", wanted=[0.99, 0.1, 1e-6], **how
    )
    already, some, never = found.curves
    assert never.table["note"].tolist() == ["not reached"] * 2
    assert (never.cheapest, never.points) == (-1, 0)
    assert math.isnan(never.sigma.estimate)
    assert some.table["note"][0] == "not reached"
    assert some.table["note"][1] == ""
    assert some.cheapest == 1
    assert already.table["note"].tolist() == ["reached at the least rate tried"] * 2
    assert len(found.outcomes) == 4


def test_of_a_metric_that_should_be_low_less_is_wanted(guarded, tmp_path):
    found = iso_outcomes(
        guarded, "depth", "verifiers.guards.placement.share", [0, 0.5, 1], [5, 20, 80], seeds=2, out=tmp_path
    )
    assert not found.more
    assert len(found.curves) == 3
    assert all((curve.table["rate"].diff()[1:] < 0).all() for curve in found.curves)


def test_rates_are_shared_as_writing_is_and_pretraining_stays(guarded, tmp_path):
    from ecosystem.scenario import Community

    spec = guarded.with_(humans=[Community(name="many", rate=30).model_dump(), {"name": "few", "rate": 10}])
    how = dict(levels=[0, 1], rates=[8, 40], seeds=1, out=tmp_path)
    found = iso_outcomes(spec, "human_share_read", "verifiers.guards.placement.share", **how)
    first = open_sweep(found.sweep).points[0]
    assert first["humans.many.rate"] == [[0, 30], [1, 6]]
    assert first["humans.few.rate"] == [[0, 10], [1, 2]]
    alone = iso_outcomes(spec, "human_share_read", "verifiers.guards.placement.share", community="few", **how)
    first = open_sweep(alone.sweep).points[0]
    assert first["humans.few.rate"] == [[0, 10], [1, 8]]
    assert "humans.many.rate" not in first


def test_the_brief_is_one_page_that_calls_nobody_and_says_what_was_found(guarded, tmp_path):
    found = iso_outcomes(
        guarded, "human_share_read", rates=[2, 10, 40, 160], wanted=[0.3, 0.02, 1], seeds=4, out=tmp_path
    )
    folder = found.save()
    page = (folder / "brief.html").read_text()
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "<script" not in page
    assert found.findings[0] in page
    assert found.findings[0].startswith("Human share of what is read of 0.3 takes these human documents a step by ")
    assert any("elasticity of substitution" in sentence for sentence in found.findings)
    assert any("of 1 cannot be reached: the best of all 20 mixtures" in sentence for sentence in found.findings)
    assert "reached at the least rate tried" in page
    assert len(pd.read_csv(folder / "value.csv")) == 15
    assert len(pd.read_csv(folder / "outcomes.csv")) == 20
    assert pd.read_csv(folder / "elasticity.csv")["wanted"].tolist() == [0.02, 0.3, 1]
    found.save()
    assert (folder / "brief.html").read_text() == page


def test_the_command_says_what_replaces_what(tmp_path, capsys):
    asked = ["value", "buy_or_verify", "--by", "substitution", "--metric", "human_share_read", "--out", str(tmp_path)]
    small = ["--steps", "2", "--seeds", "2", "--set", "models.0.count=3", "--rates", "5,50,500", "--price", "0"]
    assert main([*asked, *small, "--vary", "verifiers.guards.placement.share=0,0.5,1", "--wanted", "0.4"]) == 0
    told = capsys.readouterr().out.strip().splitlines()
    assert told[0].startswith(
        "- Human share of what is read of 0.4 takes these human documents a step by placement share"
    )
    assert "at 0," in told[1]  # people cost nothing
    assert told[-1] == str(next((tmp_path / "buy_or_verify").glob("value-substitution-*")))
    for wrong, said in [
        (["--vary", "verifiers.guards.placement.share=0:1"], "--vary verifiers.guards.placement.share: needs values"),
        (["--wanted", "a"], "wanted: outcomes: must be numbers; got 'a'"),
        (["--price", "-1"], "price of a human: must be 0 or more; got -1.0"),
        (["--times", "1,2"], "--times: goes with --by time; got --by substitution"),
    ]:
        assert main([*asked, *wrong]) == 2
        assert capsys.readouterr().err.startswith(said)


def test_what_cannot_be_asked_is_refused(guarded, small_world, tmp_path):
    share = "verifiers.guards.placement.share"
    right = dict(spec=guarded, metric="depth", key=share, levels=[0, 1], rates=[1, 2], seeds=1, out=tmp_path)
    for wrong, said in [
        ({"spec": small_world()}, "has none"),
        ({"metric": "dept"}, "Did you mean 'depth'"),
        ({"key": "humans.0.rate"}, "a key of verification"),
        ({"key": "verifiers.guards.placement.shar"}, "shar"),
        ({"levels": [0.5]}, "at least 2 different values"),
        ({"levels": [0.5, "a"]}, "must be numbers; got 'a'"),
        ({"levels": [0.5, 2]}, "placement.share"),
        ({"rates": [-1, 2]}, "whole numbers from 0; got -1"),
        ({"rates": [1, 2.5]}, "whole numbers"),
        ({"wanted": []}, "at least 1"),
        ({"price": -1}, "price of a human: must be 0 or more; got -1"),
        ({"judgement": -0.5}, "price of a judgement"),
        ({"at": 0}, "from 1 to 8, the last of the run; got 0"),
        ({"community": "nobody"}, "has no community 'nobody'"),
    ]:
        with pytest.raises(InputError, match=said):
            iso_outcomes(**(right | wrong))
    assert not list(tmp_path.iterdir())
