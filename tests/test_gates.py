"""The gates: what verifiers let pass, whom that changes and whom not, and that every judgement is counted.

False-alarm rate of each statistical comparison: ALARM (two-sided, exact binomial); each has a wrong law beside it that
the same comparison must reject.
"""

from __future__ import annotations

import itertools
import sqlite3

import numpy as np
import pytest
from scipy.stats import binomtest

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.verifiers.detector import Detector
from ecosystem.documents import ACCEPTED, EXEMPT, NEW, REJECTED, Batch
from ecosystem.model import Ecosystem
from ecosystem.runs.runner import run as run_in_folder
from ecosystem.scenario import Community, Graph, Group, Reading, Recording, Retention, Subsample, Window
from ecosystem.verifier import Placement, Verifier
from tests.toys import Counter, Shelf

ALARM = 1e-6
METRICS = ("within_diversity", "support", "entropy", "human_share_read", "depth", "between_similarity")
RULES = {
    "documents": Reading(),
    "documents once": Reading(replacement=False),
    "sources": Reading(draw="sources"),
    "sources once": Reading(draw="sources", replacement=False),
    "share": Reading(draw="share", human_share=0.3),
    "share once": Reading(draw="share", human_share=0.3, replacement=False),
}
KEEPS = {"step": "step", "window": Window(window=2), "all": "all", "subsample": Subsample(subsample=25)}
JUDGES = ["documents", "readings"]


class Odd(Verifier):
    """Accepts odd items and no others; a plain rule that can be checked document by document."""

    def accepts(self, state, seen, sight):
        return (seen.content % 2).astype(float)


class Relearner(Odd):
    """Accepts odd items at first and, from step `at` on, all."""

    at: int = 2

    def learns_at(self, step):
        return step == self.at

    def open(self, sight):
        return {"all": np.array(sight.step >= self.at)}

    def accepts(self, state, seen, sight):
        return np.maximum(super().accepts(state, seen, sight), state["all"])


def everything(**keys) -> Detector:
    return Detector(**dict(false_positive_rate=0, false_negative_rate=1) | keys)


def nothing(**keys) -> Detector:
    return Detector(**dict(false_positive_rate=1, false_negative_rate=0) | keys)


def detector(people: float, models: float, **keys) -> Detector:
    """Accepts this share of people's and of models' documents."""
    return Detector(false_positive_rate=1 - people, false_negative_rate=models, **keys)


def group(name: str = "models", **keys) -> Group:
    return Group(**(dict(name=name, count=5, publish=7, read=9, learner=Categorical()) | keys))


def run(spec, steps: int | None = None) -> Ecosystem:
    world = Ecosystem(spec)
    for _ in range(spec.steps if steps is None else steps):
        world.step()
    return world


def history(spec, members: slice = slice(None)) -> list:
    """Everything about some models, step by step, to be compared bit for bit."""
    world, found = Ecosystem(spec), []
    for step in range(spec.steps + 1):
        if step:
            world.step()
        states = [{k: v[: members.stop].tolist() for k, v in p.params.items()} for p in world.populations[:1]]
        metrics = {name: values[members].tolist() for name, values in world.frame.agents.items()}
        found.append((states, metrics, [world.populations[0].depth_n[members].tolist()]))
    return found


# ---- nothing and everything


@pytest.mark.parametrize("judges", JUDGES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("rule", RULES)
def test_who_accepts_everything_changes_nothing(small_world, rule, keep, judges):
    parts = dict(reading=RULES[rule], corpus=Retention(keep=KEEPS[keep]), metrics=METRICS)
    parts["models"] = (group(archive=True),)
    free = history(small_world(**parts))
    assert history(small_world(verifiers=(everything(judges=judges),), **parts)) == free
    strict = detector(0.9, 0.3, judges=judges)
    assert history(small_world(verifiers=(strict,), **parts)) != free  # negative control


@pytest.mark.parametrize("judges", JUDGES)
@pytest.mark.parametrize("keep", ["step", "all"])
def test_who_accepts_everything_changes_nothing_for_those_who_read_all_or_themselves(small_world, keep, judges):
    everyone = dict(models=(group(read="all", pretrain=9),), corpus=Retention(keep=keep), metrics=METRICS)
    itself = dict(
        humans=(Community(rate=6, reach=(0, 1)),), graph=Graph(kind="isolated"), reading=Reading(unfed="self"),
        metrics=METRICS,
    )  # fmt: skip
    for parts in (everyone, itself):
        guarded = small_world(verifiers=(everything(judges=judges),), **parts)
        assert history(guarded) == history(small_world(**parts))


def test_who_accepts_everything_before_publishing_changes_nothing(small_world):
    placement = Placement(share=0.4, humans=True)
    guarded = small_world(verifiers=(everything(gate="publish", placement=placement),), metrics=METRICS)
    assert history(guarded) == history(small_world(metrics=METRICS))


@pytest.mark.parametrize("judges", JUDGES)
@pytest.mark.parametrize("rule", RULES)
def test_of_whom_everything_is_refused_stays_as_it_is_and_the_run_says_so(small_world, rule, judges):
    guards = nothing(judges=judges, placement=Placement(rule="list", models=(1, 3)))
    spec = small_world(
        reading=RULES[rule], verifiers=(guards,), metrics=("support", "starved", "guarded"),
        models=(group(learner=Counter(), start="continue"),),
    )  # fmt: skip
    world = run(spec, 3)
    assert world.populations[0].params["fits"].tolist() == [4, 1, 4, 1, 4]
    assert world.frame.agents["starved"].tolist() == world.frame.agents["guarded"].tolist() == [0, 1, 0, 1, 0]
    told = [event.detail for event in world.frame.events if event.kind == "starved"]
    assert told == ["2 of 2 guarded models found nothing that passes and stay: 1, 3"]
    assert not [event for event in world.frame.events if event.kind == "unfed"]


def test_who_has_nothing_to_read_is_unfed_and_not_starved(small_world):
    lonely = dict(humans=(Community(reach=(0,)),), graph=Graph(kind="isolated"), verifiers=(nothing(),))
    world = Ecosystem(small_world(metrics=("starved",), **lonely))
    world.step()
    assert world.frame.agents["starved"].tolist() == [1, 0, 0, 0, 0]
    assert [event.agent for event in world.frame.events if event.kind == "unfed"] == [1, 2, 3, 4]


# ---- law 4


def guarded_reading(small_world, guard: Detector, reading: Reading, people=30, count=20, publish=1, read=40):
    """Human and all documents read in step 1 by many models that read everyone; law 4's h is people / all."""
    models = (group(count=count, publish=publish, read=read),)
    graph, humans = Graph(self_loops=True), (Community(rate=people),)
    total, human = 0, 0
    for seed in range(10):
        spec = small_world(models=models, graph=graph, humans=humans, verifiers=(guard,), reading=reading, seed=seed)
        world = run(spec, 1)
        read_n = np.asarray(world.populations[0].params["mass"] > 0).sum(axis=1)
        human += round(float((world.populations[0].human_share_n * read_n).sum()))
        total += int(read_n.sum())
    return human, total


@pytest.mark.parametrize("a, b", [(0.95, 0.2), (0.5, 0.5), (0.3, 0.9)])
def test_the_human_share_of_what_passes_is_that_of_law_4(small_world, a, b):
    """h a / (h a + (1 - h) b), refilled, with replacement; given the web, every reading is a trial of its own."""
    h = 30 / 50
    share = h * a / (h * a + (1 - h) * b)
    human, total = guarded_reading(small_world, detector(a, b, judges="readings"), Reading())
    assert total == 10 * 20 * 40
    assert binomtest(human, total, share).pvalue > ALARM
    assert binomtest(human, total, h * a / (h * a + (1 - h) * (b + 0.15))).pvalue < ALARM  # negative control


def test_without_refill_the_share_that_is_kept_is_that_of_law_4(small_world):
    a, b, h = 0.9, 0.2, 0.6
    human, total = guarded_reading(small_world, detector(a, b, judges="readings", refill=False), Reading())
    kept, wrong = h * a + (1 - h) * b, h * a + (1 - h) * (b + 0.1)
    assert binomtest(total, 10 * 20 * 40, kept).pvalue > ALARM
    assert binomtest(total, 10 * 20 * 40, wrong).pvalue < ALARM
    assert binomtest(human, total, h * a / kept).pvalue > ALARM


@pytest.mark.parametrize("web", [(3, 3), (2, 2)], ids=["6 documents", "4 documents"])
def test_without_replacement_readers_keep_the_first_that_pass_of_a_random_order(small_world, web):
    """The mean human share by enumeration of orders; a reader that comes to the end of the web is no exception."""
    people, models, b, wanted = *web, 0.4, 3
    expected = np.mean([_first_passed(order, b, wanted) for order in _orders(people, models)])
    guard = detector(1, b, judges="readings")
    shares = []
    for seed in range(40):
        spec = small_world(
            models=(group(count=models, publish=1, read=1), group("readers", count=300, publish=0, read=wanted)),
            humans=(Community(rate=people),), graph=Graph(self_loops=True), verifiers=(guard,), seed=seed,
            reading=Reading(replacement=False),
        )  # fmt: skip
        shares.append(run(spec, 1).populations[1].human_share_n)
    share = np.concatenate(shares)
    error = share.std(ddof=1) / np.sqrt(share.size)
    assert abs(share.mean() - expected) < 5 * error  # false-alarm rate 6e-7
    wrong = np.mean([_first_passed(order, b + 0.1, wanted) for order in _orders(people, models)])
    assert abs(share.mean() - wrong) > 5 * error  # negative control


def _orders(people: int, models: int):
    return itertools.permutations([True] * people + [False] * models)


def _first_passed(order: tuple[bool, ...], b: float, wanted: int) -> float:
    """Mean human share of the first `wanted` that pass; people always do, models with probability b."""
    mean, chance = 0.0, 0.0
    for lets in itertools.product([True, False], repeat=order.count(False)):
        weight = np.prod([b if let else 1 - b for let in lets])
        verdicts = iter(lets)
        kept = [human for human in order if human or next(verdicts)][:wanted]
        if kept:
            mean, chance = mean + weight * np.mean(kept), chance + weight
    return mean / chance


# ---- verdicts on documents


@pytest.mark.parametrize("keep", ["step", "window", "all", "subsample"])
def test_a_document_is_judged_once_for_all_its_readers_and_steps(small_world, keep):
    spec = small_world(
        corpus=Retention(keep=KEEPS[keep]), graph=Graph(self_loops=True), verifiers=(detector(0.7, 0.4),),
        record=Recording(documents="all"), metrics=("judged_documents", "unjudged_documents"),
    )  # fmt: skip
    world, verdicts = Ecosystem(spec), {}
    for _ in range(4):
        world.step()
        assert world.frame.values == {"judged_documents": 5 * 7 + 6, "unjudged_documents": 0}
        first = world.corpus.first
        for place, verdict in enumerate(world.corpus.verdicts("verifier").tolist()):
            assert verdict in (ACCEPTED, REJECTED)
            assert verdicts.setdefault(first + place, verdict) == verdict
    assert world.gates.desks["verifier"].total.judged == world.corpus.published == len(verdicts)
    assert len(set(verdicts.values())) == 2


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("keep", KEEPS)
def test_nobody_reads_what_was_refused(small_world, rule, keep):
    """Of humans who write each item once, guarded models keep odd ones and the others what they like."""
    guard = Odd(placement=Placement(rule="list", models=(0, 2, 4)))
    for judges in JUDGES:
        spec = small_world(
            world=Shelf(size=200), humans=(Community(rate=30),), reading=RULES[rule],
            corpus=Retention(keep=KEEPS[keep]), graph=Graph(self_loops=True),
            verifiers=(guard.model_copy(update={"judges": judges}),), models=(group(read=40),), steps=2,
        )  # fmt: skip
        fitted = run(spec).populations[0].params
        even = ((fitted["item"] % 2 == 0) & (fitted["mass"] > 0)).any(axis=1)
        assert even.tolist() == [False, True, False, True, False]


def test_documents_that_no_guarded_model_reads_are_not_judged(small_world):
    """On a ring model i reads itself and i + 1."""
    guard = detector(1, 0.5, placement=Placement(rule="list", models=(2,)))
    world = run(small_world(verifiers=(guard,), humans=(Community(rate=6, reach=(0, 1)),)), 1)
    verdict, documents = world.corpus.verdicts("verifier"), world.corpus.documents(1)
    assert set(documents.source[verdict != EXEMPT].tolist()) == {2, 3}
    assert world.gates.desks["verifier"].now.judged == 14


@pytest.mark.parametrize("judges", JUDGES)
def test_archives_are_private_and_not_judged(small_world, judges):
    guard = nothing(judges=judges)
    parts = dict(models=(group(archive=True, learner=Counter()),), corpus=Retention(keep="all"))
    world = run(small_world(verifiers=(guard,), metrics=("human_share_read", "starved"), **parts), 2)
    assert world.frame.agents["human_share_read"].tolist() == [1] * 5  # what is left is each one's archive
    assert world.frame.values["starved"] == 0


@pytest.mark.parametrize("judges", JUDGES)
def test_one_that_has_learned_anew_judges_everything_anew(small_world, judges):
    spec = small_world(
        world=Shelf(size=200), humans=(Community(rate=30),), corpus=Retention(keep="all"), metrics=("rejected_share",),
        verifiers=(Relearner(name="first", judges=judges), everything(name="second", judges=judges)),
    )  # fmt: skip
    world = run(spec, 1)
    assert (world.populations[0].params["item"] % 2).all()
    refused = world.frame.values["rejected_share"]
    world.step()
    assert refused > 0
    assert world.frame.values["rejected_share"] == 0
    if judges == "documents":  # what the first refused at first, the second has judged now too
        assert (world.corpus.verdicts("first") == ACCEPTED).all()
        assert (world.corpus.verdicts("second") == ACCEPTED).all()
        judged = {name: desk.total.judged for name, desk in world.gates.desks.items()}
        assert judged["second"] == world.corpus.published < judged["first"]


# ---- capacity


@pytest.mark.parametrize("overflow", ["pass", "reject"])
@pytest.mark.parametrize("judges", JUDGES)
@pytest.mark.parametrize("rule", ["documents", "documents once", "sources"])
def test_no_more_is_judged_than_capacity_allows(small_world, rule, judges, overflow):
    guard = detector(0.9, 0.2, capacity=11, judges=judges, overflow=overflow, price=0.5)
    metrics = ("judged_documents", "unjudged_documents", "verification_cost")
    spec = small_world(verifiers=(guard,), reading=RULES[rule], corpus=Retention(keep="all"), metrics=metrics)
    world = Ecosystem(spec)
    for step in range(1, 5):
        world.step()
        values = world.frame.values
        assert values["judged_documents"] <= 11
        assert values["verification_cost"] == values["judged_documents"] / 2
        if judges == "documents":
            assert values["judged_documents"] == 11
            assert values["unjudged_documents"] == 41 * step - 11 * step


def test_what_came_too_late_is_judged_later(small_world):
    humans = (Community(rate=((0, 40), (2, 0))),)
    models = (group(count=2, publish=0, learner=Counter()),)
    spec = small_world(humans=humans, models=models, corpus=Retention(keep="all"), verifiers=(nothing(capacity=15),))
    world, left = Ecosystem(spec), []
    for _ in range(4):
        world.step()
        left.append(int((world.corpus.verdicts("verifier") == NEW).sum()))
    assert left == [25, 10, 0, 0]
    assert world.gates.desks["verifier"].total.judged == 40


@pytest.mark.parametrize("judges", JUDGES)
def test_overflow_passes_or_is_rejected(small_world, judges):
    """One judgement a step, of a verifier that refuses all: the rest passes, or nothing does."""
    fits = {}
    for overflow in ("pass", "reject"):
        guard = nothing(capacity=1, judges=judges, overflow=overflow)
        spec = small_world(verifiers=(guard,), models=(group(learner=Counter(), start="continue"),))
        fits[overflow] = run(spec, 3).populations[0].params["fits"].tolist()
    assert fits == {"pass": [4] * 5, "reject": [1] * 5}


def test_capacity_goes_to_documents_by_chance_and_not_by_order(small_world):
    """Of 35 model documents and 65 human ones as many human are judged as chance has it (hypergeometric, 30 runs)."""
    human = 0
    for seed in range(30):
        spec = small_world(humans=(Community(rate=65),), verifiers=(everything(capacity=20),), seed=seed)
        human += int(run(spec, 1).gates.desks["verifier"].now.counts[0].sum())
    assert abs(human / 600 - 0.65) < 5 * np.sqrt(0.65 * 0.35 / 600)  # 6e-7; drawn without return it is rarer still


# ---- before publishing


def test_refused_authors_write_again_until_they_have_published_as_much(small_world):
    guard = detector(1, 0.3, gate="publish", placement=Placement(rule="list", models=(0, 1, 2)))
    world = run(small_world(verifiers=(guard,)), 2)
    source = world.corpus.documents(2).source
    assert np.bincount(source).tolist() == [7] * 5 + [6]
    desk = world.gates.desks["verifier"]
    assert desk.now.counts[1, 0] == 21
    assert binomtest(21, desk.now.judged, 0.3).pvalue > ALARM


def test_without_refill_authors_publish_less(small_world):
    guard = detector(1, 0.3, gate="publish", refill=False, placement=Placement(rule="list", models=(0, 1, 2)))
    models = (group(publish=200),)
    world = run(small_world(verifiers=(guard,), models=models), 2)
    counts = np.bincount(world.corpus.documents(2).source)
    assert counts[3:].tolist() == [200, 200, 6]
    assert world.gates.desks["verifier"].now.judged == 600
    assert binomtest(int(counts[:3].sum()), 600, 0.3).pvalue > ALARM
    assert binomtest(int(counts[:3].sum()), 600, 0.45).pvalue < ALARM


def test_one_who_is_always_refused_writes_sixteen_times_as_much_and_publishes_nothing(small_world):
    world = run(small_world(verifiers=(nothing(gate="publish", placement=Placement(rule="list", models=(4,))),)), 1)
    assert np.bincount(world.corpus.documents(1).source).tolist() == [7, 7, 7, 7, 0, 6]
    assert world.gates.desks["verifier"].now.judged == 16 * 7


def test_what_people_write_passes_the_gate_where_it_is_said(small_world):
    humans = (Community(name="a", rate=300), Community(name="b", rate=100))
    guard = detector(0.7, 1, gate="publish", placement=Placement(share=0, humans=True))
    world = run(small_world(verifiers=(guard,), humans=humans), 1)
    counts = np.bincount(world.corpus.documents(1).source)
    assert counts[:5].tolist() == [7] * 5
    desk = world.gates.desks["verifier"]
    assert desk.now.counts.tolist() == [[counts[5:].sum(), 400 - counts[5:].sum()], [0, 0]]
    assert binomtest(int(counts[5:].sum()), 400, 0.7).pvalue > ALARM
    assert not world.gates.guarded_N.any()


def test_equally_rare_documents_fall_by_chance_and_not_by_place(small_world):
    """Of people who all write the same half is thrown out before publishing: early ones as well as late ones."""
    guard = detector(0.5, 1, gate="publish", correlated="content", correlation=1, placement=Placement(humans=True))
    world = run(small_world(verifiers=(guard,), world=Zipf(items=1), humans=(Community(rate=400),)), 0)
    desk = world.gates.desks["verifier"]
    seen = world.gates.publishing._submitted(Batch(np.zeros(400, np.int32)), np.full(400, 5), human=True)
    accepted = guard.accepts({}, seen, desk.sight)
    assert accepted.sum() == 200
    assert binomtest(int(accepted[:200].sum()), 200, 0.5).pvalue > ALARM


@pytest.mark.parametrize("keep", ["all", "subsample"])
def test_what_is_published_descends_from_what_it_copies(small_world, keep):
    """Parent and depth through the gate, in worlds where content tells who copied whom."""
    guard = Odd(gate="publish", placement=Placement(share=0.6, humans=True))
    spec = small_world(
        world=Shelf(size=400), humans=(Community(rate=30),), corpus=Retention(keep=KEEPS[keep]), verifiers=(guard,),
        graph=Graph(self_loops=True), steps=6,
    )  # fmt: skip
    world = run(spec)
    documents = world.corpus.at(np.arange(len(world.corpus)))
    place = {int(number): i for i, number in enumerate(documents.document)}
    guarded = world.gates.guarded_N
    known = 0
    for i in np.flatnonzero(documents.source < 5):
        assert not guarded[documents.source[i]] or documents.content[i] % 2
        if documents.parent[i] < 0:
            continue
        parent, known = place[int(documents.parent[i])], known + 1
        assert documents.content[parent] == documents.content[i]
        assert documents.depth[i] == documents.depth[parent] + 1
    assert known > 50


# ---- who is not concerned


@pytest.mark.parametrize("gate", ["read", "publish"])
@pytest.mark.parametrize("judges", JUDGES)
@pytest.mark.parametrize("rule", RULES)
def test_a_newcomer_whom_nobody_reads_changes_no_one(small_world, rule, judges, gate, tmp_path):
    """Neither verdicts nor what is drawn in place of refused documents; capacity would be shared, so there is none."""
    edges = {3: "0,1,2\n1,2,0.5\n2,2,1\n", 5: "0,1,2\n1,2,0.5\n2,2,1\n3,0,9\n4,3,1\n3,2,1\n"}
    placement = Placement(rule="list", models=(0, 2), humans=gate == "publish")
    guard = detector(0.8, 0.4, judges=judges, gate=gate, placement=placement, correlated="author")
    found = {}
    for n, text in edges.items():
        (tmp_path / f"{n}.csv").write_text("reader,author,weight\n" + text)
        groups = (group("old", count=3), group("new", count=2, publish=50))[: 1 + (n > 3)]
        spec = small_world(
            models=groups, graph=Graph(kind="file", path=str(tmp_path / f"{n}.csv")), reading=RULES[rule],
            verifiers=(guard,), metrics=METRICS, corpus=Retention(keep=Window(window=2)),
        )  # fmt: skip
        found[n] = history(spec, slice(0, 3))
    assert found[3] == found[5]


@pytest.mark.parametrize("judges", JUDGES)
def test_whom_nobody_guards_is_as_without_verifiers(small_world, judges):
    """On a web where nobody reads a guarded model."""
    parts = dict(graph=Graph(kind="isolated", self_loops=True), metrics=METRICS)
    guard = detector(0.9, 0.1, judges=judges, placement=Placement(rule="list", models=(4,)))
    guarded, free = (history(small_world(verifiers=v, **parts), slice(0, 4)) for v in ((guard,), ()))
    assert guarded == free


def test_a_second_verifier_does_not_change_the_luck_of_the_first(small_world):
    """Their verdicts are drawn by name: the same documents fall, whoever else judges them."""
    first, second = detector(0.7, 0.4, name="first"), everything(name="second")
    alone, both = (run(small_world(verifiers=v)) for v in ((first,), (second, first)))
    assert np.array_equal(alone.corpus.verdicts("first"), both.corpus.verdicts("first"))
    other = run(small_world(verifiers=(first.model_copy(update={"name": "other"}),)))
    assert not np.array_equal(alone.corpus.verdicts("first"), other.corpus.verdicts("other"))  # negative control


# ---- several, and the record


@pytest.mark.parametrize("judges", JUDGES)
def test_of_two_in_a_row_the_second_sees_what_the_first_let_pass(small_world, judges):
    first, second = (detector(0.8, 0.5, name=name, judges=judges, refill=False) for name in ("first", "second"))
    world = run(small_world(verifiers=(first, second), graph=Graph(self_loops=True)), 1)
    judged = {name: desk.now for name, desk in world.gates.desks.items()}
    assert judged["second"].judged == judged["first"].counts[:, 0].sum()
    assert judged["second"].rejected > 0


def test_two_in_a_row_pass_by_the_product_of_their_rates(small_world):
    verifiers = tuple(detector(1, 0.5, name=name, judges="readings") for name in ("first", "second"))
    models = (group(count=20, publish=1, read=40),)
    human = 0.0
    for seed in range(5):
        spec = small_world(
            verifiers=verifiers, models=models, graph=Graph(self_loops=True), humans=(Community(rate=20),), seed=seed
        )
        human += run(spec, 1).populations[0].human_share_n.sum() * 40
    share, wrong = 0.5 / (0.5 + 0.5 * 0.25), 0.5 / (0.5 + 0.5 * 0.5)
    assert binomtest(round(human), 5 * 20 * 40, share).pvalue > ALARM
    assert binomtest(round(human), 5 * 20 * 40, wrong).pvalue < ALARM


@pytest.mark.parametrize("gate, judges", [("read", "documents"), ("read", "readings"), ("publish", "documents")])
def test_the_table_of_judgements_is_what_the_tallies_say(small_world, gate, judges, tmp_path):
    guard = detector(0.8, 0.4, gate=gate, judges=judges, placement=Placement(share=0.6, humans=gate == "publish"))
    metrics = ("judged_documents", "rejected_share@verifier")
    counts = {}
    for kept in ("all", 0.3, "none"):
        spec = small_world(verifiers=(guard,), metrics=metrics, record=Recording(judgements=kept, documents="all"))
        made = run_in_folder(spec, out=tmp_path)
        with sqlite3.connect(made.folder / "run.db") as db:
            rows = db.execute("SELECT step, document, reader, verdict, verifier, gate FROM judgements").fetchall()
            authors = dict(db.execute("SELECT document, author_kind FROM documents").fetchall())
        counts[kept] = len(rows)
        assert {row[4:] for row in rows} <= {("verifier", gate)}
        assert all((row[2] is not None) == (judges == "readings") for row in rows)
        if kept != "all":
            continue
        for step in range(1, 5):
            verdicts = [row[3] for row in rows if row[0] == step]
            assert len(verdicts) == made.steps["judged_documents"][step]
            assert 1 - np.mean(verdicts) == pytest.approx(made.steps["rejected_share@verifier"][step], abs=1e-12)
        if gate == "read":  # recorded against the truth: rates can be had from the tables alone
            world = run(spec)
            false = [row[3] == 0 for row in rows if authors[row[1]] == "human"]
            assert np.mean(false) == pytest.approx(world.gates.desks["verifier"].total.false_positive_rate)
    assert counts["none"] == 0
    assert binomtest(counts[0.3], counts["all"], 0.3).pvalue > 1e-9  # readings of a document go together


def test_rates_that_are_measured_are_those_that_were_stated(small_world):
    world = run(
        small_world(verifiers=(detector(0.9, 0.3),), models=(group(publish=100),), humans=(Community(rate=300),))
    )
    (people, models) = world.gates.desks["verifier"].total.counts
    for (accepted, rejected), rate in ((people, 0.9), (models, 0.3)):
        assert binomtest(int(accepted), int(accepted + rejected), rate).pvalue > ALARM
        assert binomtest(int(accepted), int(accepted + rejected), rate - 0.1).pvalue < ALARM


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("keep", ["step", "window"])
def test_judging_by_rates_in_one_pass_is_judging_one_by_one(small_world, rule, keep):
    """Where nothing is recorded verdicts by rates are drawn and counted in a compiled loop: to the same numbers."""
    verifiers = (
        detector(0.9, 0.4, name="platform", placement=Placement(share=0.6)),
        detector(0.8, 0.7, name="own", judges="readings", price=2.0),
        detector(1.0, 0.5, name="second", judges="readings", placement=Placement(share=0.5), refill=False),
    )
    parts = dict(
        verifiers=verifiers, reading=RULES[rule], corpus=Retention(keep=KEEPS[keep]), models=(group(count=7),),
        metrics=METRICS, graph=Graph(kind="complete", self_loops=True), humans=(Community(rate=12),),
    )  # fmt: skip
    fast = run(small_world(record=Recording(judgements="none"), **parts))
    slow = run(small_world(record=Recording(judgements="all"), **parts))
    assert fast.frame.values == slow.frame.values
    assert fast.frame.worked == slow.frame.worked
    for name in fast.gates.desks:
        assert (fast.gates.desks[name].total.counts == slow.gates.desks[name].total.counts).all()
    assert fast.gates.desks["own"].total.judged > 0
