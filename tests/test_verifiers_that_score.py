"""Verifiers that score documents: what passes is what the score says, exactly or within chance.

Statistical comparisons have the false-alarm rate of tests/chance.py and show that a wrong figure is rejected by them.
"""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.zipf import Zipf
from agents.kernels.ranking import by_weight, top_share
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.kde import Kde
from agents.learners.ngram import Ngram
from agents.learners.transformer import Transformer
from agents.verifiers.likelihood import Likelihood
from agents.verifiers.self import SelfCheck
from agents.verifiers.surprise import Surprise
from ecosystem import Ecosystem, Scenario
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.files import json_schema, scenario_file
from ecosystem.interfaces import Learner
from ecosystem.scenario import Community, Graph, Group
from ecosystem.streams import Streams
from tests.chance import mean_is
from tests.sights import ITEMS, Sight, submitted

# the best share, and weights


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.35, 0.5, 2 / 3, 1.0])
def test_the_best_share_is_the_share_in_every_queue_whatever_ties(keep):
    rng = np.random.default_rng(1)
    score, queue = rng.integers(0, 6, 300).astype(float), rng.integers(0, 7, 300)
    score[rng.random(300) < 0.1] = -np.inf
    p = top_share(score, queue, keep)
    for q in range(7):
        own, given = score[queue == q], p[queue == q]
        assert given.sum() == pytest.approx(keep * len(own))
        for higher, lower in ((a, b) for a in range(len(own)) for b in range(len(own)) if own[a] > own[b]):
            assert given[higher] >= given[lower]
            assert given[higher] == 1 or given[lower] == 0  # nobody passes by chance before who is better
        assert all(len(set(given[own == s])) == 1 for s in set(own))  # alike are treated alike


def test_weights_are_relative_to_the_best_of_a_queue():
    score = np.array([*np.log([0.5, 0.25, 0.25, 0.1]), -np.inf])
    queue = np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(by_weight(score, queue, 2.0), [1, 0.25, 1, 0.16, 0])
    np.testing.assert_array_equal(by_weight(np.full(3, -np.inf), np.zeros(3, int), 1.0), 1.0)
    np.testing.assert_array_equal(by_weight(np.array([np.inf, 1.0]), np.zeros(2, int), 1.0), [1, 0])


def test_a_queue_does_not_depend_on_who_else_queues():
    rng = np.random.default_rng(2)
    score, queue = rng.normal(size=60), np.repeat(np.arange(6), 10)
    for passed in (lambda s, q: top_share(s, q, 0.33), lambda s, q: by_weight(s, q, 0.7)):
        alone = passed(score[queue == 3], queue[queue == 3])
        np.testing.assert_array_equal(passed(score, queue)[queue == 3], alone)
        mixed = rng.permutation(60)
        np.testing.assert_array_equal(passed(score[mixed], queue[mixed]), passed(score, queue)[mixed])


# likelihood


def test_a_reference_scores_each_document_once_however_many_read_it():
    counted = []

    class Counting(Categorical):
        def log_prob(self, params, content):
            counted.append(len(content))
            return super().log_prob(params, content)

    verifier, sight = Likelihood(reference=Counting(smoothing=0.1), judges="readings"), Sight()
    state = verifier.open(sight)
    number = np.random.default_rng(0).integers(100, 130, 900)
    content = (number % 50).astype(np.int32)
    seen = submitted(content, number, reader=np.repeat(np.arange(9), 100))
    scores = verifier.scores(state, seen, sight)
    assert counted == [len(set(number))]
    np.testing.assert_array_equal(scores, Categorical(smoothing=0.1).log_prob(state, content)[0])


def test_readings_are_accepted_in_proportion_to_a_power_of_the_references_probability():
    """Law 6: accepting by p^s makes p^(1 + s) of p; with the wrong power the same comparison fails."""
    p = np.arange(1, 21) ** -1.0
    p /= p.sum()
    wanted = (p**1.5 / (p**1.5).sum())[0]
    reference = Categorical(smoothing=1e-6)
    guard = Likelihood(
        reference=reference, documents=400_000, by="weight", strength=0.5, judges="readings", name="guard"
    )
    group = Group(name="models", count=60, publish=0, read=100, learner=Categorical())
    read = []
    for seed in range(8):
        world = Ecosystem(
            Scenario(
                world=Zipf(items=20), humans=(Community(rate=4000),), models=(group,), verifiers=(guard,), steps=1,
                graph=Graph(kind="isolated"), metrics=("within_diversity",),
            ),
            rng=seed,
        )  # fmt: skip
        world.step()
        diet = world.populations[0].params["item"]
        on_the_web = np.bincount(world.corpus.documents(1).content, minlength=20) / 4000
        tilted = on_the_web * p**0.5  # the web is a sample itself: exact given the web
        read.append((diet == 0).mean(axis=1) - tilted[0] / tilted.sum() + wanted)
    share = np.concatenate(read)
    assert mean_is(share, wanted)
    assert not mean_is(share, (p**1.4 / (p**1.4).sum())[0])


def test_a_local_reference_refuses_what_its_community_does_not_write():
    near, far = (
        Community(name="near", rate=50, writes={"span": 20}),
        Community(name="far", rate=50, writes={"first": 20}),
    )
    group = Group(name="models", count=4, publish=0, read=50, learner=Categorical())

    def far_share(community: str | None) -> float:
        guard = Likelihood(reference=Categorical(smoothing=0.1), community=community, keep=0.5)
        spec = Scenario(
            world=Zipf(items=40), humans=(near, far), models=(group,), verifiers=(guard,), steps=1,
            graph=Graph(kind="isolated"), metrics=("within_diversity",),
        )  # fmt: skip
        world = Ecosystem(spec)
        world.step()
        return float((world.populations[0].params["item"] >= 20).mean())

    assert far_share("near") == 0.0
    assert far_share("far") == 1.0
    assert 0.2 < far_share(None) < 0.8


def test_texts_are_scored_by_the_token():
    """By the likelihood of whole texts a short one of unlikely tokens would pass before a long one of likely ones."""
    shape = DocumentShape("tokens", 5, 10)
    read = np.array([[1, 2, 3, 1, 2, 3, 1, 2, 3, 0], [1, 2, 3, 1, 2, 3, 1, 2, 4, 0]], np.int32)[None]
    learner = Ngram(order=1)
    state = learner.train(learner.init(1, shape, Streams(0).rows("x", 0, 1)), read, np.ones((1, 2)), None)
    seen = submitted(np.array([[4, *[0] * 9], read[0, 0], [1] * 10], np.int32))
    whole = learner.log_prob(state, seen.content)[0]
    short, long, cut = Likelihood(reference=learner).scores(state, seen, Sight(shape))
    assert whole[0] > whole[1]
    assert long > short
    np.testing.assert_allclose([short, long, cut], whole / [2, 10, 10])


def test_a_reference_is_fitted_anew_on_schedule_on_fresh_writing():
    group = Group(name="models", count=2, publish=5, read=5, learner=Categorical())
    guard = Likelihood(reference=Categorical(smoothing=1.0), documents=30, every=3)
    world = Ecosystem(
        Scenario(world=Zipf(items=30), models=(group,), verifiers=(guard,), steps=6, metrics=("within_diversity",))
    )
    kept = [world.gates.desks["verifier"].state["mass"]]
    for _ in range(6):
        world.step()
        kept.append(world.gates.desks["verifier"].state["mass"])
    assert [i for i in range(1, 7) if not np.array_equal(kept[i], kept[i - 1])] == [3, 6]


# what readers and authors find likely themselves


def models(learner: Learner, content: np.ndarray, shape: DocumentShape = ITEMS):
    """Ten models that have read these documents (10, b)."""
    rng = Streams(0).rows("models", 0, 10)
    return Sight(shape, learner, learner.train(learner.init(10, shape, rng), content, np.ones(content.shape[:2]), rng))


def test_surprise_keeps_what_the_reader_itself_finds_least_likely():
    rng = np.random.default_rng(3)
    sight = models(Categorical(), np.sort(rng.zipf(2.0, (10, 40)).clip(max=9), axis=1).astype(np.int32))
    seen = submitted(rng.integers(0, 12, 80).astype(np.int32), reader=np.repeat([4, 7], 40), source=np.zeros(80))
    p = Surprise(keep=0.25).accepts({}, seen, sight)
    nats = sight.log_likelihood(seen.reader, seen.content)
    for reader in (4, 7):
        own = seen.reader == reader
        np.testing.assert_array_equal(p[own], top_share(-nats[own], np.zeros(40), 0.25))
        assert p[own].sum() == pytest.approx(10)
    impossible = np.isneginf(nats)
    assert impossible.any()
    assert (p[impossible].min() > 0) or p[impossible].sum() == pytest.approx(20)
    assert p[impossible].max() >= p[~impossible].max()


def test_a_self_check_before_publishing_asks_the_author_and_passes_people():
    content = np.repeat(np.arange(10)[:, None], 5, axis=1).astype(np.int32)
    content[:, 0] = 40  # each writes its own item, and sometimes 40
    sight = models(Categorical(), content)
    seen = submitted(np.array([3, 40, 3, 4, 40, 7, 8], np.int32), source=[3, 3, 3, 4, 4, 10, 11])
    p = SelfCheck(by="weight", strength=1.0).accepts({}, seen, sight)
    np.testing.assert_allclose(p, [1, 0.25, 1, 1, 0.25, 1, 1])


def test_a_model_that_has_narrowed_to_a_rare_item_passes_its_own_check_and_not_that_of_a_reference():
    """The check a model can fake, measured: share of what is written that is let through."""
    rng = np.random.default_rng(4)
    human = Sight().human_writing(2000).reshape(10, 200)
    plain, narrow = models(Categorical(), human), models(Categorical(), np.full((10, 200), 45, np.int32))
    own, outside = SelfCheck(by="weight"), Likelihood(reference=Categorical(smoothing=0.1), by="weight")
    state = outside.open(plain)
    passed = {}
    for name, sight in (("plain", plain), ("narrow", narrow)):
        written = np.array([rng.choice(row, 100) for row in sight.params["item"]]).astype(np.int32)
        both = np.concatenate([written.ravel(), human[:, :100].ravel()])  # people's writing stands beside it
        source = np.concatenate([np.repeat(np.arange(10), 100), np.full(1000, 10)])
        seen = submitted(both, source=source)
        passed[name] = [v.accepts(s, seen, sight)[:1000].mean() for v, s in ((own, {}), (outside, state))]
    assert passed["narrow"][0] == 1.0  # fooled
    assert passed["narrow"][0] > 2 * passed["plain"][0]
    assert passed["narrow"][1] < 0.2 * passed["plain"][1]  # not fooled


@pytest.mark.parametrize("verifier", [Surprise(keep=0.3), SelfCheck(keep=0.3), SelfCheck(by="weight")], ids=repr)
def test_a_newcomer_changes_nobodys_verdicts(verifier):
    def diets(count: int) -> np.ndarray:
        group = Group(name="models", count=count, publish=20, read=30, learner=Categorical())
        spec = Scenario(
            world=Zipf(items=40), humans=(Community(rate=30),), models=(group,), verifiers=(verifier,), steps=2,
            graph=Graph(kind="isolated", self_loops=True), metrics=("within_diversity",),
        )  # fmt: skip
        world = Ecosystem(spec)
        world.step()
        world.step()
        return world.populations[0].params["item"][:4]

    np.testing.assert_array_equal(diets(5), diets(4))


# likelihood of each model's own documents


def _trained(learner: Learner, shape: DocumentShape, read: np.ndarray):
    n = len(read)
    rng = Streams(0).rows("own", 0, n)
    return learner.train(learner.init(n, shape, rng), read, np.ones(read.shape[:2]), rng)


@pytest.mark.parametrize(
    "learner",
    [
        Categorical(),
        Categorical(smoothing=0.5),
        Categorical(temperature=0.7),
        Gaussian(),
        Kde(),
        Ngram(order=2),
        Transformer(layers=1, width=16, heads=2, updates=3),
    ],
    ids=repr,
)
def test_the_likelihood_of_ones_own_documents_is_that_of_the_loop_over_models(learner):
    rng = np.random.default_rng(7)
    if "items" in learner.reads:
        shape, read, asked = ITEMS, rng.integers(0, 40, (6, 30)), rng.integers(0, 50, (6, 9))
    elif "vectors" in learner.reads:
        shape, read, asked = DocumentShape("vectors", 3), rng.normal(size=(6, 30, 3)), rng.normal(size=(6, 9, 3))
    else:
        shape = DocumentShape("tokens", 12, 8)
        read, asked = rng.integers(0, 12, (6, 10, 8)), rng.integers(0, 12, (6, 9, 8))
    read, asked = read.astype(shape.dtype), asked.astype(shape.dtype)
    params = _trained(learner, shape, read)
    batched, looped = learner.log_prob_own(params, asked), Learner.log_prob_own(learner, params, asked)
    np.testing.assert_allclose(batched, looped, rtol=1e-12 if not isinstance(learner, Transformer) else 1e-5)
    others = learner.log_prob_own({k: v[::-1].copy() for k, v in params.items()}, asked)
    assert not np.allclose(others, looped)  # a mistaken row would be seen


# bad input


GUARDED = """
world: {kind: zipf, items: 50}
humans: [{name: people}]
models: [{name: models, count: 3, learner: {kind: categorical}}]
verifiers: [{kind: likelihood, reference: %s}]
"""


@pytest.mark.parametrize(
    "reference, says",
    [
        ("{kind: categorical, smoothing: -1}", "5:74: verifiers.0.reference.smoothing: must be a number from 0"),
        ("{kind: categorial}", "verifiers.0.reference.kind: must be one of .*did you mean 'categorical'"),
        ("{smoothing: 1}", "verifiers.0.reference.kind: kind must be one of belief, categorical"),
        ("categorical", "verifiers.0.reference: must be {kind: belief | categorical"),
        ("{kind: transformer, width: 3}", "verifiers.0.reference.width: must be a multiple of heads"),
        ("{kind: categorical}, documents: 0", "verifiers.0.documents: must be a whole number from 1 to"),
        ("{kind: categorical}, community: peple", "verifiers.0.community: .*did you mean 'people'"),
        ("{kind: categorical}, keep: 1.5", "verifiers.0.keep: must be a number from 0 to 1; got 1.5"),
    ],
)
def test_a_mistake_in_a_reference_is_told_at_its_place(tmp_path, reference, says):
    file = tmp_path / "s.yaml"
    file.write_text(GUARDED % reference)
    with pytest.raises(InputError, match=says) as caught:
        Scenario.from_file(file)
    assert all(line.split("s.yaml:")[1][0] == "5" for line in caught.value.lines)


def test_a_reference_is_written_back_changed_and_in_the_schema(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(GUARDED % "{kind: categorical, smoothing: 0.5}")
    spec = Scenario.from_file(file)
    again = scenario_file.read(scenario_file.plain(spec))
    assert again == spec
    assert spec.with_({"verifiers.verifier.reference.smoothing": 2}).verifiers[0].reference == Categorical(smoothing=2)
    kinds = {
        v["properties"]["kind"].get("const"): v
        for v in json_schema.schema()["properties"]["verifiers"]["items"]["oneOf"]
    }
    learners = [k["properties"]["kind"].get("const") for k in kinds["likelihood"]["properties"]["reference"]["oneOf"]]
    assert {"categorical", "gaussian", "transformer"} < set(learners)


def test_a_reference_that_cannot_read_the_world_and_an_unknown_community_are_refused():
    group = Group(name="models", learner=Categorical())
    with pytest.raises(
        InputError, match=r"verifiers\.verifier\.reference: a Gaussian reads vectors; this world writes items"
    ):
        Ecosystem(Scenario(world=Zipf(), models=(group,), verifiers=(Likelihood(reference=Gaussian()),)))
    with pytest.raises(InputError, match=r"community: must be one of people\. Got 'north'"):
        Ecosystem(
            Scenario(world=Zipf(), models=(group,), verifiers=(Likelihood(reference=Categorical(), community="north"),))
        )
