"""Entailment by a model of transformers: measured against what is entailed, and what is no such model said clearly."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from agents.neural import entailing as module
from agents.neural.entailing import entailing
from agents.neural.model_folder import ModelError
from agents.verifiers.entailment import Entailment
from ecosystem.checks import check_verifier
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.model import Ecosystem
from tests import entailment_model
from tests.fact_worlds import FILE
from tests.sights import submitted

ENOUGH = 0.9  # sensitivity and specificity are at least so, with 95% confidence


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model trained for some seconds."""
    with torch.random.fork_rng(devices=[]):
        return entailment_model.save(tmp_path_factory.mktemp("entailment"), entailment_model.trained())


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    own = entailment_model.model(entailment_model.LABELS)
    return entailment_model.save(tmp_path_factory.mktemp("untrained"), own)


def world(folder, **changes) -> Ecosystem:
    guard = {"kind": "entailment", "name": "guard", "model": str(folder)}
    keys = {"world": {"kind": "facts", "subjects": 12, "values": 4, "error": 0.2, **entailment_model.KEYS}}
    keys["models.models.publish"] = 60
    return Ecosystem(read(FILE, **keys | {"verifiers": [guard]} | changes), rng=1)


def at_least(right: np.ndarray, share: float) -> bool:
    """Whether a rate is at least so much with 95% confidence."""
    return bool(binomtest(int(right.sum()), len(right), share, alternative="greater").pvalue < 0.05)


def test_it_learns_what_occurs_in_a_premise(folder, untrained):
    """On pairs it was not trained on; the untrained model is the negative control."""
    pairs, stated = entailment_model.examples(1_000, seed=2)
    for source, good in ((folder, True), (untrained, False)):
        accepted = entailing(str(source)).probability(pairs) >= 0.65
        assert (at_least(accepted[stated], ENOUGH) and at_least(~accepted[~stated], ENOUGH)) is good


@pytest.mark.parametrize("trained", [True, False])
def test_as_a_gate_it_lets_through_what_was_retrieved(folder, untrained, trained):
    """Verdicts on answers that are misread, made up or faithful, against a loop over what was retrieved for each."""
    changes = {"models.models.questions": {"faithful": 0.6, "fabricates": 0.5}, "steps": 5}
    made = world(folder if trained else untrained, **changes)
    grammar, stated, published = made.shape.grammar, [], []
    for _ in range(5):
        made.step()
        (answered,), (number,) = made.answering.answers, made.answering.published
        for i in range(len(answered)):
            there = answered.retrieved[i][answered.retrieved[i] >= 0]
            claims = grammar.read(made.corpus.at(there - made.corpus.first).content)
            stated.append(((claims.fact == answered.fact[i]) & (claims.slot == answered.slot[i])).any())
            published.append(number[i] >= 0)
    stated, published = np.array(stated), np.array(published)
    assert min(stated.sum(), (~stated).sum()) > 100
    assert (at_least(published[stated], 0.8) and at_least(~published[~stated], 0.8)) is trained
    if trained:
        assert made.answering.experience.critiques_FV.sum() == (~published).sum()  # each leaves a critique


def test_pairs_are_read_once_and_by_themselves(folder, monkeypatch):
    pairs, _ = entailment_model.examples(40, seed=3)
    own, seen = entailing(str(folder)), []
    read_pairs = own._read
    monkeypatch.setattr(own, "_read", lambda part: seen.extend(part) or read_pairs(part))
    scores = own.probability(pairs * 3)
    assert len(seen) == len(set(seen)) == len(set(pairs))
    np.testing.assert_allclose(scores, np.tile(scores[: len(pairs)], 3), rtol=0)
    np.testing.assert_allclose(own.probability(pairs[:1]), scores[:1], atol=1e-5)
    assert own.probability([]).shape == (0,)
    long = [("\n".join(["subject 1 | relation 0 | value 1"] * 50), "subject 1 | relation 0 | value 1")]
    assert 0 <= own.probability(long)[0] <= 1  # the premise is cut


def test_threshold_premises_and_what_is_no_answer(folder, monkeypatch):
    """The premise is each different document once, in the order of retrieval; without one an answer is refused."""
    asked = []

    def probability(pairs):
        asked.extend(pairs)
        return np.array([0.65, 0.6499])[: len(pairs)]

    monkeypatch.setattr("agents.verifiers.entailment.entailing", lambda name: SimpleNamespace(probability=probability))
    texts = np.array(["zero", "one", "two", "one"])
    sight = SimpleNamespace(
        stored=lambda number: (np.where(number >= 0, number, 0), (number >= 0) & (number != 2)),
        texts=lambda content: texts[content].tolist(),
    )
    answered = SimpleNamespace(retrieved=np.array([[3, 0, 1], [1, -1, -1], [2, -1, -1], [-1, -1, -1]]))

    class Seen(SimpleNamespace):
        def __len__(self):
            return 4

    seen = Seen(answered=answered, content=np.array([0, 2, 2, 2]))
    guard = Entailment(model=str(folder))
    assert guard.threshold == 0.65
    assert guard.accepts({}, seen, sight).tolist() == [1, 0, 0, 0]  # the third's document is not on the web any more
    assert asked == [("one\nzero", "zero"), ("one", "two")]
    assert guard.accepts({}, submitted(np.zeros((3, 3))), sight).tolist() == [1, 1, 1]


def test_checks_hold(folder):
    check_verifier(Entailment(model=str(folder)))


def test_a_model_is_looked_for_beside_the_scenario(folder, tmp_path):
    (tmp_path / "judge").symlink_to(folder)
    (tmp_path / "s.yaml").write_text(
        "world: {kind: facts}\nhumans: [{rate: 5}]\nmetrics: [false_share]\n"
        "models: [{learner: {kind: belief}, questions: {}}]\n"
        "verifiers: [{kind: entailment, model: judge, name: guard}]\n"
        "arms: {other: {verifiers.guard.model: ./judge}, hub: {verifiers.guard.model: some-one/some-model}}\n"
    )
    spec = read(tmp_path / "s.yaml")
    assert spec.verifiers[0].model == str(folder.resolve())
    assert spec.arms["other"]["verifiers.guard.model"] == str(folder.resolve())
    assert spec.arms["hub"]["verifiers.guard.model"] == "some-one/some-model"


def refused(folder) -> str:
    """What is said of a model before a run; one line."""
    with pytest.raises(InputError) as caught:
        world(folder)
    (line,) = caught.value.lines
    assert "\n" not in line
    assert line.startswith("verifiers.guard.model: ")
    return line


def test_a_model_without_the_expected_labels_is_told_with_what_it_has(tmp_path):
    unnamed = entailment_model.save(tmp_path / "unnamed", entailment_model.model())
    said = refused(unnamed)
    assert "must name one of its labels entailment, beside others such as neutral and contradiction" in said
    assert "got LABEL_0, LABEL_1. If it is one, say in its config.json what they mean (id2label)." in said
    moods = entailment_model.save(tmp_path / "moods", entailment_model.model({0: "negative", 1: "positive"}))
    assert "got negative, positive" in refused(moods)


@pytest.mark.parametrize("name", ["entailment", "ENTAILMENT", "Entailment"])
def test_labels_are_found_in_any_case_and_order(name, tmp_path):
    own = entailment_model.model({0: "contradiction", 1: "neutral", 2: name})
    source = entailment_model.save(tmp_path / "nli", own)
    with torch.no_grad():
        premise, claim = entailment_model.examples(1, seed=4)[0][0]
        logits = own.eval()(**entailment_model.tokenizer()(premise, claim, return_tensors="pt")).logits
    expected = torch.softmax(logits.double(), dim=1)[0, 2].item()
    assert entailing(str(source)).probability([(premise, claim)])[0] == pytest.approx(expected, abs=1e-5)


def test_what_is_no_model_is_said_in_one_line(untrained, tmp_path):
    assert "no such folder" in refused(tmp_path / "nowhere")
    pickled = tmp_path / "pickled"
    entailment_model.save(pickled, entailment_model.model(entailment_model.LABELS))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    assert "weights are read from safetensors only, since other files may run code" in refused(pickled)
    headless = tmp_path / "headless"
    entailment_model.save(headless, entailment_model.model(entailment_model.LABELS).bert)
    config = json.loads((headless / "config.json").read_text())
    (headless / "config.json").write_text(json.dumps(config | {"id2label": entailment_model.LABELS}))
    assert "must hold the weights of a BertForSequenceClassification; classifier." in refused(headless)
    strange = tmp_path / "strange"
    entailment_model.save(strange, entailment_model.model(entailment_model.LABELS))
    (strange / "config.json").write_text(json.dumps(config | {"model_type": "t5-of-tomorrow"} | {
        "id2label": entailment_model.LABELS}))  # fmt: skip
    assert "cannot be loaded" in refused(strange)
    (strange / "config.json").write_text("{")
    assert "must be JSON" in refused(strange)


def test_a_hub_id_while_offline_is_one_line(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert "some-one/some-model: no such folder, not in the cache" in refused("some-one/some-model")
    with pytest.raises(ModelError, match="offline"):
        module.entailing("some-one/some-model")
