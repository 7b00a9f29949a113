"""The truth of a fact world is fenced off: when it changes, nothing does but measures, and verifiers that are oracles.

Two worlds are run that differ in `Truth.slot_F` alone: people write what they wrote (what a writer takes for true is a
column of its own), and everything that models read, answer, believe and are refused must be the same to the last bit.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from agents.humans._facts import FactWriter
from agents.learners.belief import Belief
from agents.verifiers.oracle import Oracle
from ecosystem import components
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.model import Ecosystem
from ecosystem.scenario import Group
from tests.fact_worlds import FILE
from tests.sights import submitted
from tests.test_ground_truth import leads_to_truth

MEASURED = [
    "false_share", "false_share_read", "false_share_written", "fact_recall", "tail_fact_recall",
    "derivable_fact_recall", "web_coverage", "over_trust", "confidence_auroc", "answer_accuracy", "supported_accuracy",
    "unsupported_accuracy",
]  # fmt: skip
BLIND = ["supported_share", "human_share_read", "depth"]
QUESTIONS = {"heeds": 0.5, "confidence": "peers", "model_share": 0.6}
LEARNERS = {  # sizes that are run in a moment
    "transformer": {"layers": 1, "width": 8, "heads": 2, "epochs": 1},
}
VERIFIERS = {  # keys without a default
    "likelihood": {"reference": {"kind": "belief"}, "documents": 50},
    "provenance": {"max_depth": 2},
    "quorum": {"members": ["member"]},
}
ELSEWHERE = {"entailment": "needs the folder of a model; it sees texts alone (tests/test_entailment.py)"}


def world(monkeypatch, another_truth: bool, **changes) -> Ecosystem:
    """After three steps; where asked for, with every fact's truth another than what people take for it."""
    with monkeypatch.context() as patched:
        if another_truth:
            made = FactWriter.__init__

            def told_otherwise(self, truth, *rest):
                made(self, truth, *rest)
                self.truth = replace(truth, slot_F=(truth.slot_F + 1) % truth.grammar.width_F)

            patched.setattr(FactWriter, "__init__", told_otherwise)
        file = FILE | {"metrics": [*MEASURED, *BLIND], "record": {"questions": "all", "judgements": "all"}}
        built = Ecosystem(read(file, **({"models.models.questions": QUESTIONS} | changes)), rng=1)
    built.told = [built.frame]
    for _ in range(3):
        built.step()
        built.told.append(built.frame)
    return built


def differences(one: Ecosystem, other: Ecosystem) -> set[str]:
    """What is not the same to the last bit in two worlds, measures left aside."""
    found = set()

    def compare(name: str, a, b) -> None:
        if not np.array_equal(np.asarray(a), np.asarray(b), equal_nan=np.asarray(a).dtype.kind == "f"):
            found.add(name)

    a, b = (w.corpus.earlier(99) for w in (one, other))
    for column in a.__dataclass_fields__:
        compare(f"documents.{column}", getattr(a, column), getattr(b, column))
    for mine, its in zip(one.told, other.told, strict=True):
        for (_, answered, number), (_, again, there) in zip(mine.questions, its.questions, strict=True):
            compare("published", number, there)
            for column in answered.__dataclass_fields__:
                compare(f"answers.{column}", getattr(answered, column), getattr(again, column))
        for (_, judged), (_, again) in zip(mine.judgements, its.judgements, strict=True):
            for column in ("document", "reader", "accepted"):
                compare(f"judgements.{column}", getattr(judged, column), getattr(again, column))
    for mine, its in zip(one.populations, other.populations, strict=True):
        for name in mine.params:
            compare(f"params.{name}", mine.params[name], its.params[name])
        asked = np.tile(np.arange(one.shape.grammar.facts), (mine.n, 1))
        compare("beliefs", mine.beliefs(asked, 9, "look"), its.beliefs(asked, 9, "look"))
    compare("critiques", one.answering.experience.critiques_FV, other.answering.experience.critiques_FV)
    return found


def standing(kind: str, gate: str) -> list[dict]:
    guard = {"kind": kind, "name": "guard", "gate": gate} | VERIFIERS.get(kind, {})
    if gate == "publish":
        guard["placement"] = {"humans": True}
    member = {"kind": "detector", "name": "member", "gate": "panel"}
    return [guard, member] if kind == "quorum" else [guard]


def of_kind(what: str, kinds: set[str]) -> list[str]:
    """Names of all components that read such documents."""
    return [name for name in components.available(what) if kinds & {*components.find(what, name).reads}]


@pytest.mark.parametrize("kind", of_kind("learners", {"tokens", "claims"}))
def test_no_learner_sees_the_truth(kind, monkeypatch):
    learner = {"kind": kind} | LEARNERS.get(kind, {})
    here, there = (world(monkeypatch, other, **{"models.models.learner": learner}) for other in (False, True))
    assert differences(here, there) == set()
    assert len(here.corpus) > 60
    assert any(len(frame.questions) for frame in here.told)


@pytest.mark.parametrize("gate", ["publish", "read"])
@pytest.mark.parametrize("kind", [k for k in of_kind("verifiers", {"tokens", "claims"}) if k not in ELSEWHERE])
def test_no_verifier_but_an_oracle_sees_the_truth(kind, gate, monkeypatch):
    guard = components.find("verifiers", kind)
    if kind == "quorum" and gate == "publish":
        pytest.skip("a panel judges as its members do")
    try:
        here, there = (world(monkeypatch, other, verifiers=standing(kind, gate)) for other in (False, True))
    except InputError as error:
        pytest.skip(f"does not stand in this world: {error}")
    found = differences(here, there)
    assert (found != set()) == guard.oracle, found
    if guard.oracle:  # the negative control: this comparison finds out who looks
        assert "judgements.accepted" in found


@pytest.mark.parametrize("kind", ["facts", "facts_file"])
def test_retrieval_by_words_sees_no_truth(kind, monkeypatch, tmp_path):
    """Nor do passages, which state what people take for true."""
    changes = {"models.models.questions": QUESTIONS | {"by": "bm25"}}
    if kind == "facts_file":
        rows = [{"subject": f"Ada {i}", "relation": "in", "object": f"town {i % 5}", "passages": [i]} for i in range(9)]
        texts = [{"id": i, "text": f"Ada {i} lives in the town that has number {i % 5}."} for i in range(9)]
        for name, lines in (("facts.jsonl", rows), ("passages.jsonl", texts)):
            (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        paths = {"path": str(tmp_path / "facts.jsonl"), "passages_path": str(tmp_path / "passages.jsonl")}
        known = [name for name in MEASURED if not name.startswith("derivable")]
        changes |= {"world": {"kind": "facts_file", "error": 0.2, **paths}, "metrics": known}
    here, there = (world(monkeypatch, other, **changes) for other in (False, True))
    assert differences(here, there) == set()
    assert here.frame.values["false_share"] != there.frame.values["false_share"]
    assert any(hits.any() for hits in here.answering.hits)


def test_measures_change_with_the_truth(monkeypatch):
    here, there = world(monkeypatch, False).frame.values, world(monkeypatch, True).frame.values
    assert all(here[name] != there[name] for name in MEASURED)
    assert all(here[name] == there[name] for name in BLIND)


@pytest.mark.parametrize("kind", components.available("verifiers"))
def test_only_an_oracles_sight_shows_what_is_true(kind):
    built, guard = Ecosystem(read(FILE)), components.find("verifiers", kind)
    sight = built.sight(guard.model_construct(name="guard"))
    content = built.writers[0].grammar.write(np.array([[0]]), built.writers[0].truth.slot_F[:1, None])
    if guard.oracle:
        assert sight.true(content).tolist() == [True]
    else:
        with pytest.raises(TypeError, match=r"verifiers\.guard: only an oracle \(Verifier\.oracle\) may ask"):
            sight.true(content)


def test_an_oracle_judges_by_its_stated_rates():
    """And by nothing where it does not cover a fact."""
    built = Ecosystem(read(FILE))
    truth, grammar = built.reference.truth, built.shape.grammar
    fact = np.arange(grammar.facts)
    content = np.concatenate([grammar.write(fact[:, None], ((truth.slot_F + i) % grammar.width_F)[:, None])
                              for i in (0, 1)])  # fmt: skip
    guard = Oracle(name="guard", sensitivity=0.9, specificity=0.7)
    seen = np.repeat([True, False], len(fact))
    p = guard.accepts({}, submitted(content), built.sight(guard))
    np.testing.assert_allclose(p, np.where(seen, 0.9, 0.3))
    half = Oracle(name="guard", sensitivity=0.9, specificity=0.7, covers=0.5)
    p = half.accepts({}, submitted(content), built.sight(half)).reshape(2, -1)
    covered = p[0] == 0.9
    assert 0.2 < covered.mean() < 0.8
    np.testing.assert_allclose(p, np.where(covered, [[0.9], [0.3]], 1))


class Watched(Belief):
    """Keeps what its methods are handed."""

    handed: list = []

    def train(self, params, content, weight, rng):
        self.handed.append((params, content, weight, rng))
        return super().train(params, content, weight, rng)

    def beliefs(self, params, grammar, fact_nQ, rng):
        self.handed.append((params, grammar, fact_nQ, rng))
        return super().beliefs(params, grammar, fact_nQ, rng)


def test_nothing_a_learner_is_asked_with_leads_to_the_truth():
    spec = read(FILE)
    group = spec.models[0].model_dump(exclude={"learner"}) | {"learner": Watched()}
    built = Ecosystem(spec.model_copy(update={"models": (Group(**group),)}))
    built.step()
    given = built.populations[0].group.learner
    assert len(given.handed) >= 3
    assert not any(leads_to_truth(given, *each) for each in given.handed)
    assert leads_to_truth({"hidden": built.reference.truth})
