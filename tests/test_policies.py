"""Policies at work: what each kind decides, by hand, and what a world does with it.

`chance.FALSE_ALARM` is the probability that a correct human floor fails the comparison with its share.
"""

from __future__ import annotations

import numpy as np
import pytest
from chance import FALSE_ALARM
from scipy.stats import binom

from agents.policies.adaptive import Adaptive
from agents.policies.human_floor import HumanFloor
from agents.policies.moratorium import Moratorium
from agents.policies.subsidy import Subsidy
from ecosystem import Ecosystem
from ecosystem.files.scenario_file import read
from ecosystem.frame import Entry
from ecosystem.policy import Controls, Outlook

PLAIN = {
    "name": "policed", "steps": 6, "metrics": ["within_diversity", "policy_cost", "total_cost"],
    "world": {"kind": "zipf", "items": 100}, "humans": [{"name": "people", "rate": 5}],
    "models": [{"name": "models", "count": 4, "publish": 10, "read": 20, "learner": {"kind": "categorical"}}],
    "graph": {"kind": "complete", "self_loops": True},
}  # fmt: skip
GUARDS = {"name": "guards", "kind": "detector", "price": 0.1, "placement": {"share": 0.0}}


def world(*policies, seed=0, **parts):
    return Ecosystem(read(PLAIN | {"policies": list(policies)} | parts), rng=seed)


def steps(made, count=None):
    """Every frame of a run."""
    for _ in range(made.spec.steps if count is None else count):
        made.step()
        yield made.frame


def ledger(made, count=None):
    return [entry for frame in steps(made, count) for entry in frame.ledger]


def seen(step=1, humans=5.0, models=40.0, **last):
    """What a policy sees of a world of four models that all read one another and people."""
    return Outlook(
        step, ("people",), {"models": 10}, {"guards": 0.1}, last, np.array([5]), np.ones((4, 1), bool),
        np.full(4, 20.0), np.full(4, models), np.full(4, humans),
    )  # fmt: skip


def walk(policy, *values, metric="tail_coverage"):
    """What a policy decides as a measure takes these values, step by step."""
    state, found = None, []
    for step, value in enumerate(values, start=1):
        outlook = seen(step, **{metric: value})
        controls, state = policy.decide(policy.open(outlook) if state is None else state, outlook)
        found.append(controls)
    return found


# What holds.


def test_a_policy_that_says_nothing_changes_nothing():
    plain, told = world(), world({"kind": "schedule"}, {"kind": "moratorium", "name": "never", "since": 99})
    for one, other in zip(steps(plain), steps(told), strict=True):
        assert one.values == other.values
        assert (one.ledger, one.events) == (other.ledger, other.events) == ((), ())
        documents = plain.corpus.documents(one.t), told.corpus.documents(one.t)
        assert all(np.array_equal(a, b) for a, b in zip(*(vars(d).values() for d in documents), strict=True))


def test_what_is_bought_comes_on_top_of_what_people_write_anyway_and_of_what_models_write():
    plain, fed = world(), world({"kind": "schedule", "periods": [{"bought": {"people": 7}}]})
    for made in (plain, fed):
        made.step()
    own, more = (made.corpus.documents(1).content for made in (plain, fed))
    assert len(more) == len(own) + 7
    assert np.array_equal(more[: len(own)], own)  # models', then people's: bought documents are the last


def test_periods_hold_one_after_the_other_and_then_the_scenario_again():
    periods = [{"begins": 2, "bought": {"people": 3}}, {"begins": 4, "publish": {"models": 2}}]
    made = world({"kind": "schedule", "until": 5, "periods": periods, "price": 2.0, "forgone_price": 0.5})
    counts = [(made.corpus.counts_S()[:4].sum(), made.corpus.counts_S()[4]) for _ in steps(made)]
    assert counts == [(40, 5), (40, 8), (40, 8), (8, 5), (8, 5), (40, 5)]


def test_a_constant_policy_is_a_schedule_of_one_period():
    said = {
        "bought": {"people": 7}, "rare": {"people": 2}, "publish": {"models": 6}, "reach": {"people": 0.5}, "keep": 2,
        "coverage": {"guards": 1.0}, "capacity": {"guards": 13}, "settings": {"guards": {"price": 3.0}},
    }  # fmt: skip
    prices = {"price": 2.0, "rare_price": 5.0, "forgone_price": 0.5, "since": 2, "until": 4}
    one = world({"kind": "constant", **said, **prices}, verifiers=[GUARDS])
    other = world({"kind": "schedule", "periods": [said], **prices}, verifiers=[GUARDS])
    for a, b in zip(steps(one), steps(other), strict=True):
        assert (a.values, a.ledger, a.events) == (b.values, b.ledger, b.events)
        assert bool(a.ledger) == (2 <= a.t <= 4)


def test_the_ledger_says_what_was_bought_at_which_price():
    periods = [{"begins": 2, "bought": {"people": 3}}, {"begins": 4, "publish": {"models": 2}}]
    found = ledger(world({"kind": "schedule", "until": 5, "periods": periods, "price": 2.0, "forgone_price": 0.5}))
    bought = [Entry(step, "human", "people", 3.0, 6.0) for step in (2, 3)]
    assert found == bought + [Entry(step, "forgone", "models", 32.0, 16.0) for step in (4, 5)]


def test_what_is_bought_of_people_whose_documents_are_finite_is_dealt_from_the_same_deck():
    text = {"world": {"kind": "text"}, "models": [PLAIN["models"][0] | {"publish": 0, "learner": {"kind": "ngram"}}]}
    plain, fed = world(**text), world({"kind": "schedule", "periods": [{"bought": {"people": 10}}]}, **text)
    dealt = [np.concatenate([made.corpus.documents(made.t).content for _ in steps(made, 3)]) for made in (plain, fed)]
    assert [len(d) for d in dealt] == [15, 45]
    assert np.array_equal(dealt[1][:15], dealt[0])  # three steps' worth in the first


def test_each_policy_pays_its_own_price():
    cheap = {"kind": "schedule", "name": "cheap", "periods": [{"bought": {"people": 3}}]}
    dear = {"kind": "schedule", "name": "dear", "periods": [{"bought": {"people": 2}}], "price": 10.0}
    for policies in ((cheap, dear), (dear, cheap)):
        assert ledger(world(*policies), 1) == [Entry(1, "human", "people", 5.0, 23.0)]


@pytest.mark.parametrize("every", [1, 4])
def test_the_ledger_adds_up_to_the_costs_measured(every):
    guarded = {"kind": "budget", "purse": 10, "verifier": "guards"}
    made = world(guarded, {"kind": "subsidy", "metric": "within_diversity", "name": "s"}, verifiers=[GUARDS],
                 record={"every": every})  # fmt: skip
    frames = list(steps(made))
    entries = [entry for frame in {f.t: f for f in frames}.values() for entry in frame.ledger]
    assert frames[-1].values["total_cost"] == pytest.approx(sum(entry.cost for entry in entries))
    assert frames[-1].values["total_cost"] == pytest.approx(sum(made.steering.spent.values()))
    assert {entry.kind for entry in entries} == {"human", "rare", "verification"}
    if every == 1:
        assert [f.values["policy_cost"] for f in frames] == [sum(e.cost for e in f.ledger) for f in frames]


def test_what_stays_readable_follows_the_policy():
    periods = [{"begins": 2, "keep": "all"}, {"begins": 5, "keep": 2}]
    made = world({"kind": "schedule", "until": 5, "periods": periods})
    assert [made.corpus.counts_S().sum() for _ in steps(made)] == [45, 90, 135, 180, 90, 45]


def test_whom_people_reach_follows_the_policy_in_one_order():
    periods = [{"begins": s, "reach": {"people": share}} for s, share in ((2, 0.5), (3, 0.25), (4, 1.0))]
    made = world({"kind": "schedule", "until": 4, "periods": periods}, humans=[{"name": "people", "reach": [1]}])
    reached = [np.flatnonzero(made.follows.reach_NH[:, 0]).tolist() for _ in steps(made)]
    assert [len(who) for who in reached] == [1, 2, 1, 4, 1, 1]
    assert set(reached[2]) < set(reached[1])
    assert reached[0] == reached[4] == [1]


@pytest.mark.parametrize("judgements", ["all", "none"])
def test_settings_of_a_verifier_follow_the_policy(judgements):
    """Labels that nobody attaches let all pass, a mandate lets none of the models' documents through."""
    labels = {"name": "labels", "kind": "label", "compliance": 0.0}
    mandate = {"kind": "schedule", "periods": [{"begins": 3, "settings": {"labels": {"compliance": 1.0}}}]}
    made = world(mandate, verifiers=[labels], metrics=["human_share_read"], record={"judgements": judgements})
    shares = [frame.values["human_share_read"] for frame in steps(made)]
    assert max(shares[:2]) < 0.5
    assert shares[2:] == [1.0] * 4


def test_changes_are_told_once_and_so_are_their_ends():
    policy = {"kind": "schedule", "since": 2, "until": 3, "periods": [{"bought": {"people": 9}, "keep": "all"}]}
    told = [(e.step, e.kind, e.detail) for frame in steps(world(policy)) for e in frame.events]
    assert told == [
        (2, "policy", "9 more documents of people a step"), (2, "policy", "the web keeps everything"),
        (4, "policy", "people: no more bought"), (4, "policy", "keep of the web: as the scenario says"),
    ]  # fmt: skip


def test_an_arm_changes_a_policy_by_its_name():
    pause = {"kind": "moratorium", "name": "pause", "since": 2}
    short = {"policies.pause.until": 3, "policies.pause.share": 0.5}
    spec = read(PLAIN | {"policies": [pause], "arms": {"short": short}})
    (policy,) = spec.arm("short").policies
    assert (policy.since, policy.until, policy.share) == (2, 3, 0.5)
    assert read(spec.plain()).policies == spec.policies


def test_a_model_more_changes_nobody_elses_luck():
    """The first four models write in the first step what they write without the fifth."""
    aid = {"kind": "schedule", "periods": [{"bought": {"people": 7}, "publish": {"models": 6}}]}
    one, more = world(aid), world(aid, models=[PLAIN["models"][0] | {"count": 5}])
    for made in (one, more):
        made.step()
    first, second = (made.corpus.documents(1).content for made in (one, more))
    assert np.array_equal(first[:24], second[:24])
    assert np.array_equal(first[24:], second[30:])


# Verifiers that policies steer.


@pytest.mark.parametrize("judgements", ["all", "none"])
def test_a_capacity_holds_whether_judgements_are_recorded_or_not(judgements):
    policy = {"kind": "schedule", "periods": [{"coverage": {"guards": 1.0}, "capacity": {"guards": 13}}]}
    made = world(policy, verifiers=[GUARDS], record={"judgements": judgements})
    assert [e.units for e in ledger(made) if e.kind == "verification"] == [13.0] * 6


@pytest.mark.parametrize("judgements", ["all", "none"])
def test_who_comes_under_guard_later_is_guarded_from_what_is_on_the_web_already(judgements):
    """A sound verifier, nobody behind it at first: when all come under guard it judges everything that is kept."""
    sound = GUARDS | {"false_positive_rate": 0.0, "false_negative_rate": 0.0}
    policy = {"kind": "schedule", "periods": [{"begins": 4, "coverage": {"guards": 1.0}}]}
    made = world(policy, verifiers=[sound], corpus={"keep": "all"}, metrics=["human_share_read"],
                 record={"judgements": judgements})  # fmt: skip
    frames = list(steps(made))
    assert [frame.values["human_share_read"] == 1.0 for frame in frames] == [False] * 3 + [True] * 3
    assert [e.units for f in frames for e in f.ledger] == [4 * 45, 45, 45]  # no document is judged, and paid for, twice


@pytest.mark.parametrize("judgements", ["all", "none"])
def test_what_an_earlier_verifier_refused_is_judged_by_a_later_one_once_the_earlier_is_gone(judgements):
    sound = {"kind": "detector", "false_positive_rate": 0.0, "false_negative_rate": 0.0}
    policy = {"kind": "schedule", "periods": [{"begins": 3, "coverage": {"first": 0.0}}]}
    made = world(policy, verifiers=[sound | {"name": "first"}, sound | {"name": "second"}], corpus={"keep": "all"},
                 metrics=["human_share_read"], record={"judgements": judgements})  # fmt: skip
    frames = list(steps(made, 3))
    judged = [(w.step, w.verifier, w.judged_model) for frame in frames for w in frame.worked]
    assert judged == [(1, "first", 40), (1, "second", 0), (2, "first", 40), (2, "second", 0), (3, "first", 0),
                      (3, "second", 120)]  # fmt: skip
    assert frames[-1].values["human_share_read"] == 1.0


# The floor.


@pytest.mark.parametrize(
    "floor, humans, models, bought",
    [(0.2, 5, 40, 5), (0.5, 5, 40, 35), (0.1, 5, 40, 0), (0.1, 5, 41, 0), (0.2, 0, 41, 11), (0.9, 5, 0, 0)],
)
def test_a_floor_buys_the_fewest_documents_that_reach_it(floor, humans, models, bought):
    controls, _ = HumanFloor(floor=floor).decide({}, seen(humans=humans, models=models))
    assert controls.bought == {"people": bought}
    assert humans + bought >= floor * (humans + bought + models) - 1e-9


def test_a_floor_counts_what_the_policies_before_it_have_decided():
    stop, floor = {"kind": "moratorium", "name": "stop", "share": 0.5}, {"kind": "human_floor", "floor": 0.5}
    more = {"kind": "schedule", "name": "more", "periods": [{"bought": {"people": 6}}]}
    assert [e.units for e in ledger(world(stop, floor), 1) if e.kind == "human"] == [15.0]  # of 20 and 5
    assert [e.units for e in ledger(world(more, floor), 1)] == [35.0]  # 6 of them by the schedule


@pytest.mark.parametrize("keep", ["step", "all", {"window": 3}])
def test_a_floor_is_reached_in_expectation_whatever_stays_readable(keep):
    floor, group = 0.3, PLAIN["models"][0] | {"count": 40, "publish": 7, "read": 50}
    parts = {"models": [group], "corpus": {"keep": keep}, "metrics": ["human_share_read"]}
    assert is_share(human_read(world({"kind": "human_floor", "floor": floor}, **parts)), 40 * 50 * 6, floor)
    assert not is_share(human_read(world(**parts)), 40 * 50 * 6, floor)


def human_read(made):
    """Human documents read in all, of 40 models with 50 documents a step."""
    return round(sum(frame.values["human_share_read"] for frame in steps(made)) * 40 * 50)


def is_share(found, of, share):
    """Reading is with replacement, so that what is human is binomial; two-sided and exact."""
    return binom.ppf(FALSE_ALARM / 2, of, share) <= found <= binom.isf(FALSE_ALARM / 2, of, share)


def test_a_floor_of_a_sampled_web_is_that_of_all_that_is_kept():
    made = world({"kind": "human_floor", "floor": 0.2}, corpus={"keep": {"subsample": 30}})
    assert [e.units for e in ledger(made)] == [5.0] * 6


def test_a_floor_takes_a_models_own_archive_for_the_human_writing_it_is():
    group = PLAIN["models"][0] | {"pretrain": 10, "archive": True}
    made = world({"kind": "human_floor", "floor": 0.5}, models=[group], corpus={"keep": "all"})
    assert [e.units for e in ledger(made, 2)] == [25.0, 35.0]  # 40 of models a step, 5 of people, 10 archived


# The other kinds.


def test_a_moratorium_stops_who_it_names_as_far_as_it_says():
    assert walk(Moratorium(share=0.29), 0.5)[0].publish == {"models": 2}
    assert walk(Moratorium(groups=("models",)), 0.5)[0].publish == {"models": 0}


def test_a_moratorium_set_off_by_a_measure_ends_when_it_is_back():
    values = (0.5, 0.29, 0.3, 0.35, float("nan"), 0.39, 0.4, 0.35, 0.29)
    below = Moratorium(metric="tail_coverage", when=0.3, back=0.4)
    on = [bool(controls.publish) for controls in walk(below, *values)]
    assert on == [False, True, True, True, True, True, False, False, True]
    above = Moratorium(metric="tail_coverage", side="above", when=-0.3, back=-0.4)
    assert [bool(c.publish) for c in walk(above, *(-v for v in values))] == on


def test_an_adaptive_policy_answers_in_proportion_and_at_most_by_its_gain():
    policy = Adaptive(metric="m", low=0.4, high=0.6, first=100, gain=0.5, least=50, most=150)
    found = walk(policy, 0.5, 0.3, 0.0, 0.7, float("nan"), 5.0, 5.0, metric="m")
    factors = np.cumprod([1, np.exp(0.25)])
    expected = [*(100 * factors), 150, 150 * np.exp(-0.25), 150 * np.exp(-0.25), 150 * np.exp(-0.75), 50]
    assert [c.bought["people"] for c in found] == [round(b) for b in expected]


def test_an_adaptive_policy_ends_in_its_band_from_either_side():
    parts = {"metrics": ["tail_coverage"], "steps": 60, "world": {"kind": "zipf", "items": 100},
             "models": [PLAIN["models"][0] | {"count": 20, "publish": 50, "read": 200}]}  # fmt: skip
    ends = {}
    for first in (1, 3000):
        for gain in (0.3, 1e-9):  # hardly any gain: what a policy that does not answer comes to
            policy = {"kind": "adaptive", "metric": "tail_coverage", "low": 0.2, "high": 0.3, "first": first}
            frames = list(steps(world(policy | {"gain": gain}, **parts)))
            ends[first, gain] = np.mean([frame.values["tail_coverage"] for frame in frames[-20:]])
    assert all(0.2 <= ends[first, 0.3] <= 0.3 for first in (1, 3000)), ends
    assert ends[1, 1e-9] < 0.2
    assert ends[3000, 1e-9] > 0.3


@pytest.mark.parametrize("on_people, humans, judged", [(0.5, 10, 15), (1.0, 20, 0), (0.0, 0, 30), (0.33, 6, 20)])
def test_a_budget_is_spent_as_it_says_and_never_more(on_people, humans, judged):
    policy = {"kind": "budget", "purse": 3, "on_people": on_people, "price": 0.15, "verifier": "guards"}
    for entries in (frame.ledger for frame in steps(world(policy, verifiers=[GUARDS]))):
        units = {entry.kind: entry.units for entry in entries}
        assert units == {k: v for k, v in (("human", humans), ("verification", judged)) if v}
        assert sum(entry.cost for entry in entries) <= 3 + 1e-9


def test_a_subsidy_pays_more_the_less_is_left_and_buys_what_its_purse_pays_for():
    found = walk(Subsidy(documents=10, elasticity=2.0, purse=40.0), 0.4, 0.2, 0.1, float("nan"), 0.0)
    assert [c.prices["rare"] for c in found[:4]] == pytest.approx([1, 4, 16, 1])
    assert [c.rare["people"] for c in found] == [10, 10, 2, 10, 0]
    assert walk(Subsidy(documents=10), 0.4, 0.1)[1] == Controls(rare={"people": 10}, prices={"rare": 4.0})


def test_rare_documents_are_of_what_people_seldom_write():
    """The rarest 50 of 1,000: all beyond the 60 most frequent items, but for a chance below FALSE_ALARM."""
    mass = 1 / np.arange(1, 101)
    assert binom.cdf(49, 1000, mass[60:].sum() / mass.sum()) < FALSE_ALARM
    made = world({"kind": "schedule", "periods": [{"rare": {"people": 50}}]}, humans=[{"name": "people", "rate": 50}])
    made.step()
    own, rare = np.split(made.corpus.documents(1).content[40:], 2)
    assert rare.min() >= 60
    assert own.min() < 60
