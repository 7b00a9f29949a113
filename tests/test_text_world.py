"""The world of text: pieces, held-out texts, communities, one tokenizer, and what is known of human writing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agents.humans.text import Text
from agents.learners.ngram import Ngram
from ecosystem.errors import InputError
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.text.tokens import Tokenizer

WORDS = ["raven", "door", "night", "sea", "cloud", "bird", "shore", "chamber", "silken", "purple", "curtain", "lamp"]
AUTHORS = ("Poe", "Arnold", "Keats")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """60 different texts of three authors, of 5 to 64 words; each word tends to bring the next in the list."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(60):
        place = np.cumsum(rng.choice([1, 2, 5], 5 + i, p=[0.8, 0.1, 0.1])) % len(WORDS)
        rows.append({"text": f"{i}: " + " ".join(WORDS[p] for p in place), "author": AUTHORS[i % 3]})
    return written(tmp_path_factory.mktemp("library") / "texts.jsonl", rows)


def written(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def opened(path, *writes, **keys):
    world = Text(path=str(path), **keys)
    return world.open([Text.model_validate(world.model_dump() | change) for change in writes or ({},)])


def all_texts(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def joined(writer, documents):
    """The texts that pieces were cut from: a piece that fills its length is continued by the next."""
    whole, texts = b"", []
    for document in documents:
        whole += writer.raw(document)
        if document[-1] == 0:
            texts.append(whole.decode())
            whole = b""
    return texts


def test_pieces_of_a_text_are_consecutive_and_nothing_is_lost(library):
    (writer,) = opened(library, length=16, held_out=0.0)
    assert writer.documents.shape[1] == 16
    assert writer.held_out is None
    assert (writer.documents[:, 0] > 0).all()
    whole = b"".join(writer.raw(d) for d in writer.documents).decode()
    assert whole == "".join(row["text"] for row in all_texts(library))


def test_a_text_of_just_the_length_has_no_end_token(tmp_path):
    (tmp_path / "t.txt").write_text("abcd\n\nabcdef\n\nab")
    (writer,) = opened(tmp_path / "t.txt", length=4, held_out=0.0, tokenizer=Tokenizer(kind="byte"))
    assert [writer.raw(d) for d in writer.documents] == [b"abcd", b"abcd", b"ef", b"ab"]
    assert (writer.documents[:, 2:] == 0).any(axis=1).tolist() == [False, False, True, True]


def test_held_out_texts_are_whole_and_never_published(library):
    (writer,) = opened(library, length=512)
    kept_back, published = joined(writer, writer.held_out), joined(writer, writer.documents)
    assert len(kept_back) == 6
    assert not set(kept_back) & set(published)
    assert sorted(kept_back + published) == sorted(row["text"] for row in all_texts(library))


def test_held_out_texts_are_chosen_by_content_not_by_place(library, tmp_path):
    rows = all_texts(library)
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    file = written(tmp_path / "t.jsonl", [*shuffled, *shuffled[:20]])
    (one,), (two,) = opened(library, length=512), opened(file, length=512)
    assert set(joined(one, one.held_out)) == set(joined(two, two.held_out))
    assert not set(joined(two, two.held_out)) & set(joined(two, two.documents))


def test_a_text_that_one_community_holds_out_is_published_by_none(library):
    poe, everyone = opened(library, {"where": {"author": "Poe"}, "held_out": 0.5}, {}, length=512)
    secret = set(joined(poe, poe.held_out))
    assert len(secret) == 10
    assert not secret & set(joined(everyone, everyone.documents))


def test_communities_write_their_own_texts_with_one_tokenizer(library, tmp_path):
    (tmp_path / "other.txt").write_text("\n\n".join(f"zyzzyva zyzzyva {i}" for i in range(20)))
    poe, two, other = opened(
        library,
        {"where": {"author": "Poe"}},
        {"where": {"author": ["Arnold", "Keats"]}},
        {"path": str(tmp_path / "other.txt")},
        tokenizer=Tokenizer(vocabulary=400),
        length=256,
    )
    authors = {row["text"]: row["author"] for row in all_texts(library)}
    assert {authors[text] for text in joined(poe, poe.documents)} == {"Poe"}
    assert {authors[text] for text in joined(two, two.documents)} == {"Arnold", "Keats"}
    assert poe.shape == two.shape == other.shape
    assert poe.vocabulary is other.vocabulary
    zyzzyva = poe.vocabulary.pieces.index(b" zyzzyva")
    assert other.probabilities[zyzzyva] > 0 == poe.probabilities[zyzzyva]


def test_probabilities_are_frequencies_of_published_tokens_without_ends(library):
    (writer,) = opened(library, length=32)
    tokens = writer.documents[writer.documents > 0]
    np.testing.assert_allclose(writer.probabilities, np.bincount(tokens, minlength=writer.shape.size) / tokens.size)
    assert writer.probabilities[0] == 0


def test_human_text_is_likelier_under_the_human_model_than_shuffled_text(library):
    (writer,) = opened(library, length=32)
    shuffled = np.random.default_rng(0).permuted(writer.held_out, axis=1)
    shuffled = np.take_along_axis(shuffled, np.argsort(shuffled == 0, axis=1, kind="stable"), axis=1)
    assert np.isfinite(writer.log_prob(shuffled)).all()
    assert writer.log_prob(writer.held_out).sum() > writer.log_prob(shuffled).sum()


def test_opening_the_same_files_again_does_no_work_twice(library):
    one, two = opened(library, length=48), opened(library, length=48)
    assert one[0] is two[0]
    with pytest.raises(ValueError, match="read-only"):
        one[0].documents[0, 0] = 1


def test_a_community_that_others_leave_nothing_is_an_error(library):
    greedy = {"held_out": 0.99}
    (writer,) = opened(library, greedy, length=512)
    rest = written(library.with_name("rest.jsonl"), [{"text": text} for text in joined(writer, writer.held_out)])
    with pytest.raises(InputError, match=r"rest.jsonl: nothing is left to publish; another community"):
        opened(library, greedy, {"path": str(rest), "held_out": 0.0})


def scenario(path, **parts):
    given = dict(
        world=Text(path=str(path), length=32),
        humans=(Community(rate=30),),
        models=(Group(count=4, publish=10, read=40, learner=Ngram()),),
        graph=Graph(kind="ring", self_loops=True),
        steps=3,
        metrics=("human_divergence", "within_diversity", "support", "distinct_2", "reverse_cross_entropy"),
    )
    return Scenario(**(given | parts))


def test_models_of_text_run_in_a_world_and_lose_diversity_without_humans(library):
    fed, unfed = scenario(library), scenario(library, humans=(Community(rate=0),), steps=8)
    ends = []
    for spec in (fed, unfed):
        world = Ecosystem(spec)
        first = world.frame.values
        for _ in range(spec.steps):
            world.step()
        ends.append((first, world.frame.values))
        assert all(isinstance(text, str) for text in world.show(world.corpus.documents(world.t).content[:3]))
    (_, with_humans), (first, alone) = ends
    assert alone["human_divergence"] > first["human_divergence"]
    assert alone["human_divergence"] > with_humans["human_divergence"]


@pytest.mark.parametrize("name", ["shakespeare_speeches", "classic_books"])
def test_real_text_opens_and_comes_back(shared_data, name):
    path = shared_data / "text" / f"{name}.jsonl"
    (writer,) = opened(path, length=64, held_out=0.1)
    source = [row["text"] for row in all_texts(path)]
    assert writer.documents.shape[0] > 4000
    first = next(text for text in source if text in "".join(joined(writer, writer.documents[:200])))
    assert writer.show(writer.documents[:1])[0][:20] in first
    full = writer.held_out[(writer.held_out > 0).all(axis=1)][:200]
    assert writer.log_prob(full).mean() > writer.log_prob(full[:, ::-1]).mean()
