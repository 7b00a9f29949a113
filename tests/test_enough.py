"""The rule for how many seeds are enough keeps its coverage; runs that are there are not made again.

Rates are compared with exact binomial bounds: a correct rule fails a check with probability 1e-6 at most.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.runs import enough
from ecosystem.runs.enough import Target, judged, looks, parsed_target, replicate_until
from ecosystem.runs.opened import open_run

FALSE_ALARM = 1e-6
TRIALS = 1500


def rate_is_at_least(hits: int, trials: int, rate: float) -> bool:
    """False with probability FALSE_ALARM at most where the true rate is `rate` or more."""
    return hits >= stats.binom.ppf(FALSE_ALARM, trials, rate)


def stopped(values, target: Target, least: int = enough.LEAST, most: int = 1000, every: bool = False):
    """What the rule says of a sequence of values; `every`: it looks after each of them."""
    for n in range(least, most + 1) if every else looks(least, most):
        known = judged(values[:n], target)
        if known.settled:
            break
    return known


def covers(found, precision: float, level: float = 0.95) -> bool:
    """Is +- precision right in `level` of the cases? False with probability FALSE_ALARM at most where it is.

    Values are standard normal: their mean is independent of their spread, on which alone the rule rests, so that each
    case tells the chance that its mean lies within the precision. That says far more than whether it did.
    """
    chance = np.array([2 * stats.norm.cdf(precision * math.sqrt(known.n)) - 1 for known in found])
    return chance.mean() - level > stats.norm.ppf(FALSE_ALARM) * chance.std(ddof=1) / math.sqrt(len(chance))


@pytest.mark.parametrize("needed", [16, 20, 45, 120])
def test_the_precision_that_is_stated_covers_the_mean(needed):
    """`needed`: seeds that would do if the spread were known."""
    values = np.random.default_rng(needed).normal(0.0, 1.0, (TRIALS, 400))
    target = Target("m", 1.96 / math.sqrt(needed))
    found = [stopped(row, target, most=400) for row in values]
    assert {known.state for known in found} == {"reached"}
    assert covers(found, target.precision)
    assert np.mean([known.n for known in found]) < 1.3 * needed


def test_a_rule_that_looks_after_every_seed_from_the_third_is_rejected_by_the_same_check():
    values = np.random.default_rng(14).normal(0.0, 1.0, (TRIALS, 400))
    target = Target("m", 1.96 / math.sqrt(14))
    found = [stopped(row, target, least=3, most=400, every=True) for row in values]
    assert not covers(found, target.precision)


def test_a_relative_precision_is_relative_to_the_truth():
    values = np.random.default_rng(5).normal(2.0, 1.0, (TRIALS, 400))
    target = Target("m", 0.15, relative=True)
    found = [stopped(row, target, most=400) for row in values]
    assert rate_is_at_least(sum(abs(known.estimate - 2) <= 0.15 * 2 for known in found), TRIALS, 0.95)
    strict = Target("m", 0.15)  # of 2 it is half as much
    assert np.mean([k.n for k in found]) < np.mean([stopped(row, strict, most=400).n for row in values[:100]]) / 2


def test_what_happens_in_a_fifth_of_seeds_is_not_taken_for_never():
    """Ten seeds without it are one case in nine; those that are all alike are not believed before the thirtieth."""
    values = (np.random.default_rng(8).uniform(size=(TRIALS, 400)) < 0.2).astype(float)
    found = [stopped(row, Target("m", 0.15), most=400) for row in values]
    missed = sum(known.estimate == 0 for known in found)
    assert missed <= stats.binom.ppf(1 - FALSE_ALARM, TRIALS, 0.8**30)
    assert (values[:, : enough.LEAST].sum(axis=1) == 0).sum() > stats.binom.ppf(1 - FALSE_ALARM, TRIALS, 0.8**30)


def test_looks_come_after_a_quarter_more_each_time():
    assert list(looks(10, 64)) == [10, 13, 17, 22, 28, 35, 44, 55, 64]
    assert list(looks(2, 5)) == [2, 3, 4, 5]
    assert list(looks(8, 8)) == [8]


def test_what_is_said_of_a_mean():
    target = Target("m", 0.5)
    assert judged(np.array([1.0, 1.2, 0.9, 1.1]), target, "m").says == (
        "m: 1.05 +- 0.205 after 4 seeds, within the 0.5 asked for"
    )
    wide = judged(np.array([1.0, 4.0, 2.0]), target, "m")
    assert wide.says.endswith("not within the 0.5 asked for; it would take about 173 seeds")
    assert judged(np.zeros(10), target, "m").says == (
        "m: 0 +- 0 after 10 seeds: all alike, so another value in up to 26% of seeds cannot be excluded"
    )
    assert judged(np.array([0.3 - 0.1, 0.2]), target).state == "alike"  # but for rounding
    assert judged(np.array([1.0, math.inf, 2.0]), target).state == "unknown"
    assert judged(np.array([math.nan, 2.0]), target).state == "unknown"


def test_seeds_are_added_until_they_are_enough_and_none_is_made_twice(small_world, tmp_path):
    spec = small_world()
    found = replicate_until(spec, "within_diversity +- 0.05", least=4, out=tmp_path)
    (known,) = found.known
    ends = found.study.steps.query("step == 4")["within_diversity"]
    assert found.reached
    assert len(ends) == found.seeds == known.n < enough.MOST
    assert known.estimate == ends.mean()
    assert known.half <= 0.05
    before = list(looks(4, 64))[list(looks(4, 64)).index(found.seeds) - 1]
    assert judged(ends.to_numpy()[:before], found.target).state == "wide"  # one batch less was not enough
    started = [run.provenance["start"] for run in found.study.every]
    again = replicate_until(spec, "within_diversity +- 0.05", least=4, out=tmp_path)
    assert [run.provenance["start"] for run in again.study.every] == started
    assert again.known == found.known


def test_a_difference_of_arms_that_share_seeds_needs_fewer_of_them(small_world, tmp_path):
    spec = small_world(arms={"more": {"models.0.read": 10}})
    asked = {"arms": ("more", "base"), "out": tmp_path, "least": 4, "most": 16}
    both = replicate_until(spec, "human_share_read +- 0.02", **asked)
    apart = replicate_until(spec, "human_share_read +- 0.02", paired=True, **asked)
    assert [known.of for known in both.known] == ["human_share_read, arm more", "human_share_read, arm base"]
    assert [known.of for known in apart.known] == ["human_share_read, more minus base"]
    assert apart.seeds < both.seeds


def test_where_seeds_run_out_it_says_how_many_it_would_take(small_world, tmp_path):
    found = replicate_until(small_world(), "within_diversity +- 0.0001", least=2, most=3, out=tmp_path)
    assert not found.reached
    assert found.seeds == 3
    assert "not within the 1.00e-04 asked for; it would take about" in found.known[0].says


@pytest.mark.parametrize(
    "text, line",
    [
        ("within_diversity", "until: must be METRIC +- NUMBER or METRIC +- NUMBER%, the number above 0; got 'within_"),
        ("within_diversity +- 0", "until: must be METRIC +- NUMBER"),
        ("within_diversty +- 1", "until: small does not measure 'within_diversty'. Did you mean 'within_diversity'?"),
    ],
)
def test_a_target_that_is_none_is_refused(small_world, text, line):
    with pytest.raises(InputError) as refused:
        parsed_target(text, small_world(name="small"))
    assert str(refused.value).startswith(line)


def test_the_command_says_how_many_seeds_it_took_and_why_it_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cheap = ["--set", "models.readers.count=6", "--steps", "4"]
    given = ["run", "baseline", "--arm", "base", *cheap, "--until", "within_diversity +- 5%", "--min-seeds", "3"]
    assert main(given) == 0
    told = capsys.readouterr().out.splitlines()
    study = open_run(told[-1])
    said = [line for line in told if "within the" in line]
    assert len(said) == 1
    assert f"after {len(study.seeds)} seeds" in said[0]
    wide = ["compare", "baseline", "--arms", "rare,none", *cheap, "--until", "within_diversity +- 1e-5"]
    assert main([*wide, "--min-seeds", "2", "--max-seeds", "3"]) == 0
    assert "after 3 seeds, not within the 1.00e-05 asked for" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, line",
    [
        (["--until", "tail_coverage +- 0.1", "--seeds", "3"], "--until: goes without --seed and --seeds"),
        (["--until", "tail +- 0.1"], "--until: baseline does not measure 'tail'. It measures within_diversity,"),
        (["--max-seeds", "12"], "--max-seeds: goes with --until"),
        (["--until", "depth +- 1", "--max-seeds", "5"], "--min-seeds: must be at most --max-seeds, 5; got 10"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "baseline", *words]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(line)
    assert list(tmp_path.iterdir()) == []
