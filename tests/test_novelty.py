"""The novelty verifier: copies, exact and near, are counted as a loop over all pairs counts them."""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.facts import Facts
from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.text import Text
from agents.humans.zipf import Zipf
from agents.kernels.copies import alike_before, alike_sets_before, near_before, same_before, signatures
from agents.learners.belief import Belief
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.ngram import Ngram
from agents.verifiers.novelty import Novelty
from ecosystem import Ecosystem, Scenario
from ecosystem.answering.rules import Questions
from ecosystem.checks.trial import FACTS, PLAIN
from ecosystem.scenario import Community, Graph, Group
from ecosystem.verifier import Placement
from tests.sights import Sight, submitted


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


@pytest.mark.parametrize("apart", [0.05, 0.1, 0.25, 0.26, 0.5, 0.67, 1.0])
def test_sets_of_claims_are_as_far_apart_as_the_loop_over_all_pairs_says(apart):
    rng = np.random.default_rng(7)
    sets = [set(rng.choice(6, rng.integers(0, 5), replace=False).tolist()) for _ in range(300)]
    rows = np.array([sorted(s, reverse=True) + [-1] * (4 - len(s)) for s in sets])
    asked = rng.random(300) < 0.7

    def distance(a: set, b: set) -> float:
        return 1 - len(a & b) / len(a | b) if a | b else 0.0

    wanted = [sum(distance(sets[m], other) < apart for other in sets[:m]) * asked[m] for m in range(300)]
    np.testing.assert_array_equal(alike_sets_before(rows, asked, apart), wanted)


def test_claims_are_new_whatever_their_order_and_however_often_they_are_repeated():
    claims = [[(0, 1), (2, 0)], [(2, 0), (0, 1)], [(0, 1)], [(0, 1), (0, 1)], [(0, 2)], [], []]
    fact = np.array([[f for f, _ in c] + [-1] * (2 - len(c)) for c in claims])
    slot = np.array([[s for _, s in c] + [0] * (2 - len(c)) for c in claims])
    verifier, sight = Novelty(gate="publish"), Sight(PLAIN["claims"])
    seen = submitted(FACTS.write(fact, slot))
    p = verifier.accepts(verifier.open(sight), seen, sight)
    np.testing.assert_array_equal(p, [1, 0, 1, 0, 1, 1, 0])
    half = Novelty(gate="publish", apart=0.6)  # one claim of two is half the way
    np.testing.assert_array_equal(half.accepts(half.open(sight), seen, sight), [1, 0, 0, 0, 1, 1, 0])


def test_what_passes_novelty_in_a_world_of_facts_is_claimed_once():
    """By a set of what was claimed before; without the verifier the same check fails."""

    def repeats(*verifiers) -> int:
        learner, questions = Belief(), Questions(source="web")
        group = Group(name="models", count=5, publish=12, read=30, learner=learner, questions=questions)
        world = Ecosystem(
            Scenario(
                world=Facts(subjects=15, places=3, relations=1), humans=(Community(rate=10),), models=(group,), steps=5,
                corpus={"keep": "all"}, graph=Graph(kind="complete"), metrics=("false_share",), verifiers=verifiers,
            )
        )  # fmt: skip
        known, found = set(), 0
        for step in range(1, 6):
            world.step()
            now = world.corpus.documents(step)
            for content, source in zip(now.content.tolist(), now.source.tolist(), strict=True):
                found += source < world.n and tuple(content) in known
                known.add(tuple(content))
        return found

    assert repeats(Novelty(gate="publish")) == 0
    assert repeats() > 50
