"""Prompts: openings that people share, answers of models, how alike they are, and what is recorded and shown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from agents.humans.text import Text
from agents.learners.ngram import Ngram
from ecosystem.errors import InputError
from ecosystem.measuring import Measuring, Prompts
from ecosystem.metrics import MetricError
from ecosystem.metrics.prompts import answer_repetition, answer_similarity, human_answer_similarity
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Group, Scenario
from ecosystem.text import likeness, prompts
from tests.test_ngram import LENGTH, RULES, STREAMS, Dictionary, V, diets, fitted, uneven

ENDS = ["came home", "saw the sea", "sang of stars", "slept well", "went away", "read a book", "lost a key", "fell ill"]
WHO = ["The old man", "The old king", "A young fox", "Her brother"]
FLOAT32 = 2.0**-23


@pytest.fixture(scope="module")
def tales(tmp_path_factory):
    """Texts of three sentences; 'The old man' begins 24, 'A young fox' 16, 'Her brother' 12, 'The old king' 12."""
    rng, rows = np.random.default_rng(1), []
    for i in range(64):
        who = WHO[0 if i < 24 else 2 if i < 40 else 3 if i < 52 else 1]
        rest = [f"it {ENDS[j]} on day {i}" for j in rng.integers(len(ENDS), size=2)]
        end = f"{ENDS[i % len(ENDS)]} with {i} friends and {i * i} coins in the night. "
        rows.append({"text": f"{rest[0]}. {who} {end}{rest[1]}."})
    path = tmp_path_factory.mktemp("tales") / "tales.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def world_of(path, **more) -> Text:
    return Text(**({"path": str(path), "length": 96, "held_out": 0.1, "tokenizer": {"kind": "byte"}} | more))


def asked_of(path, rule, **more) -> prompts.Asked:
    world = world_of(path, **more)
    return prompts.opened(rule, world.open([world]))


def scenario(path, **more) -> Scenario:
    given = dict(
        world=world_of(path), humans=(Community(rate=20),), steps=4, metrics=ANSWERED,
        models=(
            Group(name="three", count=3, publish=8, read=20, learner=Ngram()),
            Group(name="two", count=2, publish=8, read=20, learner=Ngram(order=5)),
        ),
        measure=Measuring(documents=8, prompts=Prompts(count=3, words=3, answers=3, every=2)),
    )  # fmt: skip
    return Scenario(**(given | more))


ANSWERED = ("answer_repetition", "answer_similarity", "human_answer_similarity")


@pytest.fixture(scope="module")
def world(tales):
    return Ecosystem(scenario(tales), rng=5)


def test_prompts_are_the_most_frequent_openings_of_sentences(tales):
    found = asked_of(tales, Prompts(words=3, answers=3))
    assert found.texts == ("The old man", "A young fox")  # Her brother has two words, The old king differs at the end
    assert asked_of(tales, Prompts(words=2, answers=3)).texts == ("The old", "A young", "Her brother")
    assert asked_of(tales, Prompts(words=2, count=1)).texts == ("The old",)
    assert asked_of(tales, Prompts(words=3, answers=17)).texts == ("The old man",)


def test_an_opening_stands_at_the_beginning_of_a_sentence_and_holds_words_only(tmp_path):
    rest = " and so on it went for the whole of that long day"
    texts = [
        f"{start} {n}{rest}."
        for n in ("one", "two", "six", "ten")
        for start in (
            "Once upon", "he said no. Then came", "at 1.5 Meters long", "Mr. 7 Up", "we all sing", "Why not? She did",
            "Line\nBreak it", "\u00c9mile \u00e9tait",
        )
    ]  # fmt: skip
    (tmp_path / "t.txt").write_text("\n\n".join(texts))
    found = asked_of(tmp_path / "t.txt", Prompts(words=2, answers=4), length=80, held_out=0.0)
    assert set(found.texts) == {"Once upon", "Then came", "She did", "Break it", "\u00c9mile \u00e9tait"}
    for tokens, text in zip(found.tokens_PL, found.texts, strict=True):
        assert bytes(t - 1 for t in tokens if t).decode() == text


def test_people_went_on_from_the_prompts_they_are_said_to_have_answered(tales):
    rule = Prompts(words=2, answers=3)
    for keys in ({}, {"tokenizer": {"kind": "bpe", "vocabulary": 320}, "length": 64}):
        world = world_of(tales, **keys)
        (writer,) = world.open([world])
        found = prompts.opened(rule, [writer])
        whole = [writer.raw(document).decode() for document in np.concatenate([writer.documents, writer.held_out])]
        for text, people_HA in zip(found.texts, found.people, strict=True):
            assert len(people_HA) >= 3
            assert len({row.tobytes() for row in people_HA}) == len(people_HA)
            assert people_HA.shape[1] == found.length == writer.shape.length // 2
            for answer in people_HA:
                said = writer.raw(answer).decode()
                assert any(text + said in document for document in whole)
                assert (answer > 0).all() or any(document.endswith(text + said) for document in whole)


def test_prompts_do_not_depend_on_the_seed_and_copies_count_once(tales, tmp_path):
    one, two = (Ecosystem(scenario(tales, steps=0), rng=seed) for seed in (1, 2))
    assert one.asked is two.asked
    rows = tales.read_text().splitlines()
    (tmp_path / "twice.jsonl").write_text("\n".join(rows + rows[::-1]))
    again = asked_of(tmp_path / "twice.jsonl", Prompts(words=3, answers=3))
    once = asked_of(tales, Prompts(words=3, answers=3))
    assert again.texts == once.texts
    for mine, other in zip(again.people, once.people, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_prompts_of_a_file_are_its_lines(tales, tmp_path):
    (tmp_path / "p.txt").write_text("Write about time.\n\n  Tell a joke. \nTell a joke.\nWhy?\n")
    found = asked_of(tales, Prompts(path=str(tmp_path / "p.txt"), count=2))
    assert found.texts == ("Write about time.", "Tell a joke.")
    assert bytes(t - 1 for t in found.tokens_PL[1] if t) == b"Tell a joke."
    assert not found.shared
    assert found.people[0].shape[1] == 48
    (tmp_path / "p.jsonl").write_text('{"text": "Why?", "id": 1}\n{"text": "How?"}\n')
    assert asked_of(tales, Prompts(path=str(tmp_path / "p.jsonl"))).texts == ("Why?", "How?")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "p.txt: holds no text; at least one line"),
        ("x" * 49, r"'x+' takes more than half of a document, 96 tokens; shorten it or raise world\.length"),
        (None, r"p\.txt: no such file or folder"),
    ],
)
def test_prompts_that_cannot_be_asked_are_one_clear_line(tales, tmp_path, content, says):
    if content is not None:
        (tmp_path / "p.txt").write_text(content)
    with pytest.raises(InputError, match=says):
        asked_of(tales, Prompts(path=str(tmp_path / "p.txt")))


def test_a_corpus_that_shares_no_opening_says_what_to_lower(tales):
    with pytest.raises(InputError, match=r"no opening of 9 words is shared by 4 human documents; ask for fewer words"):
        asked_of(tales, Prompts(words=9))


def draws(n):
    return STREAMS.rows("answer", 3, n)


PROMPT_PL = np.array([[2, 4, 0, 0, 0, 0], [0] * 6, [5, 5, 5, 5, 5, 0], [3, 0, 0, 0, 0, 0]], np.int32)
assert PROMPT_PL.shape[1] == LENGTH


def answered(model: Dictionary, prompt: list[int], k: int, numbers: np.ndarray) -> np.ndarray:
    """k answers of a dictionary of counts that goes on from a prompt, on given numbers (k, L, 2)."""
    out = np.zeros((k, LENGTH), np.int32)
    for d in range(k):
        past = [V] * model.rule.order + prompt
        for t in range(len(prompt), LENGTH):
            out[d, t - len(prompt)] = model.next(past, *numbers[d, t])
            past.append(int(out[d, t - len(prompt)]))
            if past[-1] == 0:
                break
    return out


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_an_n_gram_model_answers_as_a_dictionary_of_counts_does_on_the_same_numbers(rule):
    n, b, k = 3, 12, 20
    content, weight = diets(n, b), uneven(n, b)
    found = rule.answer(fitted(rule, content, weight), PROMPT_PL, k, draws(n))
    assert found.shape == (n, len(PROMPT_PL), k, LENGTH)
    rng = draws(n)
    for p, row in enumerate(PROMPT_PL.tolist()):
        numbers, prompt = rng.uniform(k, LENGTH, 2), row[: row.index(0)]
        for i in range(n):
            wanted = answered(Dictionary(rule, content[i], weight[i]), prompt, k, numbers[i])
            np.testing.assert_array_equal(found[i, p], wanted)


def test_a_prompt_of_no_tokens_is_answered_with_a_document():
    rule, params = Ngram(), fitted(Ngram(), diets(2, 12))
    np.testing.assert_array_equal(
        rule.answer(params, PROMPT_PL[1:2], 9, draws(2))[:, 0], rule.sample(params, 9, draws(2))
    )


def test_answers_are_an_agents_own_and_fewer_are_the_first_of_more():
    rule, content = Ngram(order=4, temperature=0.8), diets(5, 12)
    params, rows = fitted(rule, content), np.array([4, 1])
    whole = rule.answer(params, PROMPT_PL, 6, draws(5))
    alone = rule.answer({k: v[rows] for k, v in params.items()}, PROMPT_PL, 6, draws(5).take(rows))
    np.testing.assert_array_equal(alone, whole[rows])
    np.testing.assert_array_equal(rule.answer(params, PROMPT_PL[:2], 3, draws(5)), whole[:, :2, :3])
    assert (whole[0] != whole[1]).any()
    assert rule.answer(params, PROMPT_PL[:0], 3, draws(5)).shape == (5, 0, 3, LENGTH)


def test_an_answer_knows_its_prompt():
    """Token 2 is always followed by 3, token 4 by 5: what comes first follows from the prompt's last token."""
    content = np.array([[[2, 3, 0, 0, 0, 0], [4, 5, 0, 0, 0, 0]]], np.int32)
    rule = Ngram(order=2, backoff=0.0, smoothing=0.0)
    asked = np.array([[2, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0]], np.int32)
    found = rule.answer(fitted(rule, content), asked, 50, draws(1))[0]
    assert (found[0, :, 0] == 3).all()
    assert (found[1, :, 0] == 5).all()
    assert (found[:, :, 1:] == 0).all()


def cosines(world, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, b = (world.encoder.encode(world.show(rows)).astype(float) for rows in (one, other))
    return a @ b.T


def test_likeness_is_the_mean_over_pairs_of_answers_to_the_same_prompt(world):
    answers = world.readout.answers[..., : world.asked.length]
    n, many, k, _ = answers.shape
    assert (n, many, k) == (5, 2, 3)
    within, between = np.zeros((n, many)), np.zeros((n, n, many))
    for p in range(many):
        for i in range(n):
            for j in range(n):
                pairs = cosines(world, answers[i, p], answers[j, p])
                between[i, j, p] = pairs.mean()
            within[i, p] = (cosines(world, answers[i, p], answers[i, p]).sum() - k) / (k * (k - 1))
    tolerance = 4096 * FLOAT32  # sums of so many numbers
    np.testing.assert_allclose(answer_repetition(world), within.mean(axis=1), atol=tolerance)
    others = [[between[i, j].mean() for j in range(n) if j != i] for i in range(n)]
    np.testing.assert_allclose(answer_similarity(world), np.mean(others, axis=1), atol=tolerance)
    people = []
    for rows in world.asked.people:
        pairs = cosines(world, rows, rows)
        people.append(pairs[~np.eye(len(rows), dtype=bool)].mean())
    assert human_answer_similarity(world) == pytest.approx(np.mean(people), abs=tolerance)


def answering(world, answers: np.ndarray):
    """The world, as if its models had answered this."""
    readout = type("Readout", (), {})()
    readout.answers, readout.asked = answers, world.asked
    return SimpleNamespace(
        n=len(answers), readout=readout, asked=world.asked, encoder=world.encoder, show=world.show, shape=world.shape
    )


def test_the_size_of_blocks_does_not_matter(world, monkeypatch):
    whole = answer_repetition(world), answer_similarity(world)
    monkeypatch.setattr(likeness, "TEXTS", 1)
    other = answering(world, world.readout.answers)
    np.testing.assert_allclose(answer_repetition(other), whole[0], rtol=1e-12)
    np.testing.assert_allclose(answer_similarity(other), whole[1], rtol=1e-12)


def test_models_in_another_order_and_answers_in_another_order_are_as_alike(world):
    answers, order = world.readout.answers, [3, 1, 4, 0, 2]
    other = answering(world, answers[order][:, ::-1, [2, 0, 1]])
    np.testing.assert_allclose(answer_repetition(other), answer_repetition(world)[order], atol=1e-12)
    np.testing.assert_allclose(answer_similarity(other), answer_similarity(world)[order], atol=1e-12)


def test_one_answer_for_all_is_likeness_one_and_one_for_each_model_is_repetition_alone(world):
    """What a hivemind, and models each with a phrase of its own, must look like."""
    answers = world.readout.answers
    same = np.broadcast_to(answers[:1, :, :1], answers.shape)
    np.testing.assert_allclose(answer_repetition(answering(world, same)), 1, atol=4096 * FLOAT32)
    np.testing.assert_allclose(answer_similarity(answering(world, same)), 1, atol=4096 * FLOAT32)
    own = np.broadcast_to(answers[:, :, :1], answers.shape)
    np.testing.assert_allclose(answer_repetition(answering(world, own)), 1, atol=4096 * FLOAT32)
    assert (answer_similarity(answering(world, own)) < 0.8).all()
    alone = answering(world, answers[:1])
    assert np.isnan(answer_similarity(alone)).all()


def test_what_comes_after_the_tokens_compared_does_not_matter(world):
    changed = world.readout.answers.copy()
    changed[..., world.asked.length :] = 66
    np.testing.assert_array_equal(answer_repetition(answering(world, changed)), answer_repetition(world))


def test_a_web_that_reads_one_document_becomes_a_hivemind(tales, tmp_path):
    (tmp_path / "one.txt").write_text("\n\n".join(["The old man came home to the sea and sang."] * 3))
    rule = Prompts(path=str(tmp_path / "p.txt"), answers=3, every=1)
    (tmp_path / "p.txt").write_text("The old man\nThe old")
    world = world_of(tmp_path / "one.txt", held_out=0.0)
    plain = Ngram(order=8, smoothing=0.0, backoff=0.0)
    spec = scenario(
        tales, world=world, steps=0, models=(Group(count=3, read=5, learner=plain),),
        measure=Measuring(documents=8, prompts=rule),
    )  # fmt: skip
    values = Ecosystem(spec).frame.values
    assert values["answer_repetition"] == pytest.approx(1, abs=4096 * FLOAT32)
    assert values["answer_similarity"] == pytest.approx(1, abs=4096 * FLOAT32)


def test_prompts_are_asked_at_some_steps_and_always_at_the_first_and_last(tales):
    spec = scenario(tales, steps=5)
    asked, people = [], []
    for seed in (0, 1):
        world = Ecosystem(spec, rng=seed)
        for step in range(6):
            values = world.frame.values
            known = np.isfinite(values["answer_repetition"])
            assert known == (world.frame.answers is not None) == np.isfinite(values["human_answer_similarity"])
            if known:
                asked.append(step)
                people.append(values["human_answer_similarity"])
                assert values["answer_similarity"] == np.mean(world.frame.agents["answer_similarity"])
            if step < 5:
                world.step()
    assert asked == [0, 2, 4, 5] * 2
    assert len(set(people)) == 1


def test_being_asked_changes_no_model(tales):
    asked = scenario(tales, metrics=("within_diversity",))
    quiet = asked.with_({"measure.prompts": None})
    ends = []
    for spec in (asked, quiet):
        world = Ecosystem(spec)
        for _ in range(spec.steps):
            world.step()
        ends.append(world.corpus.documents(world.t).content)
    np.testing.assert_array_equal(*ends)


def test_without_prompts_the_measures_say_what_to_add(tales):
    bare = Ecosystem(scenario(tales, metrics=(), measure=Measuring(), steps=0))
    with pytest.raises(MetricError, match=r"answer_similarity: no prompts are asked; add measure: \{prompts: "):
        answer_similarity(bare)
    with pytest.raises(InputError, match="'answer_repetition' needs prompts; add measure"):
        Ecosystem(scenario(tales, measure=Measuring(), steps=0))


def test_models_and_worlds_that_cannot_be_asked_are_named(tales, small_world):
    rule = Measuring(prompts=Prompts())
    with pytest.raises(InputError, match=r"measure\.prompts: goes with worlds that write text; .* writes items"):
        Ecosystem(small_world(measure=rule))
    group = Group(name="mute", count=1, learner=Mute())
    with pytest.raises(InputError, match=r"measure\.prompts: models\.mute: a Mute does not answer prompts"):
        Ecosystem(scenario(tales, models=(group,)))


class Mute(Ngram):
    answers = False


def test_people_are_less_alike_than_a_model_that_repeats_itself_on_real_text(shared_data):
    """The measures say what they should where the truth is known: sharp models of little text repeat themselves."""
    world = Text(path=str(shared_data / "text" / "shakespeare_speeches.jsonl"), length=48)
    groups = (
        Group(name="free", count=3, read=400, learner=Ngram()),
        Group(name="sharp", count=3, read=400, learner=Ngram(temperature=0.1)),
    )
    rule = Measuring(documents=8, prompts=Prompts(count=10))
    made = Ecosystem(Scenario(world=world, models=groups, steps=0, metrics=ANSWERED, measure=rule))
    repetition, people = made.frame.agents["answer_repetition"], made.frame.values["human_answer_similarity"]
    assert len(made.asked.texts) == 10
    assert people < 0.1
    assert (repetition[3:] > 3 * people).all()
    assert repetition[3:].min() > repetition[:3].max()
