"""Documents travel as text between models of different tokenizers, and nothing is lost that need not be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.humans.text import Text
from agents.learners.ngram import Ngram
from ecosystem.checks import CheckFailed, check_learner
from ecosystem.documents import DocumentShape
from ecosystem.fits import WorldError
from ecosystem.interfaces import Learner
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.streams import Streams
from ecosystem.text.codec import TextCodec
from ecosystem.text.tokens import END, Tokenizer
from ecosystem.travel import Translated, in_tokens
from tests.toys import Letters, Murmur

PROSE = [
    "The raven sat on the bust, and the bust sat on the door; the door was shut.",
    "«Déjà vu» – naïve café, 東京 tower, ☕️ and 🦜🦜.\n\tNo more!\r\n",
    "the the the raven raven door",
]
KINDS = [("byte", 257), ("character", 264), ("word", 280), ("bpe", 300), ("bpe", 257), ("word", 257)]
CODECS = {kind: TextCodec(Tokenizer(kind=kind[0], vocabulary=kind[1]).train(PROSE)) for kind in KINDS}
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


def texts(*given):
    return np.array(given, object)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(many=st.lists(TEXTS | st.sampled_from(PROSE), max_size=5))
@settings(max_examples=40, deadline=None)
def test_whole_texts_come_back_as_they_were(kind, many):
    codec = CODECS[kind]
    sent = texts(*[text + "\0" for text in many])
    assert codec.decode(codec.encode(sent, 260)).tolist() == sent.tolist()


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(text=TEXTS | st.sampled_from(PROSE), length=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_long_texts_are_cut_at_their_tokens(kind, text, length):
    codec = CODECS[kind]
    (tokens,) = codec.vocabulary.encode([text])
    (cut,) = codec.encode(texts(text + "\0"), length)
    assert cut.dtype == np.int32
    np.testing.assert_array_equal(cut[: len(tokens)], tokens[:length])
    assert (cut[len(tokens) :] == END).all()
    (read,) = codec.decode(cut[None])
    assert read.endswith("\0") == (len(tokens) < length)
    kept = read.rstrip("\0").rstrip("\ufffd")
    assert text.startswith(kept) or "\ufffd" in text


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_tokens_are_read_as_their_bytes_are(kind, data):
    """Also bytes that are no text: each document by itself, whatever its neighbours are."""
    vocabulary = CODECS[kind].vocabulary
    rows = st.lists(st.integers(0, vocabulary.size - 1), min_size=7, max_size=7)
    content = np.array(data.draw(st.lists(rows, min_size=1, max_size=6)), np.int32)
    for document, text in zip(content, CODECS[kind].decode(content), strict=True):
        raw = vocabulary.decode(document).replace(b"\0", "\ufffd".encode())
        assert text == raw.decode("utf-8", "replace") + ("\0" if (document == END).any() else "")


def test_shapes_lead_through():
    codec = CODECS["bpe", 300]
    sent = texts("a\0", "b", "", "\0", "the raven\0", "door").reshape(3, 2)
    content = codec.encode(sent, 5)
    assert content.shape == (3, 2, 5)
    assert codec.decode(content).shape == (3, 2)
    assert codec.encode(np.empty((2, 0), object), 5).shape == (2, 0, 5)
    assert codec.decode(np.zeros((2, 0, 5), np.int32)).shape == (2, 0)


def test_what_no_text_may_hold_becomes_the_replacement_character():
    codec = CODECS["byte", 257]
    sent = texts("half \ud83d of a pair\0", "ends\0here\0")
    assert codec.decode(codec.encode(sent, 40)).tolist() == ["half \ufffd of a pair\0", "ends\0"]
    (nul,) = codec.vocabulary.encode(["a\0b"])
    assert codec.decode(nul[None]).tolist() == ["a\ufffdb"]


def test_a_cut_text_that_leaves_room_ends_where_it_was_cut():
    codec = CODECS["byte", 257]
    assert codec.decode(codec.encode(texts("ab", "abc"), 2)).tolist() == ["ab", "ab"]
    assert codec.decode(codec.encode(texts("ab", "abc"), 3)).tolist() == ["ab\0", "abc"]


def test_human_documents_travel_to_another_tokenizer_and_back():
    worlds = [Text(tokenizer=Tokenizer(kind=kind, vocabulary=400), length=48) for kind in ("bpe", "byte")]
    writer, other = (world.open([world])[0] for world in worlds)
    sent = writer.shape.codec.decode(writer.documents[:200])
    back = other.shape.codec.decode(other.shape.codec.encode(sent, 4000))
    assert [text.rstrip("\0") for text in back] == [text.rstrip("\0") for text in sent]
    assert 0 < sum(text.endswith("\0") for text in sent) < 200


def test_the_codec_is_no_part_of_what_a_shape_is():
    plain, other = DocumentShape("tokens", 300, 8), DocumentShape("tokens", 300, 8, CODECS["bpe", 300])
    assert plain == other
    assert hash(plain) == hash(other)
    assert "codec" not in repr(other)


SHAPE = DocumentShape("tokens", 257, 12, CODECS["byte", 257])


def rows(purpose, n):
    return Streams(0).rows(purpose, 1, n)


def test_documents_of_weight_0_are_not_looked_at():
    class Looks(Letters):
        def train(self, params, content, weight, rng):
            assert content.tolist() == [["ab\0", ""], ["", "c\0"]]
            return params

    fluent = in_tokens(Looks(), SHAPE)
    content = SHAPE.codec.encode(texts("ab\0", "", "", "c\0").reshape(2, 2), 12)
    content[0, 1] = content[1, 0] = -1
    fluent.train(fluent.init(2, SHAPE, rows("init", 2)), content, np.array([[1.0, 0.0], [0.0, 2.0]]), rows("train", 2))


class Echo(Letters):
    """Answers with the prompt three times over."""

    answers = True

    def answer(self, params, prompt_P, k, rng):
        said = texts(*[prompt * 3 + "\0" for prompt in prompt_P])
        return np.broadcast_to(said[None, :, None], (len(params["p"]), len(said), k))


def test_answers_are_cut_where_prompt_and_answer_fill_a_document():
    fluent = in_tokens(Echo(), SHAPE)
    prompts = SHAPE.codec.encode(texts("ab", "abcda", "abcdabcd"), 12)
    answers = fluent.answer(fluent.init(2, SHAPE, rows("init", 2)), prompts, 3, rows("answer", 2))
    assert answers.shape == (2, 3, 3, 12)
    assert SHAPE.codec.decode(answers)[1, :, 2].tolist() == ["ababab\0", "abcdaab\0", "abcd\0"]


def test_learners_that_read_tokens_are_left_alone():
    learner = Ngram()
    assert in_tokens(learner, SHAPE) is learner
    assert isinstance(in_tokens(Letters(), SHAPE), Translated)


def test_a_learner_that_reads_text_keeps_the_rules():
    check_learner(Letters())


class TwiceAsLikely(Letters):
    def log_prob(self, params, content):
        return super().log_prob(params, content) + np.log(2)


class FlattensInSecret(Letters):
    """Writes at a temperature that its probabilities know nothing of."""

    def sample(self, params, k, rng):
        p = params["p"] ** 0.5
        return super().sample({"p": p / p.sum(axis=1, keepdims=True)}, k, rng)


class NeverSaysItEnds(Letters):
    def sample(self, params, k, rng):
        written = super().sample(params, k, rng)
        return np.array([[text.rstrip("\0") + "d" * 9 for text in row] for row in written], object)


@pytest.mark.parametrize(
    "learner, says",
    [
        (TwiceAsLikely(), "add up to 1 at most|at least as often"),
        (FlattensInSecret(), "at least as often as log_prob says"),
        (NeverSaysItEnds(), "at least as often as log_prob says"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Learner) else "",
)
def test_a_text_learner_that_states_what_it_is_not_is_rejected(learner, says):
    with pytest.raises(CheckFailed, match=says):
        check_learner(learner)


def test_a_text_learner_needs_a_world_of_text(small_world):
    group = Group(name="talkers", count=2, learner=Letters())
    for world, what in ((small_world().world, "items"), (Murmur(), "tokens that stand for no text")):
        with pytest.raises(WorldError) as caught:
            Ecosystem(small_world(world=world, models=(group,), metrics=()))
        assert caught.value.lines == (f"models.talkers: a Letters reads text; this world writes {what}.",)


def test_text_learners_and_token_learners_share_a_web(tmp_path):
    (tmp_path / "words.txt").write_text("\n\n".join(f"{a * 2}{b} {c}" for a in "abcd" for b in "abcd" for c in "abcd"))
    spec = Scenario(
        world=Text(path=str(tmp_path / "words.txt"), tokenizer=Tokenizer(vocabulary=300), length=8),
        humans=(Community(rate=10),),
        models=(
            Group(name="letters", count=2, publish=20, read=30, learner=Letters()),
            Group(name="ngrams", count=2, publish=20, read=30, learner=Ngram()),
        ),
        graph=Graph(kind="complete"),
        steps=3,
        metrics=("human_divergence", "depth", "within_diversity"),
    )
    world = Ecosystem(spec, rng=1)
    for _ in range(3):
        world.step()
        assert np.isfinite(world.frame.agents["human_divergence"]).all()
    assert (world.frame.agents["depth"] > 0).all()
    published = world.corpus.documents(3)
    said = "".join(world.show(published.content[published.source < 2]))
    assert set("abcd") <= set(said) <= set("abcd \ufffd")
