"""Policies that cannot be are told in one line before a run; the contract checks; what a study says of policies."""

from __future__ import annotations

import numpy as np
import pytest
from good_scenario import GOOD, lines_of
from pydantic import ValidationError
from test_policies import GUARDS, PLAIN, world

from agents.policies.adaptive import Adaptive
from agents.policies.budget import Budget
from agents.policies.constant import Constant
from agents.policies.human_floor import HumanFloor
from agents.policies.moratorium import Moratorium
from agents.policies.schedule import Schedule
from agents.policies.subsidy import Subsidy
from ecosystem import NoLaw, components, law
from ecosystem.checks import CheckFailed, check_policy
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.fits import WorldError
from ecosystem.policy import Controls, Policy
from ecosystem.report import page, tables
from ecosystem.runs.runner import replicate
from ecosystem.runs.spending import spending
from ecosystem.theory.spread import reading_shares
from ecosystem.view.recording import events

# Scenario files.


@pytest.mark.parametrize(
    "policy, says",
    [
        ("{kind: human_flor}", "kind: must be one of *; got 'human_flor' (did you mean 'human_floor'?)"),
        ("{kind: human_floor, community: peple}", "community: must be a community: people, rebels; got 'peple' (did*"),
        ("{kind: human_floor, price: -1}", "price: must be a number of at least 0; got -1"),
        ("{kind: moratorium, groups: [smal]}", "groups.0: must be a group of models: small, large.one; got 'smal' (*"),
        ("{kind: budget}", "verifier: must be a verifier: there is none; got 'verifier'"),
        ("{kind: subsidy, metric: entropy}", "metric: must be one of the scenario's metrics, *; got 'entropy'"),
        ("{kind: moratorium, metric: suport}", "metric: must be *; got 'suport' (did you mean 'support'?)"),
        ("{kind: constant, rare: {peple: 3}}", "rare.peple: must be a community: *; got 'peple' (did*"),
        ("{kind: constant, bought: [3]}", "bought: must be *"),
        ("{kind: constant, price: -0.5}", "price: must be a number of at least 0; got -0.5"),
        ("{kind: schedule, periods: [{rare: {peple: 3}}]}", "periods.0.rare.peple: must be *; got 'peple' (did*"),
        ("{kind: schedule, periods: [{publish: {small: -3}}]}", "periods.0.publish.small: must be *; got -3"),
        ("{kind: human_floor, since: 5, until: 4}", "until: must be at least since, 5; got 4"),
    ],
)
def test_a_wrong_policy_is_one_line_with_its_place(policy, says, tmp_path):
    from test_scenario_mistakes import fits

    (line,) = lines_of(GOOD.replace("graph:", f"policies:\n  - {policy}\ngraph:"), tmp_path)
    place, _, rest = line.partition(": ")
    assert place.startswith("s.yaml:")
    assert int(place.split(":")[1]) == GOOD[: GOOD.index("graph:")].count("\n") + 2
    assert fits(f"policies.0.{says}", rest), rest


def test_keys_of_a_policy_of_ones_own_may_be_named_like_ours_and_hold_something_else(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_like_ours.py").write_text(
        "from ecosystem import Controls, Policy\n\nclass Mine(Policy):\n    periods: int = 3\n    reach: float = 0.5\n"
    )
    spec = read(PLAIN | {"policies": [{"kind": "own_like_ours:Mine", "periods": 4}]})
    assert (spec.policies[0].periods, spec.policies[0].reach) == (4, 0.5)


LISTED = GUARDS | {"placement": {"rule": "list", "models": [1]}}
TEXT = {"world": {"kind": "text"}, "models": [PLAIN["models"][0] | {"learner": {"kind": "ngram"}}]}


def guarding(**period):
    return Schedule(periods=[period])


def test_a_constant_policy_does_not_go_with_what_a_schedule_does_not_go_with():
    with pytest.raises(WorldError, match="coverage: goes with placement rules that order"):
        world(Constant(coverage={"guards": 0.5}), verifiers=[LISTED])


@pytest.mark.parametrize(
    "policy, parts, says",
    [
        (HumanFloor(community="others"), {}, "bought: must name one of the communities: people. Got 'others'."),
        (Adaptive(metric="entropy"), {}, "reads 'entropy', which must be one of the scenario's metrics."),
        (HumanFloor(), {"reading": {"draw": "sources"}}, "floor: goes with reading.draw documents; got 'sources'"),
        (Budget(verifier="guards"), {"verifiers": [GUARDS | {"price": 0.0}]}, "verifier: must have a price above 0"),
        (guarding(rare={"people": 1}), TEXT, "humans.people: how probable its documents are is not known"),
        (guarding(coverage={"guards": 0.5}), {"verifiers": [LISTED]}, "coverage: goes with placement rules that order"),
        (guarding(settings={"guards": {"gate": "publish"}}), {"verifiers": [GUARDS]}, "settings: must be one of"),
        (guarding(settings={"guards": {"price": -2.0}}), {"verifiers": [GUARDS]}, "price: Input should be greater"),
    ],
)
def test_what_a_policy_does_not_go_with_is_told_before_a_run(policy, parts, says):
    """Also where a scenario is made in Python, whose files nobody has read."""
    from ecosystem import Ecosystem

    spec = read(PLAIN | parts).model_copy(update={"policies": (policy,)})
    with pytest.raises(WorldError) as caught:
        Ecosystem(spec)
    assert str(caught.value).startswith("policies.policy: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "keys", [{"since": 3, "until": 2}, {"share": 1.5}, {"when": 0.5, "back": 0.4}, {"forgone_price": -1.0}]
)
def test_a_moratorium_that_cannot_be_is_refused(keys):
    with pytest.raises(ValidationError):
        Moratorium(**keys)


class Overdoes(Policy):
    """Buys of somebody else than it says."""

    def decide(self, state, outlook):
        return Controls(bought={"others": 3}), state


def test_what_a_policy_of_ones_own_may_not_decide_is_told_with_its_name():
    from ecosystem import Ecosystem

    made = Ecosystem(read(PLAIN).model_copy(update={"policies": (Overdoes(name="mine"),)}))
    with pytest.raises(InputError, match=r"policies\.mine: bought: must name one of the communities: people; got 'oth"):
        made.step()


def test_theory_has_no_law_for_worlds_with_policies():
    spec = read(PLAIN | {"policies": [{"kind": "moratorium", "name": "pause"}]})
    for asked in (law, reading_shares):
        asked(read(PLAIN))
        with pytest.raises(NoLaw, match=r"policies\.pause"):
            asked(spec)


# The contract.


@pytest.mark.parametrize("kind", components.complete("policies"))
def test_every_policy_found_keeps_the_rules(kind):
    check_policy(components.find("policies", kind)())


@pytest.mark.parametrize(
    "policy",
    [
        Constant(bought={"a": 1}, publish={"b": 2}, coverage={"v": 0.5}, keep="all", rare_price=2.0, until=9),
        Schedule(periods=[{"bought": {"a": 1}, "keep": 3}, {"begins": 3, "publish": {"b": 2}, "reach": {"a": 0.5}}]),
        Schedule(periods=[{"coverage": {"v": 1}, "capacity": {"v": 5}, "settings": {"v": {"threshold": 0.5}}}]),
        Moratorium(metric="m", when=0.3, back=0.6, share=0.2, groups=("a", "b")),
        Moratorium(metric="m", side="above", when=0.3, back=0.1),
        Subsidy(purse=3.0, elasticity=3.0),
        Budget(on_people=0.0), Budget(on_people=1.0, purse=0.0),
        HumanFloor(floor=0.0), HumanFloor(floor=0.99, most=7), Adaptive(since=3, until=5, low=-1, high=2),
    ],
    ids=repr,
)  # fmt: skip
def test_policies_with_other_keys_keep_the_rules(policy):
    check_policy(policy)


def test_equal_schedules_are_equal_whatever_the_order_of_their_names():
    one, other = ({"bought": dict(order)} for order in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)]))
    assert Schedule(periods=[one]) == Schedule(periods=[other])
    assert hash(Schedule(periods=[one])) == hash(Schedule(periods=[other]))


# Each of these is a good policy but for the rule it breaks.


class HoldsAList(HumanFloor):
    notes: list[str] = []


class NamesByWhom(HumanFloor):
    def names(self):
        return {"communities": ("people",)}


class NeedsOneName(HumanFloor):
    @property
    def needs(self):
        return "tail_coverage"


class RemembersANumber(HumanFloor):
    def decide(self, state, outlook):
        return super().decide(state, outlook)[0], {"steps": outlook.step}


class BuysHalves(HumanFloor):
    def decide(self, state, outlook):
        return Controls(bought={"people": 0.5}), state


class SellsThem(HumanFloor):
    def decide(self, state, outlook):
        return Controls(bought={"people": -3}), state


class PaysLessThanNothing(HumanFloor):
    def decide(self, state, outlook):
        return Controls(prices={"human": -1.0}), state


class BuysOfNobody(HumanFloor):
    def decide(self, state, outlook):
        return Controls(bought={"nobody": 3}), state


class BuysOfOthers(HumanFloor):
    def decide(self, state, outlook):
        return Controls(bought={"others": 3}), state


class CoversMoreThanAll(HumanFloor):
    def decide(self, state, outlook):
        return Controls(coverage={"others": 1.5}), state


class ReturnsADict(HumanFloor):
    def decide(self, state, outlook):
        return {"bought": {"people": 3}}, state


class ChangesWhatItSees(HumanFloor):
    def decide(self, state, outlook):
        outlook.humans_N[:] = 0
        return super().decide(state, outlook)


class ChangesWhatItKnows(Adaptive):
    def decide(self, state, outlook):
        found = super().decide(state, outlook)
        state["bought"] *= 2
        return found


class ByDice(HumanFloor):
    def decide(self, state, outlook):
        return Controls(bought={"people": int(np.random.default_rng().integers(10**6))}), state


@pytest.mark.parametrize(
    "policy, says",
    [
        (HoldsAList(), "plain, hashable"),
        (NamesByWhom(), "names must be by one of bought, rare"),
        (NeedsOneName(), "needs must be a tuple"),
        (RemembersANumber(), "'steps' is a int"),
        (BuysHalves(), "must be a whole number of at least 0; got 0.5"),
        (SellsThem(), "must be a whole number of at least 0; got -3"),
        (PaysLessThanNothing(), "price of human: must be a number of at least 0; got -1"),
        (BuysOfNobody(), "must name one of the communities: others, people; got 'nobody'"),
        (BuysOfOthers(), "names must tell whom it steers by bought; got others untold"),
        (CoversMoreThanAll(), "must be a share from 0 to 1; got 1.5"),
        (ReturnsADict(), "decide must return Controls; got dict"),
        (ChangesWhatItSees(), "must not change what it sees; humans_N"),
        (ChangesWhatItKnows(), "must not change what it knows; bought"),
        (ByDice(), "asked twice about step 1 it must decide the same"),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, str) else "",
)
def test_a_policy_that_breaks_a_rule_is_rejected(policy, says):
    with pytest.raises(CheckFailed, match=says):
        check_policy(policy)


# What a study says.


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    policy = {"kind": "schedule", "name": "aid", "until": 4, "periods": [{"begins": 2, "bought": {"people": 3}}]}
    arms = {"aided": {"policies": [policy | {"price": 2.0}]}}
    return replicate(read(PLAIN | {"arms": arms}), 3, arms=["base", "aided"], out=tmp_path_factory.mktemp("out"))


def test_spending_is_what_the_ledger_says(study):
    (spent,) = spending(study)
    assert (spent.arm, spent.kind, spent.whom) == ("aided", "human", "people")
    assert (spent.units.estimate, spent.cost.estimate) == (9.0, 18.0)
    ends = study.steps[(study.steps["step"] == 6) & (study.steps["arm"] == "aided")]
    assert (ends["total_cost"] == 18.0).all()
    assert study.ledger["cost"].sum() == ends["total_cost"].sum()


def test_the_page_has_a_table_of_costs_where_there_are_policies(study, tmp_path):
    (row,) = tables.costs(study)
    assert [cell["mean"] for cell in row["cells"]] == ["9", "18"]
    assert "human documents" in page.render(study).partition('<section id="policies">')[2]
    plain = replicate(read(PLAIN), 1, out=tmp_path)
    assert '<section id="policies">' not in page.render(plain)


def test_what_policies_change_is_marked_on_the_timeline(study):
    run = next(run for run in study.runs if run.arm == "aided")
    marked = [(e["step"], e["mark"], e["text"]) for e in events(run, {}, np.arange(7)) if e["mark"] == "policy"]
    assert marked == [
        (2, "policy", "policy: 3 more documents of people a step"), (5, "policy", "policy: people: no more bought")
    ]  # fmt: skip


def test_arms_with_and_without_a_policy_share_their_luck(study):
    steps = study.steps.set_index(["arm", "seed", "step"])["within_diversity"]
    assert (steps["base"].loc[:, :1] == steps["aided"].loc[:, :1]).all()
    assert (steps["base"].loc[:, 6] != steps["aided"].loc[:, 6]).all()


def test_a_policy_begins_and_ends_by_its_steps():
    assert [Schedule(since=2, until=3).acts(step) for step in (1, 2, 3, 4)] == [False, True, True, False]
    assert world({"kind": "schedule", "since": 2}).spec.policies[0].acts(10**6)
