"""Shapley values of communities: those of theory, and refused in one line; what the page and the command say."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from chance import FALSE_ALARM
from scipy import stats

from agents.learners.categorical import Categorical
from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.runs.sweep import open_sweep
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.value import games
from ecosystem.value.shapley import shapley_values


@pytest.fixture
def three(small_world):
    """Two communities of the same words and one of others, in a small world."""
    writes = [{"span": 10}, {"span": 10}, {"first": 10}]
    named = zip(("one", "two", "other"), (20, 20, 20), writes, strict=True)
    humans = tuple(Community(name=name, rate=rate, writes=keys) for name, rate, keys in named)
    return small_world(humans=humans, steps=4, metrics=("tail_coverage", "human_share_read", "within_diversity"))


def test_values_of_communities_add_up_and_whoever_writes_what_nobody_else_does_is_worth_most(three, tmp_path):
    found = shapley_values(three, "within_diversity", seeds=8, out=tmp_path)
    values = found.table.set_index("community")
    assert (found.coalitions, found.pairs, found.precise) == (8, 0, True)
    assert found.gap < 1e-12
    assert values["value"].sum() == pytest.approx(found.total.estimate)
    assert values["share"].sum() == pytest.approx(1)
    assert found.table["community"][0] == "other"
    assert (values["documents"] == 80).all()
    assert (values.loc[["one", "two"], "overlap_low"] > 0).all()  # each writes what the other does
    assert (values["alone"] - values["last"]).tolist() == pytest.approx(values["overlap"].tolist())


def test_a_community_that_writes_nothing_is_worth_nothing_and_equals_get_the_same_share(three, tmp_path):
    """Human documents read, in a web where all read the same: who writes as much is worth as much (95% interval of a
    difference of means, so by chance wrong in one of 20; seeds are fixed), who writes nothing exactly nothing."""
    spec = three.with_({"humans.other.rate": [[0, 20], [1, 0]], "graph": {"kind": "complete", "self_loops": True}})
    values = shapley_values(spec, "human_share_read", seeds=8, out=tmp_path).table.set_index("community")
    assert tuple(values.loc["other", ["value", "low", "high"]]) == (0, 0, 0)
    assert values.loc["one", "low"] < values.loc["two", "value"] < values.loc["one", "high"]
    assert values.loc["one", "low"] > 0


def test_shares_of_what_is_read_are_those_of_the_game_that_theory_has(small_world, tmp_path):
    """Where all read the same web, r documents by people beside M by models make a human share of r / (r + M): values
    of that game, in t tests of 24 seeds at a false alarm of 1e-6. Shares in proportion to what each writes, which would
    be another division, are rejected."""
    rates, models = (10, 20, 70), 100
    group = Group(name="models", count=50, publish=2, read=1000, learner=Categorical())
    humans = tuple(Community(name=f"c{rate}", rate=rate) for rate in rates)
    spec = small_world(humans=humans, models=(group,), steps=1, graph=Graph(kind="complete", self_loops=True))
    found = shapley_values(spec, "human_share_read", seeds=24, out=tmp_path)
    written = [sum(rates[i] for i in range(3) if c >> i & 1) for c in range(8)]
    law = games.exact(np.array([[r / (r + models)] for r in written]))[:, 0]
    assert found.lawless == ""
    assert found.table.set_index("community").loc[["c10", "c20", "c70"], "law"].tolist() == pytest.approx(law)
    assert fits(found.value_nS, law)
    assert not fits(found.value_nS, np.array(rates) / 100 * 0.5)


def test_values_in_diversity_are_those_of_exact_theory(three, tmp_path):
    """The same check of a metric whose game no hand can write down; values of the total in equal parts are rejected."""
    spec = three.with_({"models.0.count": 20, "models.0.read": 40, "humans.other.rate": 60})
    found = shapley_values(spec, "within_diversity", seeds=48, out=tmp_path)
    law = found.table.set_index("community").loc[["one", "two", "other"], "law"].to_numpy()
    assert fits(found.value_nS, law)
    assert not fits(found.value_nS, np.full(3, law.mean()))
    assert any(sentence.startswith("By the closed form: other +") for sentence in found.findings)
    none = shapley_values(spec, "tail_coverage", seeds=2, sampled=True, pairs=2, out=tmp_path)
    assert none.table["law"].isna().all()
    assert any("No closed form" in sentence for sentence in none.findings)


def fits(value_nS: np.ndarray, expected_n: np.ndarray) -> bool:
    error_n = value_nS.std(axis=1, ddof=1) / math.sqrt(value_nS.shape[1])
    t_n = np.abs(value_nS.mean(axis=1) - expected_n) / error_n
    return bool((t_n < stats.t.isf(FALSE_ALARM / 2 / len(t_n), value_nS.shape[1] - 1)).all())


def test_those_left_out_fall_silent_when_asked_and_all_are_there_before(three, tmp_path):
    spec = three.with_({"humans.one.rate": [[0, 20], [2, 30], [4, 5]]})
    late = shapley_values(spec, "human_share_read", seeds=2, since=3, out=tmp_path)
    (kept,) = tmp_path.rglob("sweep.json")
    nobody, one = open_sweep(kept.parent).points[:2]
    assert nobody["humans.one.rate"] == [[0, 20], [2, 30], [3, 0]]
    assert nobody["humans.two.rate"] == [[0, 20], [3, 0]]
    assert one == nobody | {"humans.one.rate": [[0, 20], [2, 30], [4, 5]]}
    assert late.table.set_index("community").loc["one", "documents"] == 35
    early = shapley_values(spec, "human_share_read", seeds=2, at=1, since=1, out=tmp_path)
    assert (early.step, early.table["documents"].sum()) == (1, 60)
    with_all = shapley_values(spec, "human_share_read", seeds=2, at=2, since=2, out=tmp_path)
    assert with_all.table["documents"].sum() == 70


def test_sampled_values_agree_with_exact_ones_and_are_only_run_once(three, tmp_path):
    exact = shapley_values(three, "within_diversity", seeds=4, out=tmp_path)
    found = shapley_values(three, "within_diversity", seeds=4, sampled=True, precision=1e-9, pairs=24, out=tmp_path)
    assert found.pairs == 24
    assert not found.precise
    assert found.coalitions == 8
    assert found.gap < 1e-12
    both = exact.table.set_index("community"), found.table.set_index("community")
    for community, row in both[1].iterrows():
        assert row["low"] < both[0].loc[community, "value"] < row["high"]
    soon = shapley_values(three, "within_diversity", seeds=4, sampled=True, precision=0.9, out=tmp_path)
    assert (soon.pairs, soon.precise) == (16, True)


def test_more_than_eight_are_sampled(small_world, tmp_path):
    humans = tuple(Community(name=f"c{i}", rate=i, writes={"first": 2 * i, "span": 2}) for i in range(9))
    spec = small_world(humans=humans, steps=2)
    found = shapley_values(spec, "human_share_read", seeds=2, pairs=2, precision=1e-9, out=tmp_path)
    assert (found.pairs, found.precise) == (2, False)
    assert found.coalitions <= 2 + 2 * 9 + 2 * 2 * 6  # nobody, all, each alone, all but one, and the rest of two pairs
    assert found.gap < 1e-12
    assert found.table.set_index("community").loc["c0", "value"] == 0
    assert found.table["value"].sum() == pytest.approx(found.total.estimate)


def test_the_brief_is_one_page_that_calls_nobody_and_says_what_was_found(three, tmp_path):
    found = shapley_values(three, "within_diversity", seeds=8, out=tmp_path)
    folder = found.save()
    page = (folder / "brief.html").read_text()
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "<script" not in page
    assert found.findings[0] in page
    assert found.findings[0].startswith("At step 4 all that people have written since step 1 adds +")
    assert "In part others do the same work" in page
    pd.testing.assert_frame_equal(pd.read_csv(folder / "value.csv"), found.table, check_dtype=False)
    assert pd.read_csv(folder / "seeds.csv").groupby("community")["value"].mean()["other"] == pytest.approx(
        found.table["value"][0]
    )
    found.save()
    assert (folder / "brief.html").read_text() == page


def test_what_takes_the_room_of_the_rest_is_said(tmp_path):
    spec = Scenario.from_file("minority_fund").arm("base").with_({"steps": 12, "models.readers.count": 8})
    found = shapley_values(spec, "tail_coverage@minority", seeds=5, out=tmp_path)
    assert any("works against the rest" in s and "majority" in s and "minority:" not in s for s in found.findings)
    values = found.table.set_index("community")
    assert values.loc["minority", "low"] > 0 > values.loc["majority", "high"]


def test_the_command_values_communities(tmp_path, capsys):
    asked = ["value", "minority", "--by", "shapley", "--steps", "2", "--seeds", "2", "--set", "models.0.count=4"]
    assert main([*asked, "--since", "2", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out.strip().splitlines()
    assert told[0].startswith("- At step 2 all that people have written since step 2 adds ")
    assert told[-1] == str(next((tmp_path / "minority").glob("value-shapley-*")))
    assert main([*asked, "--since", "3", "--out", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err.strip() == "since: must be a step from 1 to 2, when those left out fall silent; got 3"
    )
    assert main(["value", "minority", "--since", "3", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip() == "--since: goes with --by shapley; got --by rate"


def test_one_community_is_worth_all_of_it(small_world, tmp_path):
    found = shapley_values(small_world(), "human_share_read", seeds=3, out=tmp_path)
    assert found.table["value"][0] == found.total.estimate > 0


def test_what_cannot_be_valued_is_refused(small_world, tmp_path):
    spec = small_world()
    for wrong, said in [
        ({"spec": spec.with_({"humans.0.rate": 0})}, "no community that writes"),
        ({"spec": spec.with_(steps=0)}, "at least 1 step"),
        ({"at": 9}, "a step from 1 to 4, the last of the run; got 9"),
        ({"since": 0}, "a step from 1 to 4"),
        ({"since": 3, "at": 2}, "a step from 1 to 2"),
        ({"precision": 0}, "above 0"),
        ({"pairs": 1}, "pairs: of orders, must be at least 2"),
        ({"metric": "dept"}, "Did you mean 'depth'"),
    ]:
        with pytest.raises(InputError, match=said):
            shapley_values(**({"spec": spec, "metric": "depth", "out": tmp_path} | wrong))
    assert not list(tmp_path.iterdir())
