"""Panels: how votes are counted, what members share, panels on panels, and panels that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from chance import mean_is
from good_scenario import GOOD, lines_of
from judged import Look, N, documents, lone_readers
from pydantic import ValidationError
from scipy.stats import binom

from agents.verifiers.detector import Detector
from agents.verifiers.quorum import Quorum
from ecosystem import Ecosystem, Scenario
from ecosystem.errors import InputError
from ecosystem.streams import Streams
from ecosystem.verification.desk import Desk, Ticket


def test_votes_are_counted_by_the_rule_and_a_tie_is_not_enough():
    votes = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 0, 0, 0, 0], [1, 0, 1, 0, 0]], bool)
    four = {"members": ("a", "b", "c", "d")}
    assert Quorum(**four).count(votes).tolist() == [True, False, False, False, False]
    assert Quorum(**four, rule="unanimity").count(votes).tolist() == [True, False, False, False, False]
    weighted = Quorum(**four, rule="weighted", weights=(2, 1, 1, 1))
    assert weighted.count(votes).tolist() == [True, True, True, False, False]
    tie = Quorum(**four, rule="weighted", weights=(0.3, 0.1, 0.1, 0.1))  # 0.3 against a sum that is not quite 0.3
    assert not tie.count(np.array([[1, 0], [0, 1], [0, 1], [0, 1]], bool)).any()
    low = Quorum(**four, rule="weighted", weights=(1, 1, 1, 1), threshold=0.2)
    assert low.count(votes).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize(
    "given, says",
    [
        ({"members": ()}, "members"),
        ({"members": ("a", "a")}, "members: a verifier sits on a panel once; got 'a' twice"),
        ({"members": ("a",), "rule": "weighted"}, "weights: rule weighted needs one for each of 1 members; got none"),
        ({"members": ("a", "b"), "rule": "weighted", "weights": (1,)}, "one for each of 2 members; got 1"),
        ({"members": ("a",), "rule": "weighted", "weights": (0,)}, "weights: one at least must be above 0; got none"),
        ({"members": ("a",), "weights": (1,)}, "weights: goes with rule weighted; got it with 'majority'"),
        ({"members": ("a",), "threshold": 0.4}, "threshold: goes with rule weighted; got 0.4 with 'majority'"),
    ],
)
def test_rules_between_the_keys_of_a_panel(given, says):
    with pytest.raises(ValidationError, match=says):
        Quorum(**given)


def desk(verifier, *members):
    nobody = np.zeros(N, bool)
    return Desk(verifier, nobody, nobody, Look(), Streams(3), list(members))


def detectors(names, wrong=(0.3, 0.3)):
    return [
        desk(Detector(name=n, gate="panel", false_positive_rate=wrong[0], false_negative_rate=wrong[1])) for n in names
    ]


def judged(top, m=40_000):
    """A desk after m documents, half of them human: (its verdicts, all votes below)."""
    seen = documents(m)
    accepted, votes = top.verdict(seen, Ticket(seen.document, np.zeros(m, np.int64), 0))
    top.charge(seen, accepted, votes, record=False)
    return accepted, votes


def panel_of(names, wrong=(0.3, 0.3), **keys):
    return desk(Quorum(name="panel", members=tuple(names), **keys), *detectors(names, wrong))


def test_independent_members_err_together_as_seldom_as_condorcet_says():
    """A z-test (false alarms: 1e-6); a panel that shares all its chance is one member, which the test tells apart."""
    jury = binom.sf(2, 5, 0.3)
    human = documents(40_000).human
    independent, alike = (judged(panel_of("abcde", shared_errors=c))[0] != human for c in (0.0, 1.0))
    assert mean_is(independent.astype(float), jury)
    assert mean_is(alike.astype(float), 0.3)
    assert not mean_is(alike.astype(float), jury)
    assert not mean_is(independent.astype(float), 0.3)


def test_members_that_share_everything_vote_as_one():
    accepted, votes = judged(panel_of("abcde", shared_errors=1.0))
    assert (votes == accepted).all()


def error_product_is(votes, human, rate, expected):
    """Whether the errors of the first two members have this correlation, by a z-test of their product."""
    errors = (votes[:2] != human) - rate
    return mean_is(errors[0] * errors[1] / (rate * (1 - rate)), expected)


@pytest.mark.parametrize("shared", [0.0, 0.25, 0.6])
def test_the_measure_of_common_errors_shows_what_is_shared(shared):
    """Two members share their chance with probability sqrt(c) sqrt(c), and then they err together (rates are equal)."""
    panel = panel_of("abc", shared_errors=shared)
    _, votes = judged(panel)
    human = documents(40_000).human
    assert error_product_is(votes, human, 0.3, shared)
    assert not error_product_is(votes, human, 0.3, shared + 0.1)
    three = [np.corrcoef((votes != human)[[i, j]])[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert panel.total.error_correlation() == pytest.approx(np.mean(three), abs=0.005)


def test_members_that_all_find_models_harder_are_not_alike_for_that():
    """Their errors go together over all documents, but not given who wrote them."""
    panel = panel_of("abc", wrong=(0.02, 0.5))
    _, votes = judged(panel)
    over_all = np.corrcoef(votes[:2] != documents(40_000).human)[0, 1]
    assert over_all > 0.2
    assert abs(panel.total.error_correlation()) < 5 / np.sqrt(3 * 40_000)


def test_correlation_is_unknown_of_members_that_never_err_and_of_one():
    for panel in (panel_of("abc", wrong=(0, 0)), panel_of("a")):
        judged(panel)
        assert np.isnan(panel.total.error_correlation())


def test_a_member_decides_alone_as_it_would_without_a_panel():
    """A verifier's chance is its own, whether it sits on a panel or stands at a gate."""
    alone, _ = judged(detectors("b")[0])
    weighted, _ = judged(panel_of("abc", rule="weighted", weights=(0, 1, 0)))
    assert np.array_equal(alone, weighted)


def nested(outer=0.0, inner=0.0):
    below = desk(Quorum(name="inner", gate="panel", members=("a", "b", "c"), shared_errors=inner), *detectors("abc"))
    members = [detectors("d")[0], below, *detectors("e")]
    return desk(Quorum(name="outer", members=("d", "inner", "e"), shared_errors=outer), *members)


def test_a_panel_may_sit_on_a_panel():
    top = nested()
    accepted, votes = judged(top)
    d, inner, a, b, c, e = votes
    assert np.array_equal(inner, a.astype(int) + b + c >= 2)
    assert np.array_equal(accepted, d.astype(int) + inner + e >= 2)
    below = top.members[1]
    assert [m.total.judged for m in (top, *top.members, *below.members)] == [40_000] * 7
    human = documents(40_000).human
    assert below.total.recall == pytest.approx((~inner)[~human].mean())
    assert below.members[2].total.false_positive_rate == pytest.approx((~c)[human].mean())
    assert np.array_equal(judged(panel_of("abc"))[1], votes[2:5])  # members' chance is the same wherever they sit


def test_what_the_upper_panel_shares_reaches_all_below():
    accepted, votes = judged(nested(outer=1.0))
    assert (votes == accepted).all()
    accepted, votes = judged(nested(inner=1.0))
    assert (votes[2:5] == votes[1]).all()
    assert not np.array_equal(votes[0], votes[1])


def test_members_cost_what_their_votes_cost():
    members = [desk(Detector(name=name, gate="panel", price=0.5)) for name in "ab"]
    top = desk(Quorum(name="panel", members=("a", "b"), price=0.25), *members)
    judged(top, m=8)
    assert [top.cost, *(m.cost for m in members)] == [2.0, 4.0, 4.0]
    assert top.price == 1.25


def quorum(name, *members, gate="panel"):
    return Quorum(name=name, gate=gate, members=members)


@pytest.mark.parametrize(
    "verifiers, says",
    [
        ([quorum("a", "b", gate="read"), quorum("b", "c"), quorum("c", "b")], "by way of itself. Got a -> b -> c -> b"),
        ([quorum("a", "a", gate="read")], "by way of itself. Got a -> a"),
        ([quorum("a", "x", gate="read")], "verifiers.a.members: must name verifiers of the scenario: a. Got 'x'"),
        ([quorum("a", "b", gate="read"), Detector(name="b")], "must have `gate: panel`. Got 'b' at gate 'read'"),
        (
            [quorum("a", "b"), quorum("b", "a")],
            "verifiers.a.gate: `panel` judges only as a member, and no panel that",
        ),
        (
            [quorum("a", "x", gate="read"), quorum("b", "x", gate="read"), Detector(name="x", gate="panel")],
            "sits on one panel. Got 'x' on a and b",
        ),
    ],
)
def test_panels_that_cannot_be_are_refused(verifiers, says):
    with pytest.raises(InputError, match=says):
        lone_readers(*verifiers)


PANEL = """verifiers:
  - {name: top, kind: quorum, members: [one, two]}
  - {name: one, kind: detector, gate: panel}
  - {name: two, kind: quorum, members: [three], gate: panel}
  - {name: three, kind: detector, gate: panel}
graph"""


@pytest.mark.parametrize(
    "was, now, says",
    [
        ("members: [three]", "members: [top]", "a panel may not judge by way of itself; got top -> two -> top"),
        ("members: [three]", "members: [one]", "a verifier sits on one panel, once; got 'one' on 'top' and 'two'"),
        ("members: [one, two]", "members: [one, one]", "0.members: a verifier sits on a panel once; got 'one'"),
        ("members: [one, two]", "members: [one, tow]", "got 'tow' (did you mean 'two'?)"),
        ("members: [one, two]", "members: []", "verifiers.0.members: "),
        ("[one, two]}", "[one, two], rule: weighted}", "0.weights: rule weighted needs one for each of 2 members"),
        ("[one, two]}", "[one, two], shared_errors: 2}", "0.shared_errors: must be a number from 0 to 1; got 2"),
        ("{name: one, kind: detector", "{name: one, kind: provenance", "verifiers.1.max_depth: give it, or"),
        ("{name: one, kind: detector", "{name: one, kind: biased", "verifiers.1.centre: give centre and width"),
    ],
)  # fmt: skip
def test_mistakes_with_panels_are_told_where_they_stand(was, now, says, tmp_path):
    text = GOOD.replace("graph", PANEL, 1)
    assert was in text
    lines = lines_of(text.replace(was, now, 1), tmp_path)
    assert any(says in line for line in lines), lines
    assert all(line.startswith("s.yaml:") for line in lines)


def test_a_file_with_a_panel_on_a_panel_is_read_and_runs(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(GOOD.replace("graph", PANEL, 1))
    spec = Scenario.from_file(file)
    assert Scenario.from_file(spec.to_file(tmp_path / "again.yaml")).verifiers == spec.verifiers
    world = Ecosystem(spec)
    world.step()
    judged_by = {name: d.now.judged for name, d in world.gates.desks.items()}
    assert list(judged_by) == ["top", "one", "two", "three"]
    assert len(set(judged_by.values())) == 1
