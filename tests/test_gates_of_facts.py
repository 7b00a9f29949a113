"""Gates for write-back: what they accept, how their errors are counted against the truth, and what refusals leave."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binomtest

from agents.humans.facts import Facts
from agents.learners.belief import Belief
from agents.verifiers.attribution import Attribution
from agents.verifiers.detector import Detector
from agents.verifiers.grounding import Grounding, at_least
from agents.verifiers.oracle import Oracle
from agents.verifiers.quorum import Quorum
from ecosystem import Ecosystem, Scenario
from ecosystem.answering.rules import Questions
from ecosystem.checks.trial import FACTS
from ecosystem.documents import Answered, DocumentShape
from ecosystem.runs import preflight
from ecosystem.scenario import Community, Graph, Group, Measuring
from ecosystem.verification.desk import Ticket
from ecosystem.verifier import Submitted
from tests.chance import FALSE_ALARM

# FACTS: subject 0 (fact 0: r; fact 2: home, places 0, 1; fact 5: from), place 2 (fact 4: lies in, regions 0, 1)
R0, HOME0, LIES, FROM0 = 0, 2, 4, 5


def world(*verifiers, steps=6, people=30, graph="complete", metrics=("false_share",), **questions) -> Ecosystem:
    group = Group(name="models", count=6, publish=10, read=40, learner=Belief(), questions=Questions(**questions))
    return Ecosystem(
        Scenario(
            steps=steps, metrics=metrics, world=Facts(subjects=20, relations=1, places=4, error=0.2),
            humans=(Community(rate=people),), models=(group,), graph=Graph(kind=graph, self_loops=graph == "complete"),
            corpus={"keep": "all"}, verifiers=verifiers, measure=Measuring(documents=8),
        ),
        rng=1,
    )  # fmt: skip


def run(made: Ecosystem, steps: int = 6) -> Ecosystem:
    for _ in range(steps):
        made.step()
    return made


class Web:
    """A sight of documents with given claims, numbered from 0."""

    def __init__(self, *documents):
        fact = np.array([[f for f, _ in d] + [-1] * (2 - len(d)) for d in documents])
        slot = np.array([[s for _, s in d] + [0] * (2 - len(d)) for d in documents])
        self.content = FACTS.write(fact, slot)
        self.shape = DocumentShape("tokens", FACTS.tokens, 6, grammar=FACTS)

    def stored(self, number_M):
        there = (number_M >= 0) & (number_M < len(self.content))
        return np.where(there[:, None], self.content[np.where(there, number_M, 0)], 0), there


def answers(web: Web, claims, retrieved, cited=None) -> Submitted:
    """One answer for each list of claims."""
    said = Web(*claims).content
    m, retrieved = len(said), np.array(retrieved)
    cited = retrieved[:, :1] if cited is None else np.array(cited)
    nothing = np.zeros(m, np.int64)
    answered = Answered(nothing, nothing, nothing, np.ones(m), retrieved, cited, np.ones(m, bool), np.zeros(m, bool))
    return Submitted(said, nothing - 1, nothing.astype(np.int32), np.ones(m, np.float32), nothing - 1,
                     np.zeros(m, bool), answered)  # fmt: skip


def test_an_answer_is_grounded_where_a_retrieved_document_states_it_or_two_compose_to_it():
    web = Web([(R0, 1)], [(HOME0, 0)], [(LIES, 1)], [(LIES, 0)], [(R0, 2), (HOME0, 1)])
    place = FACTS.second(np.array([FROM0]), np.array([0]))
    assert place.tolist() == [LIES]  # home 0 is the place of which LIES says where it lies; home 1 is another's
    cases = [
        ([(R0, 1)], [0, -1, -1], True),
        ([(R0, 2)], [0, -1, -1], False),  # another value was retrieved
        ([(R0, 2)], [0, 4, -1], True),  # one of two documents, one of its claims
        ([(R0, 1)], [-1, -1, -1], False),  # nothing was retrieved
        ([(R0, 1)], [99, -1, -1], False),  # there is no such document
        ([(FROM0, 1)], [1, 2, -1], True),
        ([(FROM0, 1)], [2, 1, -1], True),
        ([(FROM0, 1)], [1, 3, -1], False),  # composes to region 0
        ([(FROM0, 1)], [2, 0, -1], False),  # half of a composition
        ([(FROM0, 1)], [4, 2, -1], False),  # home 1 is not the place that lies there
        ([(FROM0, 0)], [1, 2, 3], True),  # of contradicting documents each entails its own
    ]
    seen = answers(web, [c for c, _, _ in cases], [r for _, r, _ in cases])
    p = Grounding(sensitivity=0.9, specificity=0.8).accepts({}, seen, web)
    np.testing.assert_allclose(p, [0.9 if entailed else 0.2 for *_, entailed in cases])


@pytest.mark.parametrize("threshold, wanted", [(0.0, 1.0), (0.5, 0.92), (0.65, 0.18), (1.0, 0.18)])
def test_a_score_is_the_share_of_claims_found_entailed(threshold, wanted):
    """One claim entailed (found with 0.9), one not (taken for it with 0.2): at least one 0.92, both 0.18."""
    web = Web([(R0, 1)])
    seen = answers(web, [[(R0, 1), (HOME0, 1)]], [[0]])
    p = Grounding(threshold=threshold, sensitivity=0.9, specificity=0.8).accepts({}, seen, web)
    np.testing.assert_allclose(p, wanted)


def test_chances_of_at_least_so_many_are_those_of_counting_every_case():
    p = np.random.default_rng(1).random((5, 4))
    needed = np.array([0, 1, 2, 3, 4])
    cases = list(itertools.product((0, 1), repeat=4))
    every = [
        sum(np.prod(np.where(c, row, 1 - row)) for c in cases if sum(c) >= k)
        for row, k in zip(p, needed, strict=True)
    ]
    np.testing.assert_allclose(at_least(p, needed), every)


def test_citations_must_be_given_and_must_have_been_retrieved():
    web = Web([(R0, 1)], [(R0, 1)])
    cases = [([0, 1], [0, -1], 1), ([0, 1], [1, 0], 1), ([0, -1], [1, -1], 0), ([0, 1], [0, 99], 0),
             ([0, 1], [-1, -1], 0), ([-1, -1], [-1, -1], 0), ([-1, -1], [99, -1], 0)]  # fmt: skip
    seen = answers(web, [[(R0, 1)]] * len(cases), [r for r, _, _ in cases], [c for _, c, _ in cases])
    assert Attribution().accepts({}, seen, web).tolist() == [p for *_, p in cases]


def test_who_answers_nothing_passes():
    made = run(world(), 1)
    people = made.gates.publishing._submitted(_batch(made), np.full(30, made.n), human=True)
    for gate in (Grounding(), Attribution()):
        assert gate.accepts({}, people, made.sight(gate)).tolist() == [1.0] * 30


def _batch(made):
    from ecosystem.documents import Batch

    return Batch(made.corpus.documents(1).content[-30:])


@pytest.mark.parametrize("kind", [Grounding, Attribution])
def test_before_reading_nothing_is_known_of_what_was_retrieved(kind):
    with pytest.raises(ValidationError, match="publish"):
        kind(gate="read")


def entailed_by_loop(made: Ecosystem, agent: Answered) -> list[bool]:
    """The reference: document by document, pair by pair."""
    grammar, corpus = made.shape.grammar, made.corpus
    said = []
    for fact, slot, retrieved in zip(agent.fact, agent.slot, agent.retrieved, strict=True):
        stated = set()
        for number in retrieved[retrieved >= 0]:
            f, s = grammar.read(corpus.at(np.array([number - corpus.first])).content)
            stated |= {(int(a), int(b)) for a, b in zip(f[0], s[0], strict=True) if a >= 0}
        found = (int(fact), int(slot)) in stated
        for f, s in stated:
            if grammar.first_F[fact] == f:
                found |= (int(grammar.second(np.array(fact), np.array(s))), int(slot)) in stated
        said.append(found)
    return said


def test_a_gate_without_error_lets_through_what_is_entailed_and_is_counted_against_the_truth():
    made = run(world(Grounding(name="g", sensitivity=1, specificity=1), faithful=0.6), 5)
    made.t += 1
    made.gates.begin(made.t)
    made.publishing.publish(made.t)  # a step up to where documents come onto the web
    (agent,) = made.answering.answers
    asked = agent.slot >= 0
    entailed = np.array(entailed_by_loop(made, agent))[asked]
    true = made.reference.truth.right(agent.fact, agent.slot)[asked]
    wanted = [[sum(true & entailed), sum(true & ~entailed)], [sum(~true & entailed), sum(~true & ~entailed)]]
    now = made.gates.desks["g"].now
    assert now.truth.tolist() == wanted
    assert min(min(row) for row in wanted) > 0  # each case occurs: being entailed is not being true
    assert now.false_negative_rate == wanted[1][0] / sum(wanted[1])
    assert now.counts.tolist() == [[0, 0], [int(entailed.sum()), int((~entailed).sum())]]  # who wrote, as ever


def test_measured_errors_are_the_stated_ones():
    """Binomial tests of 4,000 verdicts each; the false-alarm rate of each is 1e-6, and 0.05 more is rejected."""
    web = Web([(R0, 1)])
    made = world(Grounding(name="g", sensitivity=0.9, specificity=0.7))
    desk, m = made.gates.desks["g"], 8000
    desk.sight.stored, desk.sight.shape = web.stored, web.shape
    seen = answers(web, [[(R0, 1 + i % 2)] for i in range(m)], [[0]] * m)
    accepted, _ = desk.verdict(seen, Ticket(np.arange(m), np.zeros(m, np.int64), 1))
    for which, rate in ((slice(0, None, 2), 0.9), (slice(1, None, 2), 0.3)):
        count = int(accepted[which].sum())
        assert binomtest(count, m // 2, rate).pvalue > FALSE_ALARM
        assert binomtest(count, m // 2, rate + 0.05).pvalue < FALSE_ALARM


def test_in_a_world_an_oracle_errs_against_the_truth_as_it_states_and_a_detector_against_who_wrote():
    """Binomial tests of some 3,000 judgements, false-alarm rate 1e-6; the other rate is rejected."""
    oracle = Oracle(name="o", gate="publish", sensitivity=0.8, specificity=0.4)
    detector = Detector(name="d", gate="publish")
    made = run(world(oracle, detector, source="memory", steps=60), 60)
    (good, bad), detected = made.gates.desks["o"].total.truth, made.gates.desks["d"].total
    for wrong, of, rate, other in ((good[1], good.sum(), 0.2, 0.6), (bad[0], bad.sum(), 0.6, 0.2)):
        assert binomtest(int(wrong), int(of), rate).pvalue > FALSE_ALARM
        assert binomtest(int(wrong), int(of), other).pvalue < FALSE_ALARM
    assert detected.truth is None
    assert detected.judged == made.gates.desks["o"].total.counts[:, 0].sum()


def test_a_panel_of_those_who_judge_claims_is_counted_against_the_truth():
    def panel(*kinds):
        members = [kind(name=f"m{i}", gate="panel", **keys) for i, (kind, keys) in enumerate(kinds)]
        names = tuple(m.name for m in members)
        return run(world(Quorum(name="q", gate="publish", members=names), *members), 2).gates.desks["q"]

    sure = (Oracle, {})
    assert panel(sure, (Grounding, {})).total.truth is not None
    assert panel(sure, (Detector, {})).total.truth is None
    alone = panel(sure).total
    assert alone.truth[0, 1] == alone.truth[1, 0] == 0
    assert alone.truth.sum() == alone.judged > 0
    assert alone.errors_2V.sum() == 0  # an oracle's votes never differ from the truth


def test_metrics_and_the_record_say_against_what_errors_are_counted(tmp_path):
    from ecosystem.report import page
    from ecosystem.runs.findings import findings
    from ecosystem.runs.runner import replicate

    rates = ("measured_false_positive_rate@o", "measured_false_negative_rate@o", "verifier_recall")
    spec = world(
        Oracle(name="o", gate="publish", sensitivity=1, specificity=0.5), Detector(name="d", gate="publish"),
        metrics=rates, source="memory",
    ).spec  # fmt: skip
    study = replicate(spec, 2, out=tmp_path)
    assert (study.steps["measured_false_positive_rate@o"][study.steps["step"] > 0] == 0).all()
    frame = study.verifiers.set_index("verifier")
    assert frame.loc["d", "judged_true"].isna().all()
    told = frame.loc["o"]
    assert (told["judged_true"] + told["judged_false"] == told["judged_model"]).all()
    assert (told["rejected_true"] == 0).all()
    assert (told["rejected_false"] > 0).any()
    assert any("'o' judged" in t and "rejected 0% of what is true and" in t for t in findings(study))
    assert any("'d' judged" in t and "of what models wrote" in t for t in findings(study))
    assert {row["verifier"]: row["against"] for row in page.content(study)["verifiers"]} == {
        "o": "what is true", "d": "who wrote",
    }  # fmt: skip


def test_what_is_refused_is_not_said_again_by_who_heeds_critiques():
    """Attribution refuses what has no support; with full heed no such answer ever comes again, without it most do."""

    def repeated(heeds: float) -> float:
        made = world(Attribution(), metrics=("repeated_refusals", "unanswered_share"), heeds=heeds, people=5)
        run(made, 6)
        assert (made.frame.values["unanswered_share"] > 0) == (heeds > 0)
        return made.frame.values["repeated_refusals"]

    assert repeated(1.0) == 0
    assert 0 < repeated(0.5) < repeated(0.0)
    assert repeated(0.0) > 0.2


def test_a_panel_of_gates_that_leave_critiques_leaves_them():
    def noted(*members):
        names = tuple(m.name for m in members)
        return run(world(Quorum(name="q", gate="publish", members=names), *members), 2).answering.experience.noted

    assert noted(Grounding(name="g", gate="panel"), Attribution(name="a", gate="panel")) > 0
    assert noted(Grounding(name="g", gate="panel"), Oracle(name="o", gate="panel")) == 0


def test_a_critique_holds_an_answer_back_and_never_makes_it_another():
    free, heeding = run(world(), 3), run(world(heeds=1.0), 3)
    assert (free.answering.answers[0].slot == heeding.answering.answers[0].slot).all()  # there are no critiques yet
    heeding.answering.experience.critiques_FV[:] = 1
    for made in (free, heeding):
        made.step()
    (plain,), (held,) = free.answering.answers, heeding.answering.answers
    assert (held.slot[plain.supported] == plain.slot[plain.supported]).all()  # what is at hand outweighs a critique
    assert (held.slot[~plain.supported] == -1).all()
    assert 0 < (~plain.supported).sum() < len(plain)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_models_wrote_at_most_their_share_of_what_is_retrieved(share):
    """Also where people have written little; with no cap the same check fails."""

    def most(model_share: float) -> float:
        made = run(world(retrieve=5, model_share=model_share, compose=0.0, people=10), 5)
        (agent,) = made.answering.answers
        source = made.corpus.at(np.maximum(agent.retrieved, 0) - made.corpus.first).source
        got, written = agent.retrieved >= 0, (agent.retrieved >= 0) & (source < made.n)
        whole = got.sum(axis=1)
        assert whole.max() == 5
        return float((written.sum(axis=1)[whole > 0] / whole[whole > 0]).max())

    assert most(share) <= share + 1e-9
    assert most(1.0) == 1


def test_empty_retrieval_is_said_once_and_counted_at_every_step():
    """Models that read nobody find nothing, ever."""
    made = run(world(graph="isolated", people=0, metrics=("empty_retrieval_share", "false_citation_share")), 1)
    told = [e for e in made.frame.events if e.kind == "empty_retrieval"]
    (event,) = told
    assert event.detail.startswith("nothing was retrieved for 60 of 60 questions to models in step 1")
    assert "from memory" in event.detail
    assert made.frame.values["empty_retrieval_share"] == 1
    assert made.frame.values["false_citation_share"] == 1  # whoever cites then has made it up
    made.step()
    assert not [e for e in made.frame.events if e.kind == "empty_retrieval"]
    found = run(world(metrics=("empty_retrieval_share",)), 6)
    assert found.frame.values["empty_retrieval_share"] < 0.5


def test_citations_to_no_document_and_to_others_are_refused_and_leave_critiques():
    made = run(world(Attribution(name="a"), fabricates=1.0, people=10, metrics=("model_documents",)), 4)
    (agent,) = made.answering.answers
    invented = (agent.cited >= made.corpus.published).any(axis=1)
    assert invented.any()
    unsupported = ~agent.supported & (agent.cited[:, 0] >= 0) & ~(
        agent.cited[:, :1] == agent.retrieved
    ).any(axis=1)  # fmt: skip
    assert made.gates.desks["a"].now.rejected == unsupported.sum() > invented.sum()
    assert made.answering.experience.noted == made.gates.desks["a"].total.rejected
    kept = made.corpus.at(np.arange(len(made.corpus)))
    assert made.frame.values["model_documents"] == (kept.source < made.n).sum() > 0


def test_coverage_of_derivable_facts_is_counted_by_what_is_asked():
    made = run(world(metrics=("derivable_coverage", "web_coverage")), 3)
    truth, grammar = made.reference.truth, made.shape.grammar
    said = {(int(f), int(s)) for f, s in zip(*(c[:, 0] for c in grammar.read(_all(made))), strict=True)}
    stated = np.array([(f, int(s)) in said for f, s in enumerate(truth.slot_F)])
    derivable = np.array([grammar.chain_R2[r, 0] >= 0 for r in grammar.relation_F])
    values = made.frame.values
    assert values["web_coverage"] == pytest.approx(truth.asked_F[stated].sum())
    of_derivable = truth.asked_F[stated & derivable].sum() / truth.asked_F[derivable].sum()
    assert 0 < values["derivable_coverage"] == pytest.approx(of_derivable)


def _all(made):
    return made.corpus.at(np.arange(len(made.corpus))).content


def test_a_gate_for_answers_where_nobody_answers_is_told_before_a_run():
    made = world(Grounding(name="rests"), Attribution(name="cites"), Detector(name="other")).spec
    assert preflight.idle(made, ["base"]) == []
    silent = {"models.models.questions": None}
    line = "verifiers.{} judges answers, and no group of models has `questions`: everything passes it{}."
    assert preflight.idle(made.with_(silent), ["base"]) == [
        line.format("rests (grounding)", ""), line.format("cites (attribution)", ""),
    ]  # fmt: skip
    arms = made.with_(arms={"silent": silent, "gone": {**silent, "verifiers": []}})
    assert preflight.idle(arms, ["base", "silent", "gone"]) == [
        line.format("rests (grounding)", " (in silent)"), line.format("cites (attribution)", " (in silent)"),
    ]  # fmt: skip
