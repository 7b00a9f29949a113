"""Groups of transformers as learners: the contract, independence of one another, going on from where they stand."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners.transformer import Transformer
from ecosystem import machine
from ecosystem.checks import check_learner
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams

SHAPE = DocumentShape("tokens", 40, 12)
SMALL = {"layers": 1, "width": 16, "heads": 2, "epochs": 3}


def rows(purpose: str, n: int, step: int = 0):
    return Streams(5).rows(purpose, step, n)


def texts(n: int, b: int, seed: int = 0) -> np.ndarray:
    """(n, b, 12): tokens that count up by 1 or 2: something to learn."""
    rng = np.random.default_rng(seed)
    return (1 + (rng.integers(0, 39, (n, b, 1)) + rng.integers(1, 3, (n, b, 12)).cumsum(-1)) % 39).astype(np.int32)


def fitted(learner: Transformer, n: int = 3, b: int = 64):
    return learner.train(learner.init(n, SHAPE, rows("init", n)), texts(n, b), np.ones((n, b)), rows("train", n))


@pytest.mark.parametrize(
    "more",
    [{}, {"dropout": 0.2, "top_k": 5}, {"prompt": 2, "temperature": 0.7, "top_p": 0.9}, {"tied": False, "context": 20}],
    ids=["plain", "dropout and top-k", "prompted nucleus", "untied"],
)
def test_transformers_keep_the_contract(more):
    check_learner(Transformer(**SMALL, **more), SHAPE)


def test_a_model_in_a_tile_of_others_is_the_model_alone():
    """Sixteen models are two tiles; every one of them is what it is alone, to the stated tolerance in its loss."""
    learner, n = Transformer(**SMALL), 16
    together = fitted(learner, n)
    probe = texts(1, 50, seed=9)[0]
    score = learner.log_prob(together, probe)
    for i in (0, 7, 8, 15):
        of = np.array([i])
        fresh = learner.init(1, SHAPE, rows("init", n).take(of))
        alone = learner.train(fresh, texts(n, 64)[of], np.ones((1, 64)), rows("train", n).take(of))
        np.testing.assert_allclose(learner.log_prob(alone, probe)[0], score[i], rtol=learner.row_tolerance)


def test_the_number_of_threads_changes_nothing():
    learner, probe = Transformer(**SMALL), texts(1, 20, seed=9)[0]
    one = fitted(learner, 20)
    before = machine.here()
    try:
        machine.use(machine.Machine(threads=3))
        other = fitted(learner, 20)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
        np.testing.assert_array_equal(learner.log_prob(one, probe), learner.log_prob(other, probe))
    finally:
        machine.use(before)


def test_it_learns_what_follows_what():
    learner = Transformer(**SMALL | {"epochs": 40, "width": 32})
    held_out = texts(1, 50, seed=9)[0]
    params = fitted(learner, 1, 120)
    nats = -learner.log_prob(params, held_out).mean() / 12
    assert nats < np.log(39) * (1 + 11 * 0.5) / 12  # the first token is anyone's guess, the others one of two
    written = learner.sample(params, 50, rows("sample", 1))[0]
    right = np.isin((written[:, 1:] - written[:, :-1]) % 39, (1, 2))
    assert right.mean() > 0.5  # by chance 2 in 39


def test_going_on_is_one_fit_in_two_parts():
    """Constant learning rate, one epoch and then another: the optimiser goes on as if it had never stopped."""
    regime = SMALL | {"schedule": "constant", "warmup": 0.0, "epochs": 1, "batch": 64}
    content, weight = texts(2, 64), np.ones((2, 64))
    learner = Transformer(**regime)
    first = learner.train(learner.init(2, SHAPE, rows("init", 2)), content, weight, rows("train", 2))
    second = learner.train(first, content, weight, rows("train", 2, step=1))
    whole = Transformer(**regime | {"epochs": 2})
    at_once = whole.train(whole.init(2, SHAPE, rows("init", 2)), content, weight, rows("train", 2))
    assert second["updates"].tolist() == at_once["updates"].tolist() == [2, 2]
    for name in ("weights", "first", "second"):  # one minibatch holds all, whatever its order
        np.testing.assert_allclose(second[name], at_once[name], rtol=1e-3, atol=2e-5)
    forgetful = learner.train(first | {"first": 0 * first["first"]}, content, weight, rows("train", 2, step=1))
    assert np.abs(forgetful["weights"] - at_once["weights"]).max() > 1e-4


def test_answers_go_on_from_prompts_of_any_length():
    learner, params = Transformer(**SMALL), fitted(Transformer(**SMALL | {"epochs": 30}))
    prompt = np.zeros((3, 12), np.int32)
    prompt[0, :1], prompt[1, :3], prompt[2, :2] = [7], [7, 8, 9], [30, 31]
    answers = learner.answer(params, prompt, 4, rows("prompts", 3))
    assert answers.shape == (3, 3, 4, 12)
    for place, given in enumerate((1, 3, 2)):
        assert (answers[:, place, :, 12 - given :] == 0).all()
        assert answers[:, place, :, 0].max() < 40
    follow = (answers[:, 1, :, 0] - 9) % 39
    assert np.isin(follow, (1, 2)).mean() > 0.2


def test_prompts_are_openings_of_what_was_read():
    learner = Transformer(**SMALL, prompt=3)
    content = texts(2, 30)
    weight = np.ones((2, 30))
    weight[:, 10:] = 0
    params = learner.train(learner.init(2, SHAPE, rows("init", 2)), content, weight, rows("train", 2))
    written = learner.sample(params, 40, rows("sample", 2))
    for i in range(2):
        known = {tuple(opening) for opening in content[i, :10, :3].tolist()}
        assert {tuple(opening) for opening in written[i, :, :3].tolist()} <= known
        assert len({tuple(document) for document in written[i].tolist()}) > 5


def test_a_group_starts_alike_where_it_is_told_to():
    alike = Transformer(**SMALL, same_start=True).init(3, SHAPE, rows("init", 3))["weights"]
    assert (alike == alike[0]).all()
    own = Transformer(**SMALL).init(3, SHAPE, rows("init", 3))["weights"]
    assert not np.array_equal(own[0], own[1])


@pytest.mark.parametrize(
    ("wrong", "says"), [({"width": 30, "heads": 4}, "multiple of heads"), ({"beams": 4, "top_k": 5}, "beams")]
)
def test_sizes_that_do_not_go_together_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Transformer(**wrong)


def test_a_context_shorter_than_a_document_is_refused():
    with pytest.raises(InputError, match="context: must hold a document of 12 tokens; got 8"):
        Transformer(**SMALL, context=8).memory(1, SHAPE, 10)


def test_a_mixed_web_of_ngrams_and_transformers(tmp_path):
    """Two groups of different sizes beside n-grams on one web; groups do not change one another's numbers."""
    from ecosystem.model import Ecosystem

    def world(*groups: str) -> Ecosystem:
        learners = {
            "grams": "{name: grams, count: 3, publish: 8, read: 16, learner: {kind: ngram}}",
            "small": "{name: small, count: 2, publish: 8, read: 16, learner: {kind: transformer, width: 16, heads: 2}}",
            "large": "{name: large, count: 1, publish: 8, read: 16, learner: {kind: transformer, width: 32, heads: 2}}",
        }
        path = tmp_path / "mixed.yaml"
        path.write_text(
            "steps: 2\nmetrics: [human_divergence, within_diversity]\n"
            "world: {kind: text, length: 12}\nhumans: [{name: people, rate: 10}]\nmeasure: {documents: 8}\n"
            f"models: [{', '.join(learners[g] for g in groups)}]\ngraph: {{kind: isolated, self_loops: true}}\n"
        )
        return Ecosystem(Scenario.from_file(path))

    both, alone = world("grams", "small", "large"), world("small")
    for _ in range(2):
        both.step()
        alone.step()
    assert np.isfinite(both.frame.agents["human_divergence"]).all()
    np.testing.assert_allclose(
        both.frame.agents["human_divergence"][3:5], alone.frame.agents["human_divergence"], rtol=0.02
    )
