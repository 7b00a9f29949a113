"""The value of human data: on the law where there is one, the same as runs of their own, refused in one line."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from chance import FALSE_ALARM
from scipy.stats import t as student

from ecosystem import Scenario
from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.runs import sweep_cells
from ecosystem.runs.runner import run
from ecosystem.runs.statistics import t_interval
from ecosystem.theory import human_share_curve
from ecosystem.value import by_community, by_place, by_rarity, by_rate, by_time, feeding, findings

RATES = [0, 10, 50, 200]


def fits(samples: list[np.ndarray], expected: np.ndarray) -> bool:
    """Whether the means of all samples are within chance of what is expected: t tests, FALSE_ALARM for all together."""
    for sample_S, mean in zip(samples, expected, strict=True):
        error = sample_S.std(ddof=1) / np.sqrt(sample_S.size)
        if abs(sample_S.mean() - mean) > student.isf(FALSE_ALARM / 2 / len(samples), sample_S.size - 1) * error:
            return False
    return True


@pytest.fixture(scope="module")
def neutral(tmp_path_factory):
    """A neutral web in small: 24 seeds at four rates."""
    spec = Scenario.from_file("price_of_human").with_(
        {"steps": 30, "models.0.count": 15, "models.0.read": 50, "models.0.publish": 1000, "claims": []}
    )
    return by_rate(spec, "within_diversity", RATES, seeds=24, out=tmp_path_factory.mktemp("neutral"))


def test_the_value_curve_and_the_worth_of_one_more_lie_on_the_law(neutral):
    """False alarm 1e-6 for the curve and as much for what one more is worth."""
    assert neutral.lawless == ""
    curve = [neutral.value_S(look) for look in neutral.looks]
    each = [neutral.each_S(look) for look in neutral.looks[1:]]
    assert fits(curve, neutral.table["law"])
    assert fits(each, neutral.table["each_law"].iloc[1:])
    n, publish = 50, 1000
    shares = [rate / (publish + rate) for rate in RATES]
    published = [human_share_curve(n, h, 30)[-1] * (1 - 1 / 500) for h in shares]
    assert np.abs(neutral.table["law"] - published).max() < 0.03  # law 3 has not the bottleneck of publishing

    # negative control: one read being human is not enough, it is two reads that must come from one model
    wrong = [human_share_curve(n, 1 - np.sqrt(1 - h), 30)[-1] * (1 - 1 / 500) for h in shares]
    assert not fits(curve, np.array(wrong))
    assert not fits(each, np.diff(wrong) / np.diff(RATES))


def test_one_more_is_worth_less_the_more_there_are(neutral):
    """Each neighbouring pair of rates against the next: t tests at 1e-6; the other way round all are rejected."""
    each = [neutral.each_S(look) for look in neutral.looks[1:]]
    for first, second in pairwise(each):
        fall = first - second
        t = fall.mean() / (fall.std(ddof=1) / np.sqrt(fall.size))
        assert t > student.isf(FALSE_ALARM, fall.size - 1)
    assert any("worth less the more there are" in sentence for sentence in findings(neutral))


def test_differences_are_taken_within_seeds(small_world, tmp_path):
    spec = small_world()
    found = by_rate(spec, "within_diversity", [2, 30], seeds=[1, 4, 6], out=tmp_path)
    ends = {
        rate: [run(spec.with_({"humans.0.rate": [[0, 6], [1, rate]]}), s, out=tmp_path).steps for s in (1, 4, 6)]
        for rate in (2, 30)
    }
    value = {rate: np.array([steps["within_diversity"].iloc[-1] for steps in runs]) for rate, runs in ends.items()}
    row = found.table.iloc[1]
    assert row["value"] == pytest.approx(value[30].mean())
    apart = t_interval(value[30] - value[2])
    assert [row["gain"], row["gain_low"], row["gain_high"]] == pytest.approx([apart.estimate, apart.low, apart.high])
    assert row["each"] == pytest.approx(apart.estimate / 28)
    assert np.isnan(found.table.iloc[0]["gain"])


def test_a_batch_is_looked_at_after_the_same_time_at_the_end_and_over_the_run(small_world, tmp_path):
    spec = small_world(steps=6)
    found = by_time(spec, "within_diversity", [1, 3], documents=40, lag=2, seeds=2, out=tmp_path)
    late = spec.with_({"humans.0.rate": [[0, 6], [3, 46], [4, 6]]})
    with_it, without = (run(s, 1, out=tmp_path).steps["within_diversity"].to_numpy() for s in (late, spec))
    gain = found.by_seed.set_index(["name", "when", "seed"])["gain"]
    assert gain["step 3", "2 steps later", 1] == pytest.approx(with_it[5] - without[5])
    assert gain["step 3", "at the end", 1] == pytest.approx(with_it[6] - without[6])
    assert gain["step 3", "over the run", 1] == pytest.approx((with_it - without)[1:].mean())


def test_what_is_measured_now_and_then_can_be_looked_at_after_any_lag(small_world, tmp_path):
    spec = small_world(steps=6).with_({"record.every": 5})
    found = by_time(spec, "within_diversity", [1, 2], lag=1, seeds=2, out=tmp_path)
    assert found.table["value"].notna().all()


@pytest.mark.parametrize("rate", [0, 6, [[0, 0], [2, 9]]])
def test_a_community_that_is_added_and_silent_changes_nothing(small_world, tmp_path, rate):
    spec = small_world().with_({"humans.0.rate": rate})
    found = by_place(spec, "within_diversity", ["most_read", "all"], documents=5, seeds=[3, 5], out=tmp_path)
    alone = [run(spec, seed, out=tmp_path).steps["within_diversity"].iloc[-1] for seed in (3, 5)]
    nothing, *fed = (found.value_S(look).tolist() for look in found.looks)
    assert nothing == alone
    assert alone not in fed


def test_what_the_most_read_model_is_fed_is_worth_more_as_the_law_has_it(small_world, tmp_path):
    """A hub without people for 20 steps: t tests, false alarm 1e-6 for all places."""
    spec = small_world(steps=20).with_(
        {"graph": {"kind": "hub", "self_loops": True}, "humans.0.rate": 0, "models.0.count": 8}
    )
    found = by_place(spec, "within_diversity", documents=10, seeds=24, out=tmp_path)
    assert found.lawless == ""
    assert fits([found.value_S(look) for look in found.looks], found.table["law"])
    each = found.table.set_index("name")["each"]
    assert each["the most read"] > 3 * each["the least read"]
    assert not fits([found.value_S(look) for look in found.looks[1:3]], found.table["law"].iloc[[3, 3]])  # control


def test_communities_are_given_more_and_taken_away_one_at_a_time(small_world, tmp_path):
    people = [{"name": "many", "rate": 9, "writes": {"span": 15}}, {"name": "few", "rate": 3, "writes": {"first": 15}}]
    spec = small_world(metrics=("within_diversity", "human_share_read")).with_({"humans": people})
    found = by_community(spec, "human_share_read", documents=4, seeds=2, out=tmp_path)
    table = found.table.set_index("name")
    assert list(table.index) == ["as it is", "more of many", "without many", "more of few", "without few"]
    assert table["more"].tolist()[1:] == [4, -9, 4, -3]
    assert (table["each"].iloc[1:] > 0).all()  # more of anyone is more to read; and so is what is not taken away
    alone = run(spec.with_({"humans.few.rate": [[0, 3], [1, 0]]}), 1, out=tmp_path).steps
    cell = found.by_seed.set_index(["name", "seed"]).loc[("without few", 1)]
    assert cell["value"] == alone["human_share_read"].iloc[-1]


def test_rare_documents_keep_more_of_the_tail_than_others(tmp_path):
    """One-sided paired t test at 1e-6 over 16 seeds; turned round it is rejected."""
    spec = Scenario.from_file("tail_subsidy").with_({"models.0.count": 8, "steps": 12, "claims": [], "arms": {}})
    found = by_rarity(spec, "tail_coverage", documents=40, seeds=16, out=tmp_path)
    ordinary, rare = (found.each_S(look) for look in found.looks[1:])
    apart = rare - ordinary
    assert apart.mean() / (apart.std(ddof=1) / 4) > student.isf(FALSE_ALARM, 15)
    assert "policies" in findings(found)[-1] or "tail_coverage" in findings(found)[-1]  # why there is no law


def test_only_what_is_missing_is_run(small_world, tmp_path, monkeypatch):
    made = []
    alone = sweep_cells.measured
    monkeypatch.setattr(sweep_cells, "measured", lambda *a: made.append(a[1]) or alone(*a))
    first = by_rate(small_world(), "depth", [1, 9], seeds=2, out=tmp_path)
    by_rate(small_world(), "depth", [1, 9], seeds=3, out=tmp_path)
    again = by_rate(small_world(), "within_diversity", [1, 9], seeds=2, out=tmp_path)  # of the same runs
    assert made == [0, 1, 0, 1, 2, 2]
    assert again.sweep == first.sweep
    assert again.folder != first.folder


def test_what_is_given_leaves_step_0_and_what_people_write_anyway_as_they_are(small_world):
    spec = small_world().with_({"humans.0.rate": [[0, 5], [3, 8]]})
    people = spec.humans[0]
    assert feeding.held_at(people, 7) == [[0, 5], [1, 7]]
    assert feeding.with_more(people, 10, 2, 3) == [[0, 5], [2, 15], [3, 8]]
    assert feeding.with_more(people, 10, 3, 4) == [[0, 5], [3, 18], [4, 8]]
    assert feeding.with_more(people, 10) == [[0, 5], [1, 15], [3, 18]]
    assert feeding.mean_rate(people, 4) == 6.5
    assert feeding.split(10, [1, 1, 1]) in ([4, 3, 3], [3, 4, 3], [3, 3, 4])
    assert feeding.split(7, [0, 0]) in ([4, 3], [3, 4])
    assert feeding.split(200, [190, 10]) == [190, 10]


def test_the_brief_is_one_page_that_calls_nobody_and_says_what_was_found(small_world, tmp_path):
    found = by_rate(small_world(), "within_diversity", [1, 9, 40], seeds=3, out=tmp_path)
    folder = found.save()
    page = (folder / "brief.html").read_text()
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "<script" not in page
    assert findings(found)[0] in page
    for heading in ("The answer", "The numbers", "What this assumes", "What this does not say"):
        assert heading in page
    written = pd.read_csv(folder / "value.csv", dtype={"name": str})
    pd.testing.assert_frame_equal(written, found.table, check_dtype=False)
    found.save()
    assert (folder / "brief.html").read_text() == page


@pytest.mark.parametrize(
    "asked, says",
    [
        ("--metric coverage", "metric: baseline does not measure 'coverage'. Did you mean 'tail_coverage'?"),
        ("--by price", "must be one of rate, time, place, community, rarity, shapley, substitution; got 'price'."),
        ("--rates 5", "rates: must be two or more different whole numbers, none below 0; got 5"),
        ("--rates 5,-1", "rates: must be two or more different whole numbers, none below 0; got -1"),
        ("--rates 5,0.5", "rates: must be two or more different whole numbers, none below 0; got 0.5"),
        ("--times 5", "--times: goes with --by time; got --by rate"),
        ("--by time --times 1,39 --lag 5", "times: must be two steps or more from 1 to 35"),
        ("--by time --lag 40", "lag: must be from 0 to 39 in a run of 40 steps; got 40"),
        ("--by time --times 1,20 --documents 0", "documents: must be a whole number of at least 1; got 0"),
        ("--at 41", "at: must be a step from 1 to 40, the last of the run; got 41"),
        ("--community nobody", "community: baseline has no community 'nobody'. It has people."),
        ("--by community", "community: baseline has one, people; two or more can be compared"),
        ("--by place --places all", "places: must be two different ones or more; got all"),
        ("--by place --places all,900", "reach"),
        ("--steps 0", "steps: human documents are given from step 1 on"),
        ("--seeds 0", "--seeds: must be"),
    ],
)
def test_wrong_input_is_refused_in_one_line_and_writes_nothing(asked, says, tmp_path, capsys):
    code = main(["value", "baseline", *asked.split(), "--out", str(tmp_path / "out"), "--quiet"])
    told = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(told) == 1
    assert says in told[0]
    assert not (tmp_path / "out").exists()


def test_the_command_ends_with_the_finding_and_the_folder(tmp_path, capsys):
    asked = ["value", "baseline", "--metric", "within_diversity", "--rates", "0,50", "--steps", "9", "--seeds", "4"]
    assert main([*asked, "--set", "models.0.count=5", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out.strip().splitlines()
    assert told[0].startswith("- Between 0 and 50 human documents a step, 10 more a step ")
    assert "95% interval" in told[0]
    folder = tmp_path / "baseline"
    assert told[-1] == str(next(folder.glob("value-rate-*")))
    assert json.loads(next(folder.glob("sweep-*/sweep.json")).read_text())["kind"] == "list"


def test_wrong_rates_are_refused_from_python_too(small_world, tmp_path):
    with pytest.raises(InputError, match="none below 0; got True"):
        by_rate(small_world(), "depth", [True, 5], out=tmp_path)


def test_what_the_seeds_cannot_tell_is_not_told(small_world, tmp_path):
    """A change that leaves the metric alone: no sentence may say that it moves it."""
    spec = small_world(metrics=("depth",)).with_({"models.0.publish": 0})  # all that is read is human
    told = findings(by_rate(spec, "depth", [2, 9], seeds=3, out=tmp_path))
    assert "cannot be told from nothing (0, 0 to 0)" in told[0]
    told = findings(by_place(spec, "depth", seeds=3, out=tmp_path))
    assert "cannot be told from nothing" in told[0]
    assert not any("raise" in sentence or "lower" in sentence for sentence in told)


def test_one_seed_gives_numbers_without_intervals(small_world, tmp_path):
    found = by_rate(small_world(), "within_diversity", [1, 40], seeds=1, out=tmp_path)
    told = findings(found)
    assert "no interval" in told[0]
    assert "one seed gives no interval" in told[-1]
    assert (found.save() / "brief.html").is_file()


def test_a_metric_without_a_value_there_is_refused(small_world, tmp_path):
    spec = small_world(metrics=("between_similarity",)).with_({"models.0.count": 1})
    with pytest.raises(InputError, match="metric: between_similarity has no value"):
        by_rate(spec, "between_similarity", [1, 5], seeds=2, out=tmp_path)


def test_where_nothing_is_left_to_chance_the_law_is_not_rejected_for_rounding(small_world, tmp_path):
    spec = small_world(metrics=("human_share_read",)).with_({"models.0.publish": 0})
    found = by_rate(spec, "human_share_read", [3, 9], seeds=3, out=tmp_path)
    assert "within the 95% interval of 2 of 2 measured values: no further off" in findings(found)[-1]
    wrong = replace(found, law_PT=found.law_PT - 0.01)
    assert "of 0 of 2 measured values: further off" in findings(wrong)[-1]
