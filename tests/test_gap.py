"""The generation-verification gap: by hand, and asked of verifiers one prompt at a time in several worlds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from agents.humans.facts import Facts
from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.text import Text
from agents.humans.zipf import Zipf
from agents.learners.belief import Belief
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.ngram import Ngram
from agents.verifiers.biased import Biased
from agents.verifiers.detector import Detector
from agents.verifiers.likelihood import Likelihood
from agents.verifiers.novelty import Novelty
from agents.verifiers.oracle import Oracle
from agents.verifiers.quorum import Quorum
from agents.verifiers.self import SelfCheck
from ecosystem import metrics
from ecosystem.answering.rules import Questions
from ecosystem.checks import check_metric
from ecosystem.errors import InputError
from ecosystem.metrics import gap as family
from ecosystem.metrics.gap import gap, generation_verification_gap, relative_gap
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Measuring, Scenario
from ecosystem.verifier import Placement, Submitted

NOBODY = Placement(share=0)


def world(source, learner, *verifiers, steps: int = 1, candidates: int = 4, **keys) -> Ecosystem:
    """Three models that read people and each other, verifiers that guard nobody, after a step."""
    spec = Scenario(
        world=source, humans=(Community(rate=40),), graph=Graph(kind="complete", self_loops=True), steps=steps,
        models=(Group(count=3, publish=10, read=40, learner=learner, questions=keys.pop("questions", None)),),
        verifiers=verifiers, measure=Measuring(documents=22, candidates=candidates), metrics=("human_share_read",),
        **keys,
    )  # fmt: skip
    made = Ecosystem(spec, rng=2)
    for _ in range(steps):
        made.step()
    return made


def items(*verifiers, **keys) -> Ecosystem:
    return world(Zipf(items=30), Categorical(), *verifiers, **keys)


def facts(*verifiers, **keys) -> Ecosystem:
    asked = Questions(source="memory")
    return world(Facts(subjects=30, error=0.2), Belief(), *verifiers, questions=asked, **keys)


def by_loops(made: Ecosystem, name: str) -> list[float]:
    """The gap of a verifier that judges documents, asked about four at a time."""
    desk, found = made.gates.desks[name], []
    for i, sample in enumerate(made.readout.sample):
        gains = []
        for first in range(0, 20, 4):
            four = sample[first : first + 4]
            worth = made.reference.log_prob(four)
            if made.shape.kind == "tokens":
                worth = worth / [min((c > 0).sum() + 1, len(c)) for c in four]
            one = np.full(4, -1)
            depth = np.full(4, 1 + made.populations[0].depth_n[i], np.float32)
            seen = Submitted(four, one, np.full(4, i, np.int32), depth, one, np.zeros(4, bool))
            weight = desk.verifier.accepts(desk.state, seen, desk.sight)
            gains.append((weight @ worth / weight.sum() if weight.sum() else worth.mean()) - worth.mean())
        found.append(np.mean(gains))
    return found


def test_a_gap_by_hand():
    """Right, wrong, wrong, right, weighted 1, 0.5, 0, 0.5: 1.5 of 2 in place of half."""
    assert gap(np.array([[[1.0, 0, 0, 1]]]), np.array([[[1, 0.5, 0, 0.5]]])) == pytest.approx([0.25])
    two = np.array([[[1.0, 0], [1, 0]]])  # of two prompts one gains a half, the other loses it
    assert gap(two, np.array([[[1, 0], [0, 1.0]]])) == pytest.approx([0])
    assert gap(two, np.array([[[1, 0], [0, 0.0]]])) == pytest.approx([0.25])  # nothing accepted: as generated
    assert gap(two, np.full((1, 2, 2), 0.3)) == pytest.approx([0])


def test_prompts_with_an_impossible_candidate_are_left_out():
    worth = np.array([[[-1.0, -3], [-np.inf, -2]], [[np.nan, 0], [-np.inf, 0]]])
    found = gap(worth, np.array([[[1.0, 0], [0, 1]]] * 2))
    assert found[0] == pytest.approx(1)
    assert np.isnan(found[1])


@pytest.mark.parametrize("name", ["taste", "likely", "self"])
def test_a_gap_of_items_is_that_of_each_prompt(name):
    likely = Likelihood(name="likely", reference=Categorical(smoothing=0.1), placement=NOBODY)
    own = SelfCheck(name="self", by="weight", gate="publish", placement=NOBODY)
    made = items(Biased(name="taste", probabilities=(0.9, 0.5, 0.2), placement=NOBODY), likely, own)
    found = metrics.find(f"generation_verification_gap@{name}")(made)
    assert found == pytest.approx(by_loops(made, name), abs=1e-12)
    assert (found > 0.05).all()  # all three prefer what is common


@pytest.mark.parametrize("name", ["near", "far", "self"])
def test_a_gap_of_vectors_is_that_of_each_prompt(name):
    near, far = (Biased(name=n, centre=c, width=1.0, placement=NOBODY) for n, c in (("near", 0.0), ("far", 4.0)))
    made = world(GaussianWorld(), Gaussian(), near, far, SelfCheck(name="self", placement=NOBODY))
    found = metrics.find(f"generation_verification_gap@{name}")(made)
    assert found == pytest.approx(by_loops(made, name), abs=1e-12)
    assert found.mean() < -0.05 if name == "far" else (found > 0.05).all()


@pytest.mark.parametrize("name", ["self", "likely", "new"])
def test_a_gap_of_texts_is_that_of_each_prompt(name):
    likely = Likelihood(name="likely", reference=Ngram(order=2), documents=50, placement=NOBODY)
    new = Novelty(name="new", placement=NOBODY)
    made = world(Text(), Ngram(order=2), SelfCheck(name="self", placement=NOBODY), likely, new)
    found = metrics.find(f"generation_verification_gap@{name}")(made)
    assert found == pytest.approx(by_loops(made, name), abs=1e-12)
    assert np.isfinite(found).all()
    assert name == "new" or (found > 0).all()


def test_who_accepts_all_alike_has_no_gap():
    made = items(Detector(name="guards", placement=NOBODY))
    assert generation_verification_gap(made, "guards") == pytest.approx(np.zeros(3), abs=1e-12)
    assert np.isnan(generation_verification_gap(items())).all()  # no verifier at all: no gap that could be measured


def oracle_gap(right_NPn: np.ndarray, sensitivity: float, specificity: float) -> list[float]:
    """By counting: r of n candidates right are accepted alike, and so are the others."""
    found = []
    for of_model in right_NPn:
        gains = []
        for right in of_model:
            r, w = right.sum() * sensitivity, (1 - right).sum() * (1 - specificity)
            gains.append((r / (r + w) if r + w else right.mean()) - right.mean())
        found.append(np.mean(gains))
    return found


def test_an_oracle_finds_what_there_is_among_the_candidates():
    made = facts(Oracle(name="all", placement=NOBODY), Oracle(name="some", specificity=0.5, placement=NOBODY))
    right = family._candidates(made).worth
    assert right.shape == (3, 22, 4)
    for name, specificity in (("all", 1.0), ("some", 0.5)):
        assert generation_verification_gap(made, name) == pytest.approx(oracle_gap(right, 1.0, specificity))
    together = np.array(oracle_gap(right, 1.0, 1.0))
    assert relative_gap(made, "all") == pytest.approx(together / (1 - right.mean(axis=(1, 2))))
    poor, perfect = generation_verification_gap(made, "some"), generation_verification_gap(made, "all")
    assert (poor > 0).all()
    assert (poor < perfect).all()


def test_answers_are_asked_for_as_people_ask_and_drawn_from_beliefs():
    """J(f) of many candidates is that of the models, exactly; false-alarm rate below 1e-6 (five standard errors)."""
    made = facts(candidates=500)
    worth = family._candidates(made).worth
    asked = family._answers_of(made, made.populations[0])[0][..., 0]
    truth = made.reference.truth
    believed = made.readout.believed(truth.slot_F)
    for i in range(3):
        p = believed[i, asked[i]]
        error = np.sqrt((p * (1 - p) / 500).sum()) / len(p)
        assert abs(worth[i].mean() - p.mean()) < 5 * error + 1e-12
    exact = [sum(truth.asked_F[f] * believed[i, f] for f in range(len(truth.asked_F))) for i in range(3)]
    assert family.generation_accuracy(made) == pytest.approx(exact)


def test_a_self_check_of_answers_goes_by_the_answer_and_not_by_how_common_the_subject_is():
    """By weight and strength 1 the weights of a prompt are in proportion to the model's own probabilities."""
    made = facts(SelfCheck(name="self", by="weight", gate="publish", placement=NOBODY))
    candidates = family._candidates(made)
    answered, desk = candidates.seen.answered, made.gates.desks["self"]
    weight = family._accepted(desk, candidates.seen, 4).reshape(-1, 4)
    own = answered.confidence.reshape(-1, 4)
    assert weight == pytest.approx(own / own.max(axis=1, keepdims=True))


def test_what_a_decisive_model_believes_it_cannot_check_itself():
    """Where a model says what it believes its self-check is worth nothing, an oracle's check much."""
    own, oracle = SelfCheck(name="self", placement=NOBODY), Oracle(name="oracle", placement=NOBODY)
    people, wanted = Facts(subjects=60, error=0.1), Measuring(documents=100)
    groups = (Group(count=20, read=200, learner=Belief(temperature=0.3)),)
    made = Ecosystem(Scenario(world=people, models=groups, verifiers=(own, oracle), measure=wanted), rng=0)
    assert abs(generation_verification_gap(made, "self").mean()) < 0.02
    assert generation_verification_gap(made, "oracle").mean() > 0.1
    loose = made.spec.with_({"models.0.learner.temperature": 1.0})
    assert generation_verification_gap(Ecosystem(loose, rng=0), "self").mean() > 0.05


def test_a_panel_and_its_members_have_gaps():
    """Two oracles that must agree: theirs is that of one whose errors are the products, up to the panel's chance."""
    keys = {"gate": "panel", "specificity": 0.5}
    panel = Quorum(name="both", members=("one", "two"), rule="unanimity", gate="publish", placement=NOBODY)
    made = facts(Oracle(name="one", **keys), Oracle(name="two", **keys), panel, candidates=50)
    right = family._candidates(made).worth
    assert generation_verification_gap(made, "one") == pytest.approx(oracle_gap(right, 1.0, 0.5))
    found = generation_verification_gap(made, "both")
    assert found == pytest.approx(oracle_gap(right, 1.0, 0.75), abs=0.03)
    assert abs(found - oracle_gap(right, 1.0, 0.5)).min() > 0.03
    assert (found == generation_verification_gap(made, "both")).all()


def test_without_a_name_it_is_that_of_all_at_a_gate_together():
    made = facts(Oracle(name="one", specificity=0.5, placement=NOBODY), Oracle(name="two", specificity=0.8))
    right = family._candidates(made).worth
    assert generation_verification_gap(made) == pytest.approx(oracle_gap(right, 1.0, 0.9))


def test_measuring_a_gap_judges_nothing_and_changes_nothing():
    verifiers = (SelfCheck(name="self", gate="publish", price=1.0), Oracle(name="oracle", gate="publish", price=1.0))
    looked, not_looked = (facts(*verifiers, steps=0) for _ in range(2))
    for _ in range(2):
        for name in ("self", "oracle", None):
            generation_verification_gap(looked, name)
            relative_gap(looked, name)
        for made in (looked, not_looked):
            made.step()
    for name in ("self", "oracle"):
        one, other = looked.gates.desks[name], not_looked.gates.desks[name]
        assert one.total.judged == other.total.judged > 0
        assert one.total_cost == other.total_cost
    assert looked.corpus.documents(2).content.tolist() == not_looked.corpus.documents(2).content.tolist()


def test_a_verifier_that_does_not_exist_is_named():
    with pytest.raises(InputError, match=r"Unknown verifier 'selv'\. Did you mean 'self'\?"):
        generation_verification_gap(items(SelfCheck(name="self", placement=NOBODY)), "selv")


def test_without_a_density_documents_are_as_good_as_a_judge_says():
    made = items(Biased(name="taste", probabilities=(0.0, 1.0), placement=NOBODY))
    sample = made.readout.sample[:, :20].reshape(3, 5, 4)
    judge = SimpleNamespace(classes=lambda content: np.where(content > 0, 1, -1))  # item 0 is none that it knows
    made.reference = SimpleNamespace(log_prob=lambda content: None, judge=judge)
    missed = [[1 - (four > 0).mean() if (four > 0).any() else 0 for four in of_model] for of_model in sample]
    assert generation_verification_gap(made, "taste") == pytest.approx(np.mean(missed, axis=1))
    made.reference = SimpleNamespace(log_prob=lambda content: None, judge=None)
    assert np.isnan(generation_verification_gap(made, "taste")).all()


@pytest.mark.parametrize("name", ["generation_verification_gap", "relative_gap", "generation_accuracy"])
def test_measures_of_the_gap_keep_the_rules_of_measures(name):
    check_metric(name)
