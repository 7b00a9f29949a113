"""The contract checks pass every component and metric that comes with the package."""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.mixture import Mixture as MixtureWorld
from agents.humans.regression import Regression
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.kde import Kde
from agents.learners.linear import Linear
from agents.learners.mixture import Mixture
from ecosystem import components, metrics
from ecosystem.checks import check_all, check_learner, check_metric, check_source
from ecosystem.checks.trial import PLAIN, all_documents, documents, why_not_documents
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams


def test_only_what_needs_a_key_has_checks_of_its_own():
    """causal_lm needs a model: tests/test_causal_lm.py; facts_file a file: tests/test_facts_file.py."""
    assert set(components.available("learners")) - set(components.complete("learners")) == {"causal_lm"}
    assert set(components.available("humans")) - set(components.complete("humans")) == {"facts_file"}


@pytest.mark.parametrize("kind", components.complete("learners"))
def test_every_learner_found_keeps_the_rules(kind):
    check_learner(components.find("learners", kind)())


@pytest.mark.parametrize(
    "learner",
    [
        Gaussian(ddof=1),
        Mixture(components=2, restarts=3),
        Mixture(components=60),
        Kde(bandwidth=0.4),
        Kde(bandwidth="silverman"),
        Linear(design="fresh"),
        Linear(design="fresh", noise=0.5, spread=2.0, intercept=True),
        Linear(noise=1.0, intercept=True),
        Categorical(temperature=0.7),
        Categorical(top_p=0.9),
        Categorical(smoothing=0.5),
    ],
    ids=repr,
)
def test_learners_with_other_hyperparameters_keep_the_rules(learner):
    check_learner(learner)


@pytest.mark.parametrize("kind", components.complete("humans"))
def test_every_world_found_keeps_the_rules(kind):
    if kind == "digits":
        pytest.importorskip("sklearn", reason="scikit-learn brings the digits")
    check_source(components.find("humans", kind)())


@pytest.mark.parametrize(
    "source",
    [
        GaussianWorld(dimensions=3, mean=(1, 2, 3), covariance=((2, 1, 0), (1, 2, 0), (0, 0, 0.5))),
        GaussianWorld(deviation=0.2, mean=5),
        MixtureWorld(dimensions=1),
        MixtureWorld(dimensions=5, rare=3),
        MixtureWorld(dimensions=1, centres=((0,), (9,)), weights=(1, 0), scale=(1, 2)),
        Regression(features=1, coefficients=2, design="uniform"),
        Zipf(items=40, first=10, span=20),
    ],
    ids=repr,
)
def test_worlds_with_other_keys_keep_the_rules(source):
    check_source(source)


@pytest.mark.parametrize("name", metrics.available())
def test_every_metric_found_keeps_the_rules(name):
    check_metric(name)


@pytest.mark.slow
def test_check_all_names_everything_it_checked():
    names = check_all()
    assert {"categorical", "gaussian", "zipf", "within_diversity"} <= set(names)


def test_all_documents_of_a_small_vocabulary_are_listed_once():
    every = all_documents(DocumentShape("tokens", 3, 4))
    assert len(every) == len({d.tobytes() for d in every}) == 1 + 2 + 4 + 8 + 16


@pytest.mark.parametrize("kind", PLAIN)
def test_example_documents_are_valid(kind):
    shape = PLAIN[kind]
    assert why_not_documents(documents(shape, 50, Streams(0).rows("x", 0, 3)), shape, 3, 50) is None


def test_words_after_the_end_token_are_no_document():
    assert "after the first end token" in why_not_documents(
        np.array([[1, 0, 2]], np.int32), DocumentShape("tokens", 3, 3), 1
    )
