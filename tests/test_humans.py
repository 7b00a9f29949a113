"""What humans publish, and what models are pretrained on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Group, Scenario
from tests.toys import Shelf

ALARM = 1e-6  # false-alarm rate of each statistical test below


def world(*humans: Community, seed: int = 0, **parts) -> Ecosystem:
    models = (Group(name="models", count=6, read=400, publish=1, learner=Categorical()),)
    given = dict(world=Zipf(items=40, exponent=0.5), humans=humans, models=models, metrics=("depth",))
    return Ecosystem(Scenario(**(given | parts)), rng=seed)


def people(name: str, rate=10, **keys) -> Community:
    return Community(name=name, rate=rate, **keys)


LOW, HIGH = {"span": 20}, {"first": 20, "span": 20}  # two communities without a document in common


def low_share(made: Ecosystem) -> np.ndarray:
    """Share of the first community's items in each model's pretraining."""
    return (made.populations[0].params["item"] < 20).mean(axis=1)


def test_pretraining_takes_communities_in_proportion_to_their_first_rates():
    made = world(people("low", ((0, 30), (1, 0)), writes=LOW), people("high", ((0, 10), (1, 99)), writes=HIGH))
    low = int(low_share(made).sum() * 400)
    assert binomtest(low, 2400, 0.75).pvalue > ALARM
    assert binomtest(low, 2400, 0.65).pvalue < ALARM  # negative control


def test_pretraining_is_from_those_who_reach_the_model():
    made = world(people("low", reach=(0, 1), writes=LOW), people("high", reach=(1, 2), writes=HIGH))
    share = low_share(made)
    assert (share[0], share[2]) == (1, 0)
    assert 0.3 < share[1] < 0.7
    # whom nobody reaches is fitted to all
    assert ((share[3:] > 0.3) & (share[3:] < 0.7)).all()


def test_pretraining_takes_communities_equally_where_all_rates_are_zero():
    made = world(people("low", 0, reach=(0, 1), writes=LOW), people("high", 0, writes=HIGH))
    assert ((low_share(made)[:2] > 0.35) & (low_share(made)[:2] < 0.65)).all()
    assert (low_share(made)[2:] == 0).all()
    fed = world(people("low", 0, reach=(0,), writes=LOW), people("high", 9, reach=(1,), writes=HIGH))
    assert low_share(fed)[0] == 1  # only silent humans reach it: they it is
    assert (low_share(fed)[1:] == 0).all()  # the silent community's share in all human writing is 0


def test_pretraining_documents_are_each_models_own_and_not_on_the_web():
    made = world(people("people"), world=Zipf(items=10**6, exponent=0))
    items = made.populations[0].params["item"]
    assert np.unique(items).size > 0.99 * items.size
    assert len(made.corpus) == 0
    made.step()
    assert not np.isin(made.corpus.documents(1).content[6:], items).any()


def test_pretraining_of_finite_humans_repeats_nothing_before_it_must():
    made = world(people("people"), world=Shelf(size=150))
    hands = made.populations[0].params["item"]
    for hand in hands:
        assert sorted(hand[:150]) == sorted(hand[150:300]) == list(range(150))
        assert np.unique(hand[300:]).size == 100
        assert hand[:150].tolist() != hand[150:300].tolist()
    assert len({tuple(hand) for hand in hands.tolist()}) == 6
    worlds = [world(people("people"), world=Shelf(size=10), seed=seed) for seed in range(99)]
    firsts = np.concatenate([made.populations[0].params["item"][:, 0] for made in worlds])
    assert chisquare(np.bincount(firsts, minlength=10)).pvalue > ALARM


def test_rates_follow_their_schedule():
    made = world(people("a", ((0, 3), (2, 0), (4, 7))), people("b", 2), people("c", 0))
    found = []
    for _ in range(5):
        made.step()
        found.append(made.corpus.counts_S()[6:].tolist())
    assert found == [[3, 2, 0], [0, 2, 0], [0, 2, 0], [7, 2, 0], [7, 2, 0]]


def test_human_writing_follows_its_distribution():
    made = world(people("people", 4000))
    made.step()
    counts = np.bincount(made.corpus.documents(1).content[6:], minlength=40)
    assert chisquare(counts, 4000 * Zipf(items=40, exponent=0.5).item_probabilities()).pvalue > ALARM
    assert chisquare(counts, 4000 * Zipf(items=40, exponent=0.7).item_probabilities()).pvalue < ALARM  # control


@pytest.mark.parametrize("rate", [1, 4, 10, 25])
def test_finite_humans_publish_each_document_once_before_any_is_repeated(rate):
    others = people("others", ((0, 0), (3, 6)), writes={"first": 50})
    made = world(people("people", rate), others, world=Shelf(size=10))
    dealt, dry = [], []
    for _ in range(13):
        made.step()
        dealt += made.corpus.documents(made.t).content[6 : 6 + rate].tolist()
        dry += [(event.step, event.detail) for event in made.frame.events if event.kind == "source_dry"]
    rounds = [dealt[r : r + 10] for r in range(0, len(dealt) - 9, 10)]
    assert all(sorted(cards) == list(range(10)) for cards in rounds)
    assert len({tuple(cards) for cards in rounds}) == len(rounds)  # shuffled anew
    assert [step for step, detail in dry if detail.startswith("people")] == [10 // rate + 1]
    assert [step for step, detail in dry if detail.startswith("others")] == [4]


def test_communities_of_the_same_documents_deal_them_from_one_deck():
    humans = people("a", 3), people("b", ((0, 2), (3, 0))), people("c", 1, writes={"size": 9})
    made = world(*humans, world=Shelf(size=10))
    dealt, dry = [], []
    for _ in range(4):
        made.step()
        dealt += made.corpus.documents(made.t).content[6:-1].tolist()
        dry += [(event.step, event.detail.partition(":")[0]) for event in made.frame.events]
    assert sorted(dealt[:10]) == list(range(10))
    assert len(dealt) == 16
    assert dry == [(3, "a, b")]


def test_finite_humans_are_dealt_in_an_order_of_the_seed():
    def first(seed):
        made = world(people("people", 10), world=Shelf(size=10), seed=seed)
        made.step()
        return made.corpus.documents(1).content[6:].tolist()

    assert first(0) == first(0) != first(1)


def test_what_a_community_writes_is_the_world_with_some_keys_replaced():
    made = world(people("low", writes=LOW), people("high", writes=HIGH), people("flat", writes={"exponent": 0.0}))
    assert [np.flatnonzero(w.probabilities)[[0, -1]].tolist() for w in made.writers] == [[0, 19], [20, 39], [0, 39]]
    assert made.writers[2].probabilities == pytest.approx(np.full(40, 1 / 40))
    with pytest.raises(ValueError, match="spam"):
        world(people("low", writes={"spam": 3}))
    with pytest.raises(ValueError, match="first \\+ span must be at most items"):
        world(people("low", writes={"first": 30, "span": 20}))


def test_models_joining_do_not_change_what_humans_write():
    few = world(people("people"))
    many = world(people("people"), models=(*few.spec.models, Group(name="more", count=9, learner=Categorical())))
    few.step()
    many.step()
    human = [made.corpus.documents(1) for made in (few, many)]
    assert human[0].content[-10:].tolist() == human[1].content[-10:].tolist()
