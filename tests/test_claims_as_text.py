"""Claims go as text to learners that read text, and come back; every learner of tokens can be asked for facts.

What learners must know is far from chance: facts are stated fifty times each, and of three values none is favoured.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from agents.humans.facts import Facts
from agents.humans.facts_file import FactsFile
from agents.learners.belief import Belief
from agents.learners.ngram import Ngram
from ecosystem import Ecosystem
from ecosystem.checks.trial import FACTS
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.grammar import Grammar
from ecosystem.scenario import Community, Graph, Group, Measuring, Scenario
from ecosystem.streams import Streams
from ecosystem.text.claims import ClaimCodec
from ecosystem.text.prompts import Prompts
from ecosystem.travel import in_tokens, understands

CODEC = ClaimCodec(FACTS)
TOWNS = [("Ada", "Rom"), ("Bo", "Oslo"), ("Cy", "Lima")]


def texts(*found):
    return np.array(found, object)


def test_documents_of_claims_come_back_as_they_were():
    writer, *_ = Facts(subjects=30, claims=3, error=0.3).open([Facts(subjects=30, claims=3, error=0.3)])
    content = writer.sample(200, Streams(0).rows("documents", 0, 2))
    content[:, ::3, 3:] = 0  # some make fewer claims
    codec = writer.shape.codec
    said = codec.decode(content)
    assert said.shape == (2, 200)
    assert said[0, 1].count("\n") == 2
    np.testing.assert_array_equal(codec.encode(said, 9), content)


def test_a_claim_reads_as_its_three_names():
    content = FACTS.write(np.array([[0, 2], [1, -1]]), np.array([[1, 0], [0, 0]]))
    assert CODEC.decode(content).tolist() == ["a | r | g\na | h | c\0", "b | r | f\0"]
    assert CODEC.decode(np.zeros((1, 6), np.int32)).tolist() == ["\0"]
    assert CODEC.decode(np.zeros((2, 0, 6), np.int32)).shape == (2, 0)
    assert CODEC.encode(texts(), 6).shape == (0, 6)


@pytest.mark.parametrize(
    "text",
    ["", "\0", "a | r", "a | r | g | g", "a | r | nobody", "nobody | r | g", "a | likes | g", "a r g", "d | r | g"],
)
def test_what_makes_no_claim_is_read_as_none(text):
    assert not CODEC.encode(texts(text), 6).any()


def test_a_text_is_read_up_to_the_first_line_that_is_no_claim():
    (good,) = CODEC.encode(texts("a | r | g"), 6)
    cut, noisy, after_end, long = CODEC.encode(
        texts("a | r | g\nb | r |", " a|r |  g\nrubbish\nb | r | f", "a | r | g\0\nb | r | f", "a | r | g\n" * 9), 6
    )
    for found in (cut, noisy, after_end):
        np.testing.assert_array_equal(found, good)
    assert FACTS.read(good).fact.tolist() == [0, -1]
    assert FACTS.read(long).fact.tolist() == [0, 0]


def test_a_value_that_the_fact_cannot_have_comes_back_all_the_same():
    content = FACTS.write(np.array([[0]]), np.array([[0]]))
    content[0, 2] = 1
    np.testing.assert_array_equal(CODEC.encode(CODEC.decode(content), 6), content)
    assert FACTS.read(content).slot.tolist() == [[-1, -1]]


def test_namesakes_are_read_as_the_value_that_the_relation_can_have():
    grammar = Grammar(
        np.array([0, 0]), np.array([0, 1]), np.array([1, 2]), np.array([2, 3]), np.full((2, 2), -1), 1,
        ("Ada", "Rome", "Rome"), ("born in", "lives in"),
    )  # fmt: skip
    codec = ClaimCodec(grammar)
    content = grammar.write(np.array([[0], [1]]), np.zeros((2, 1), int))
    assert codec.decode(content).tolist() == ["Ada | born in | Rome\0", "Ada | lives in | Rome\0"]
    np.testing.assert_array_equal(codec.encode(codec.decode(content), 3), content)


def towns(tmp_path, **keys) -> FactsFile:
    """A world of three people who live in three towns, as short as small models need it."""
    file = tmp_path / "towns.jsonl"
    rows = [{"subject": name, "relation": "in", "object": town} for name, town in TOWNS]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return FactsFile(path=str(file), **keys)


def world_of(learner, facts, **keys) -> Ecosystem:
    group = Group(name="models", count=2, publish=4, learner=learner, **{"read": 150, **keys})
    return Ecosystem(
        Scenario(
            world=facts, humans=(Community(rate=30),), models=(group,), steps=2, graph=Graph(kind="complete"),
            metrics=("fact_recall", "over_trust", "false_share_written"),
        )
    )  # fmt: skip


def test_learners_of_tokens_recall_what_they_read(tmp_path):
    transformer = pytest.importorskip("agents.learners.transformer").Transformer
    facts = towns(tmp_path, error=0.0)
    small = transformer(layers=1, width=32, heads=2, updates=300, batch=16, epochs=40, learning_rate=1e-2)
    for learner in (Belief(), Ngram(order=3), small):
        world = world_of(learner, facts)
        assert world.frame.values["fact_recall"] == 1, learner
        world.step()
        assert world.frame.values["false_share_written"] < 0.2, learner


def test_an_ngram_model_that_looks_at_less_than_a_question_only_guesses(tmp_path):
    """The negative control: the last two words, 'in' and a town, tell nothing about who lives there."""
    world = world_of(Ngram(order=2), towns(tmp_path, error=0.0))
    assert world.frame.values["fact_recall"] == pytest.approx(1 / 3)


def test_ngram_beliefs_are_what_is_read(tmp_path):
    """Of claims read, 60 right and 20 wrong of each fact, the wrong ones alike: close to 3/4 and 1/4."""
    facts = towns(tmp_path, error=0.25, misled=1.0)
    (writer,) = facts.open([facts])
    grammar, wrong = writer.grammar, writer.misled_F
    fact = np.tile(np.arange(3), 80)
    slot = np.where(np.arange(240) < 180, writer.truth.slot_F[fact], wrong[fact])
    learner, rng = Ngram(order=3), Streams(0).rows("fit", 0, 1)
    params = learner.train(
        learner.init(1, writer.shape, rng), grammar.write(fact[:, None], slot[:, None])[None], np.ones((1, 240)), rng
    )
    (belief,) = learner.beliefs(params, grammar, np.arange(3)[None], rng)
    assert belief.sum(axis=1) == pytest.approx(1)
    assert belief[np.arange(3), writer.truth.slot_F] == pytest.approx(0.75, abs=0.05)
    assert belief[np.arange(3), wrong] == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("claims", [1, 3])
def test_an_ngram_model_recalls_every_fact_it_has_read(claims):
    """However many claims a document makes, although it is asked for by documents of one; of others it knows little."""
    source = Facts(subjects=100, claims=claims, error=0.0)
    (writer,) = source.open([source])
    content = writer.sample(600, Streams(0).rows("read", 0, 2))
    learner, rng = Ngram(order=3), Streams(0).rows("fit", 0, 2)
    params = learner.train(learner.init(2, writer.shape, rng), content, np.ones((2, 600)), rng)
    asked = np.tile(np.arange(writer.grammar.facts), (2, 1))
    right = learner.beliefs(params, writer.grammar, asked, rng).argmax(axis=2) == writer.truth.slot_F
    read = np.stack([np.isin(asked[0], writer.grammar.read(own).fact) for own in content])
    assert 0.2 < read.mean() < 0.95
    assert right[read].all()
    assert right[~read].mean() < 0.5


def test_a_pretrained_model_learns_facts_through_text(tmp_path):
    pytest.importorskip("transformers")
    from agents.learners.causal_lm import CausalLm
    from tests.pretrained_models import save

    facts = towns(tmp_path, error=0.0)
    learner = CausalLm(model=str(save(tmp_path / "gpt2", "gpt2")), epochs=30, batch=16, learning_rate=1e-2)
    world = world_of(learner, facts, start="continue", read=60)
    assert world.frame.values["fact_recall"] == 1
    world.step()
    assert world.frame.values["false_share_written"] < 0.2
    belief = world.populations[0].beliefs(np.array([[0, 1, 2]] * 2), 1, "beliefs")
    assert belief.shape == (2, 3, 3)
    assert belief.sum(axis=2) == pytest.approx(1)
    assert (belief[:, range(3), world.reference.truth.slot_F] > 0.6).all()


def test_without_a_codec_a_learner_of_text_fits_no_world_of_facts(tmp_path):
    """The negative control: it is the codec that lets it in."""

    class Reader(Ngram):
        reads = ("text",)

    bare = DocumentShape("tokens", FACTS.tokens, 6, grammar=FACTS)
    spoken = DocumentShape("tokens", FACTS.tokens, 6, CODEC, FACTS)
    assert not understands(Reader(), bare)
    assert understands(Reader(), spoken)
    assert in_tokens(Reader(), spoken).codec is CODEC
    assert in_tokens(Ngram(), spoken) == Ngram()


@pytest.mark.parametrize("rule", [{"count": 2, "answers": 2}, {"path": "prompts.txt"}], ids=str)
def test_prompts_go_with_free_text_and_not_with_claims(tmp_path, rule, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("Ada lives in\n")
    group = Group(name="models", count=2, publish=4, read=4, learner=Ngram())
    spec = Scenario(world=towns(tmp_path), models=(group,), measure=Measuring(prompts=Prompts(**rule)))
    with pytest.raises(InputError, match=r"measure\.prompts: goes with worlds that write text; .* writes claims"):
        Ecosystem(spec)


def test_encoders_compare_claims_as_they_are_shown(tmp_path):
    from ecosystem.text import encoders

    facts = towns(tmp_path)
    writers = facts.open([facts])
    encoder = encoders.opened("hashed", writers)
    content = writers[0].grammar.write(np.array([[0], [0], [1]]), np.array([[0], [0], [1]]))
    found = encoder.encode(writers[0].show(content))
    assert found[0] @ found[1] == pytest.approx(1, abs=1e-5)
    assert found[0] @ found[2] < 0.9
