"""Verifiers that score documents: what passes is what the score says, exactly or within chance.

Statistical comparisons have the false-alarm rate of tests/chance.py and show that a wrong figure is rejected by them.
"""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.text import Text
from agents.humans.zipf import Zipf
from agents.kernels.copies import alike_before, near_before, same_before, signatures
from agents.kernels.ranking import by_weight, top_share
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.kde import Kde
from agents.learners.ngram import Ngram
from agents.learners.transformer import Transformer
from agents.verifiers.likelihood import Likelihood
from agents.verifiers.novelty import Novelty
from agents.verifiers.self import SelfCheck
from agents.verifiers.surprise import Surprise
from ecosystem import Ecosystem, Scenario
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from ecosystem.interfaces import Learner
from ecosystem.scenario import Community, Graph, Group
from ecosystem.streams import Streams
from ecosystem.verifier import Placement, Submitted
from tests.chance import mean_is

ITEMS = DocumentShape("items", 50)


class Sight:
    """What verifiers look at here: human items of Zipf's law, and models of one group."""

    def __init__(self, shape: DocumentShape = ITEMS, learner: Learner | None = None, params=None, first: int = 0):
        self.shape, self.learner, self.params = shape, learner, params
        self.step, self.models, self._first = 0, 10, first
        self.asked = 0  # documents whose likelihood was asked for

    def draws(self, purpose: str):
        return Streams(0).rows(purpose, self.step, 1)

    def human_writing(self, k: int, community: str | None = None) -> np.ndarray:
        (writer,) = Zipf(items=self.shape.size).open([Zipf(items=self.shape.size)])
        return writer.sample(k, self.draws(f"human/{community}"))[0]

    def log_likelihood(self, model_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        self.asked += len(content)
        own = {name: array[model_M % self.models] for name, array in self.params.items()}
        nats_M = self.learner.log_prob_own(own, content[:, None])[:, 0]
        return np.where(model_M < self.models, nats_M, np.nan)

    def first(self) -> int:
        return self._first


def submitted(content, document=None, source=None, reader=None) -> Submitted:
    m = len(content)
    number = np.full(m, -1) if document is None else np.asarray(document, np.int64)
    source = np.zeros(m, np.int32) if source is None else np.asarray(source, np.int32)
    reader = np.full(m, -1) if reader is None else np.asarray(reader, np.int64)
    return Submitted(np.asarray(content), number, source, np.zeros(m, np.float32), reader, source >= 10)


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


# novelty


def test_counts_of_copies_before_are_those_of_the_loop_over_all_pairs():
    rng = np.random.default_rng(5)
    items = rng.integers(0, 9, 200)
    np.testing.assert_array_equal(same_before(items), [(items[:m] == items[m]).sum() for m in range(200)])
    x, asked = rng.normal(size=(1500, 2)), rng.random(1500) < 0.5
    near = [(np.linalg.norm(x[:m] - x[m], axis=1) <= 0.05).sum() * asked[m] for m in range(1500)]
    for most in (0, 2):
        found = near_before(x, asked, 0.05, most)
        np.testing.assert_array_equal(np.minimum(found, most + 1), np.minimum(near, most + 1))


def test_signatures_find_texts_that_share_most_of_their_words():
    words = [f"w{i}" for i in np.random.default_rng(6).integers(0, 1000, 60)]
    one_replaced = [*words[:30], "other", *words[31:]]  # 3 of 58 shingles gone, 3 new: Jaccard 55 / 61
    many_replaced = [w if i % 6 else "other" for i, w in enumerate(words)]  # every second shingle gone
    texts = [
        " ".join(t) for t in (words, one_replaced, many_replaced, ["Nothing", "alike"], [w.upper() for w in words])
    ]
    signature = signatures(texts, 256)
    alike = (signature[0] == signature).mean(axis=1)
    assert alike[1] == pytest.approx(55 / 61, abs=5 * np.sqrt(55 * 6 / 61**2 / 256))
    assert alike[2] < 0.5
    assert alike[3] == 0
    assert alike[4] == 1
    count = alike_before(signature, np.ones(5, bool), 0.8)
    np.testing.assert_array_equal(count, [0, 1, 0, 0, 2])


def test_a_document_is_new_when_it_is_the_first_of_its_kind_on_the_web_or_in_the_step():
    verifier, sight = Novelty(), Sight(first=10)
    seen = submitted(np.array([5, 6, 5, 7], np.int32), [9, 10, 11, 12])
    state = verifier.remember(verifier.open(sight), seen, sight)
    np.testing.assert_array_equal(state["number"], [9, 10, 11, 12])
    now = submitted(np.array([5, 5, 6, 8, 8, 9], np.int32))
    p = verifier.accepts(state, now, sight)  # 9 is forgotten, 11 is not
    np.testing.assert_array_equal(p, [0, 0, 0, 1, 0, 1])
    np.testing.assert_array_equal(Novelty(copies=1).accepts(state, now, sight), [1, 0, 1, 1, 1, 1])
    later = verifier.remember(state, now.take(p > 0), sight)  # let through, without a number yet
    np.testing.assert_array_equal(verifier.accepts(later, submitted(np.array([8, 4], np.int32)), sight), [0, 1])
    numbered = verifier.remember(later, submitted(np.array([8, 9], np.int32), [13, 14]), sight)
    np.testing.assert_array_equal(numbered["number"], [10, 11, 12, 13, 14])


def test_readings_of_one_document_are_no_copies_of_each_other():
    verifier, sight = Novelty(judges="readings"), Sight()
    web = submitted(np.array([5, 6, 5, 7], np.int32), [0, 1, 2, 3])
    state = verifier.remember(verifier.open(sight), web, sight)
    seen = submitted(np.array([5, 5, 5, 6], np.int32), [0, 0, 2, 1], reader=[0, 1, 1, 1])
    np.testing.assert_array_equal(verifier.accepts(state, seen, sight), [1, 1, 0, 1])


@pytest.mark.parametrize("gate", ["read", "publish"])
@pytest.mark.parametrize("keep", ["step", "all", {"window": 2}])
def test_what_passes_novelty_in_a_world_is_said_once(gate, keep):
    """By the loop over what the web holds; without the verifier the same check fails."""
    group = Group(name="models", count=4, publish=15, read=10, learner=Categorical(), start="continue")
    parts = dict(
        world=Zipf(items=400), humans=(Community(rate=20),), models=(group,), steps=5, corpus={"keep": keep},
        graph=Graph(kind="complete"), metrics=("within_diversity", "rejected_share"),
    )  # fmt: skip
    guard = Novelty(gate=gate, placement=Placement(humans=gate == "publish"), refill=False)

    def repeats(verifiers) -> int:
        world = Ecosystem(Scenario(verifiers=verifiers, **parts))
        found = 0
        for step in range(1, 6):
            before = world.corpus.earlier(step) if step > 1 and gate == "publish" else None
            world.step()
            kept = world.corpus.at(np.arange(len(world.corpus)))
            if gate == "publish":  # publishing comes before forgetting
                new = kept.content[kept.step == step].tolist()
                old = set() if before is None else set(before.content.tolist())
                found += sum(x in old or x in new[:m] for m, x in enumerate(new))
            elif verifiers:
                passed = world.corpus.verdicts("verifier") == 1
                found += len(kept.content[passed]) - len(set(kept.content[passed].tolist()))
            else:
                found += len(kept.content) - len(set(kept.content.tolist()))
        return found

    assert repeats((guard,)) == 0
    assert repeats(()) > 10


def test_vectors_are_measured_in_human_deviations_and_texts_by_their_words(tmp_path):
    world = GaussianWorld(dimensions=2, deviation=(1000.0, 0.001))
    group = Group(name="models", count=3, publish=20, read=20, learner=Gaussian())
    spec = Scenario(world=world, models=(group,), verifiers=(Novelty(distance=0.2),), steps=2)
    eco = Ecosystem(spec)
    eco.step()
    np.testing.assert_allclose(eco.gates.desks["verifier"].state["unit"][0], [1000, 0.001], rtol=0.2)
    assert 0 < eco.gates.desks["verifier"].now.rejected < 40

    (tmp_path / "t.txt").write_text(
        "\n\n".join(f"the cat {i} sat on the mat {i} and slept {i} hours" for i in range(30))
    )
    text = Text(path=str(tmp_path / "t.txt"), length=16, held_out=0.0)
    group = Group(name="models", count=2, publish=10, read=10, learner=Ngram(order=3))
    eco = Ecosystem(
        Scenario(world=text, humans=(Community(rate=60),), models=(group,), verifiers=(Novelty(),), steps=2)
    )
    eco.step()
    verdicts = eco.corpus.verdicts("verifier")
    kept = eco.corpus.documents(1)
    texts = eco.show(kept.content)
    people = np.array(kept.source) >= 2
    assert len({t for t, h, v in zip(texts, people, verdicts, strict=True) if h and v == 1}) == (
        sum(people & (verdicts == 1))
    )
    assert (verdicts[people] == 2).sum() >= 30  # the source has 30 texts and published 60


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
        ("{smoothing: 1}", "verifiers.0.reference.kind: kind must be one of categorical"),
        ("categorical", "verifiers.0.reference: must be {kind: categorical"),
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
        for v in scenario_file.schema()["properties"]["verifiers"]["items"]["oneOf"]
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
