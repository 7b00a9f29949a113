"""Verifiers that judge by rule: labels, recorded descent, a taste of their own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from chance import mean_is
from judged import Look, N, documents, lone_readers, vectors
from pydantic import ValidationError

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.verifiers.biased import Biased
from agents.verifiers.label import Label
from agents.verifiers.provenance import Provenance
from ecosystem import Ecosystem
from ecosystem.documents import DocumentShape
from ecosystem.fits import WorldError

# Labels.


def test_a_model_labels_always_or_never_and_greater_compliance_only_adds_models():
    seen = documents()
    passed = [Label(compliance=c).accepts({}, seen, Look()) for c in (0.0, 0.3, 0.7, 1.0)]
    assert all(set(np.unique(p)) <= {0.0, 1.0} for p in passed)
    for source in range(N):
        assert all(len(set(p[(seen.source == source)])) == 1 for p in passed)
    assert all((more <= less).all() for less, more in itertools.pairwise(passed))
    assert 0 < passed[1][~seen.human].mean() < 1


def test_labels_are_as_true_as_their_authors():
    seen = documents()
    p = Label(cheating=0.2, human_mistakes=0.1).accepts({}, seen, Look())
    assert set(p[seen.human]) == {0.9}
    assert set(p[~seen.human]) == {0.2}


def test_labels_are_a_detector_only_where_all_models_are_alike():
    assert Label(cheating=0.2, human_mistakes=0.1).pass_rates() == (0.9, 0.2)
    assert Label(compliance=0, cheating=0.2, human_mistakes=0.1).pass_rates() == (0.9, 1.0)
    assert Label(compliance=0.5).pass_rates() is None


def test_readers_of_labels_get_the_human_share_of_law_4():
    """One z-test (false alarms: 1e-6), and another law that it rejects."""
    world = lone_readers(Label(judges="readings", cheating=0.3, human_mistakes=0.1))
    world.step()
    passed, others = 0.2 * 0.9, 0.8 * 0.3
    found = world.frame.agents["human_share_read"]
    assert mean_is(found, passed / (passed + others))
    assert not mean_is(found, 0.2 / (0.2 + others))


def test_one_model_more_changes_no_label():
    seen = documents()
    fewer, more = Look(), Look()
    more.models = N + 1
    label = Label(compliance=0.5)
    models = ~seen.human
    assert np.array_equal(label.accepts({}, seen, fewer)[models], label.accepts({}, seen, more)[models])


# Recorded descent.


def test_depth_and_human_share_bound_together():
    seen = documents(4, depth=np.array([1.0, 1.5, 3.0, 0.0]), humans=0.25)
    assert Provenance(max_depth=1.5).accepts({}, seen, Look()).tolist() == [1, 1, 0, 1]
    assert Provenance(min_human_share=0.25).accepts({}, seen, Look()).tolist() == [1, 1, 1, 1]
    assert Provenance(min_human_share=0.3).accepts({}, seen, Look()).tolist() == [0, 0, 0, 1]
    assert Provenance(max_depth=1.2, min_human_share=0.2).accepts({}, seen, Look()).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("unknown, expected", [("accept", [0.4, 1.0]), ("reject", [0.0, 0.6])])
def test_what_is_not_on_record_is_judged_as_unknown(unknown, expected):
    seen = documents(2)
    verifier = Provenance(max_depth=0, recorded=0.6, unknown=unknown)
    assert verifier.accepts({}, seen, Look()) == pytest.approx(expected)
    assert verifier.pass_rates() == pytest.approx(expected[::-1])


def test_provenance_knows_the_depth_of_a_run():
    """Depth 1 is what copies human writing: all that models write in the first step, part of it in the second."""
    world = lone_readers(Provenance(max_depth=1.0))
    world.step()
    assert world.measured("measured_false_negative_rate") == 1
    world.step()
    written = world.corpus.documents(world.t)
    depth = written.depth[written.source < world.n]
    assert 0 < (depth <= 1).mean() < 1
    assert world.measured("measured_false_negative_rate") == pytest.approx((depth <= 1).mean())
    assert world.measured("measured_false_positive_rate") == 0


def test_provenance_needs_a_bound():
    with pytest.raises(ValidationError, match="max_depth: give it, or min_human_share, or both; got neither"):
        Provenance()


# A taste of its own.


def test_acceptance_falls_with_the_distance_from_the_centre():
    look = Look(DocumentShape("vectors", 2))
    seen = vectors([1, 0], [1, 2], [4, 4])
    expected = np.exp(-np.array([0, 4, 25]) / (2 * 2**2))
    assert Biased(centre=(1, 0), width=2).accepts({}, seen, look) == pytest.approx(expected)
    at_one = np.exp(-np.array([1, 1, 18]) / 2)
    assert Biased(centre=1, width=1).accepts({}, seen, look) == pytest.approx(at_one)


def test_pairs_are_judged_by_the_coefficients_it_believes_in():
    look = Look(DocumentShape("pairs", 3))
    seen = vectors([1, 1, 5], [1, 0, 2], [0, 0, 3])
    expected = np.exp(-np.array([0, 0, 9]) / 2)
    assert Biased(centre=(2, 3), width=1).accepts({}, seen, look) == pytest.approx(expected)


def test_items_are_judged_by_their_numbers_or_one_by_one():
    seen = documents(4, np.array([0, 1, 2, 90], np.int32))
    assert Biased(probabilities=(0.5, 1, 0)).accepts({}, seen, Look()).tolist() == [0.5, 1, 0, 0]
    expected = np.exp(-np.array([1, 0, 1, 89**2]) / (2 * 100**2))
    assert Biased(centre=1, width=100).accepts({}, seen, Look()) == pytest.approx(expected)


@pytest.mark.parametrize("width", [0.5, 1.0])
def test_models_end_at_its_centre_as_fast_as_it_is_selective(width):
    """Law 10: with n documents a fit the precision of a fit is that before and the verifier's added up, so the mean is
    centre k / (k + width^2) after k steps but for drift, of the order of 1 / n; without a verifier it stays at 0."""
    keys = {"gate": "read", "judges": "readings", "centre": 1.0, "width": width}
    spec = lone_readers(Biased(**keys), world=GaussianWorld(), learner=Gaussian()).spec
    free = {"reading.human_share": 0.0, "humans.0.rate": 0}
    world, without = (Ecosystem(s.with_(free), rng=0) for s in (spec, spec.model_copy(update={"verifiers": ()})))
    for k in range(1, 4):
        world.step()
        without.step()
        mean = world.readout.moments.mean_ND[:, 0].mean()
        assert mean == pytest.approx(k / (k + width**2), abs=0.03)
    assert abs(without.readout.moments.mean_ND[:, 0].mean()) < 0.03


@pytest.mark.parametrize(
    "given, says",
    [
        ({}, "centre: give centre and width, or for items probabilities; got no centre"),
        ({"centre": 1}, "width: give centre and width"),
        ({"width": 1}, "centre: give centre and width"),
        ({"probabilities": (1,), "width": 1}, "probabilities: stands in place of centre and width"),
    ],
)
def test_a_taste_is_given_one_way(given, says):
    with pytest.raises(ValidationError, match=says):
        Biased(**given)


@pytest.mark.parametrize(
    "biased, world, says",
    [
        (
            {"probabilities": (1,)},
            "vectors",
            "goes with worlds of items; this one writes vectors: give",
        ),
        ({"probabilities": (1,) * 51}, "items", "this world has 50 items; got 51"),
        ({"centre": (1, 2), "width": 1}, "items", "must be one number, or 1 in this world of items; got 2"),
        ({"centre": (1, 2, 3), "width": 1}, "vectors", "must be one number, or 1 in this world of vectors; got 3"),
    ],
)
def test_a_taste_that_does_not_fit_the_world_is_refused(biased, world, says):
    of = {"items": (Zipf(items=50), Categorical()), "vectors": (GaussianWorld(), Gaussian())}[world]
    with pytest.raises(WorldError, match=rf"verifiers\.verifier\.{next(iter(biased))}: {says}"):
        lone_readers(Biased(**biased), world=of[0], learner=of[1])
