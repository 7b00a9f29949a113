"""Verifiers that judge by rule: labels, recorded descent, a taste of their own, and panels that vote."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from chance import mean_is
from good_scenario import GOOD, lines_of
from pydantic import ValidationError
from scipy.stats import binom

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.verifiers.biased import Biased
from agents.verifiers.detector import Detector
from agents.verifiers.label import Label
from agents.verifiers.provenance import Provenance
from agents.verifiers.quorum import Quorum
from ecosystem import Ecosystem, Scenario
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.fits import WorldError
from ecosystem.scenario import Community, Graph, Group, Reading, Recording
from ecosystem.streams import Streams
from ecosystem.verification.desk import Desk, Ticket
from ecosystem.verifier import Submitted

N = 40  # models: sources below are theirs
ITEMS = DocumentShape("items", 100)


class Look:
    """A sight whose every number is plain to see."""

    def __init__(self, shape=ITEMS, share=0.25):
        self.shape, self.step, self.models, self.share = shape, 1, N, share

    def chance(self, purpose, number_M):
        return Streams(0).chance(purpose, number_M)

    def human_share(self, source_M):
        return np.where(source_M < self.models, self.share, 1.0)


def documents(m=1000, content=None, depth=None, humans=0.5):
    """The first are models', in turn, the others people's."""
    human = np.arange(m) >= m * (1 - humans)
    source = np.where(human, N, np.arange(m) % N).astype(np.int32)
    depth = np.where(human, 0.0, 2.0) if depth is None else depth
    content = np.zeros(m, np.int32) if content is None else content
    return Submitted(content, np.arange(m), source, depth.astype(np.float32), np.full(m, -1), human)


def vectors(*rows):
    return documents(len(rows), np.array(rows, float))


# Labels.


def test_a_model_labels_always_or_never_and_greater_compliance_only_adds_models():
    seen = documents()
    passed = [Label(compliance=c).accepts({}, seen, Look()) for c in (0.0, 0.3, 0.7, 1.0)]
    assert all(set(np.unique(p)) <= {0.0, 1.0} for p in passed)
    for source in range(N):
        assert all(len(set(p[(seen.source == source)])) == 1 for p in passed)
    assert all((more <= less).all() for less, more in itertools.pairwise(passed))
    assert 0 < passed[1][~seen.human].mean() < 1


def test_labels_are_as_true_as_their_authors():
    seen = documents()
    p = Label(cheating=0.2, human_mistakes=0.1).accepts({}, seen, Look())
    assert set(p[seen.human]) == {0.9}
    assert set(p[~seen.human]) == {0.2}


def test_labels_are_a_detector_only_where_all_models_are_alike():
    assert Label(cheating=0.2, human_mistakes=0.1).pass_rates() == (0.9, 0.2)
    assert Label(compliance=0, cheating=0.2, human_mistakes=0.1).pass_rates() == (0.9, 1.0)
    assert Label(compliance=0.5).pass_rates() is None


def lone_readers(*verifiers, world=None, learner=None, seed=0):
    """400 models; of what each draws a fifth is human, drawn for it alone."""
    group = Group(name="models", count=400, publish=100, read=200, learner=learner or Categorical())
    return Ecosystem(
        Scenario(
            steps=3, metrics=("human_share_read",), world=world or Zipf(items=50), humans=(Community(rate=50),),
            models=(group,), graph=Graph(kind="isolated", self_loops=True), verifiers=verifiers,
            reading=Reading(draw="share", human_share=0.2), record=Recording(judgements="none"),
        ),
        rng=seed,
    )  # fmt: skip


def test_readers_of_labels_get_the_human_share_of_law_4():
    """One z-test (false alarms: 1e-6), and another law that it rejects."""
    world = lone_readers(Label(judges="readings", cheating=0.3, human_mistakes=0.1))
    world.step()
    passed, others = 0.2 * 0.9, 0.8 * 0.3
    found = world.frame.agents["human_share_read"]
    assert mean_is(found, passed / (passed + others))
    assert not mean_is(found, 0.2 / (0.2 + others))


def test_one_model_more_changes_no_label():
    seen = documents()
    fewer, more = Look(), Look()
    more.models = N + 1
    label = Label(compliance=0.5)
    models = ~seen.human
    assert np.array_equal(label.accepts({}, seen, fewer)[models], label.accepts({}, seen, more)[models])


# Recorded descent.


def test_depth_and_human_share_bound_together():
    seen = documents(4, depth=np.array([1.0, 1.5, 3.0, 0.0]), humans=0.25)
    assert Provenance(max_depth=1.5).accepts({}, seen, Look()).tolist() == [1, 1, 0, 1]
    assert Provenance(min_human_share=0.25).accepts({}, seen, Look()).tolist() == [1, 1, 1, 1]
    assert Provenance(min_human_share=0.3).accepts({}, seen, Look()).tolist() == [0, 0, 0, 1]
    assert Provenance(max_depth=1.2, min_human_share=0.2).accepts({}, seen, Look()).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("unknown, expected", [("accept", [0.4, 1.0]), ("reject", [0.0, 0.6])])
def test_what_is_not_on_record_is_judged_as_unknown(unknown, expected):
    seen = documents(2)
    verifier = Provenance(max_depth=0, recorded=0.6, unknown=unknown)
    assert verifier.accepts({}, seen, Look()) == pytest.approx(expected)
    assert verifier.pass_rates() == pytest.approx(expected[::-1])


def test_provenance_knows_the_depth_of_a_run():
    """Depth 1 is what copies human writing: all that models write in the first step, part of it in the second."""
    world = lone_readers(Provenance(max_depth=1.0))
    world.step()
    assert world.measured("measured_false_negative_rate") == 1
    world.step()
    written = world.corpus.documents(world.t)
    depth = written.depth[written.source < world.n]
    assert 0 < (depth <= 1).mean() < 1
    assert world.measured("measured_false_negative_rate") == pytest.approx((depth <= 1).mean())
    assert world.measured("measured_false_positive_rate") == 0


def test_provenance_needs_a_bound():
    with pytest.raises(ValidationError, match="max_depth: give it, or min_human_share, or both; got neither"):
        Provenance()


# A taste of its own.


def test_acceptance_falls_with_the_distance_from_the_centre():
    look = Look(DocumentShape("vectors", 2))
    seen = vectors([1, 0], [1, 2], [4, 4])
    expected = np.exp(-np.array([0, 4, 25]) / (2 * 2**2))
    assert Biased(centre=(1, 0), width=2).accepts({}, seen, look) == pytest.approx(expected)
    at_one = np.exp(-np.array([1, 1, 18]) / 2)
    assert Biased(centre=1, width=1).accepts({}, seen, look) == pytest.approx(at_one)


def test_pairs_are_judged_by_the_coefficients_it_believes_in():
    look = Look(DocumentShape("pairs", 3))
    seen = vectors([1, 1, 5], [1, 0, 2], [0, 0, 3])
    expected = np.exp(-np.array([0, 0, 9]) / 2)
    assert Biased(centre=(2, 3), width=1).accepts({}, seen, look) == pytest.approx(expected)


def test_items_are_judged_by_their_numbers_or_one_by_one():
    seen = documents(4, np.array([0, 1, 2, 90], np.int32))
    assert Biased(probabilities=(0.5, 1, 0)).accepts({}, seen, Look()).tolist() == [0.5, 1, 0, 0]
    expected = np.exp(-np.array([1, 0, 1, 89**2]) / (2 * 100**2))
    assert Biased(centre=1, width=100).accepts({}, seen, Look()) == pytest.approx(expected)


@pytest.mark.parametrize("width", [0.5, 1.0])
def test_models_end_at_its_centre_as_fast_as_it_is_selective(width):
    """Law 10: with n documents a fit the precision of a fit is that before and the verifier's added up, so the mean is
    centre k / (k + width^2) after k steps but for drift, of the order of 1 / n; without a verifier it stays at 0."""
    keys = {"gate": "read", "judges": "readings", "centre": 1.0, "width": width}
    spec = lone_readers(Biased(**keys), world=GaussianWorld(), learner=Gaussian()).spec
    free = {"reading.human_share": 0.0, "humans.0.rate": 0}
    world, without = (Ecosystem(s.with_(free), rng=0) for s in (spec, spec.model_copy(update={"verifiers": ()})))
    for k in range(1, 4):
        world.step()
        without.step()
        mean = world.readout.moments.mean_ND[:, 0].mean()
        assert mean == pytest.approx(k / (k + width**2), abs=0.03)
    assert abs(without.readout.moments.mean_ND[:, 0].mean()) < 0.03


@pytest.mark.parametrize(
    "given, says",
    [
        ({}, "centre: give centre and width, or for items probabilities; got no centre"),
        ({"centre": 1}, "width: give centre and width"),
        ({"width": 1}, "centre: give centre and width"),
        ({"probabilities": (1,), "width": 1}, "probabilities: stands in place of centre and width"),
    ],
)
def test_a_taste_is_given_one_way(given, says):
    with pytest.raises(ValidationError, match=says):
        Biased(**given)


@pytest.mark.parametrize(
    "biased, world, says",
    [
        (
            {"probabilities": (1,)},
            "vectors",
            "goes with worlds of items; this one writes vectors: give",
        ),
        ({"probabilities": (1,) * 51}, "items", "this world has 50 items; got 51"),
        ({"centre": (1, 2), "width": 1}, "items", "must be one number, or 1 in this world of items; got 2"),
        ({"centre": (1, 2, 3), "width": 1}, "vectors", "must be one number, or 1 in this world of vectors; got 3"),
    ],
)
def test_a_taste_that_does_not_fit_the_world_is_refused(biased, world, says):
    of = {"items": (Zipf(items=50), Categorical()), "vectors": (GaussianWorld(), Gaussian())}[world]
    with pytest.raises(WorldError, match=rf"verifiers\.verifier\.{next(iter(biased))}: {says}"):
        lone_readers(Biased(**biased), world=of[0], learner=of[1])


# Panels.


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
