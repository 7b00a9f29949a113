"""The contract checks: does a component or a metric, ours or yours, keep the rules of this package?

`check_learner(MyLearner())`, `check_source(MyWorld())`, `check_verifier(MyVerifier())`, `check_policy(MyPolicy())` and
`check_metric(my_metric)` raise CheckFailed with one sentence that names the rule broken; `check_all()` checks every
component that is found. The rules themselves are functions in `learner.py`, `source.py`, `verifier.py`, `policy.py`,
`metric.py` and `probability.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np

from ecosystem import components, metrics
from ecosystem.checks import learner as checks_learner
from ecosystem.checks import metric as checks_metric
from ecosystem.checks import policy as checks_policy
from ecosystem.checks import source as checks_source
from ecosystem.checks import verifier as checks_verifier
from ecosystem.checks.probability import (
    Score,
    atoms_are_its_probabilities,
    moments_are_those_of_the_documents,
    says_what_it_writes,
    sums_to_one,
    texts_are_written_as_often_as_said,
)
from ecosystem.checks.resuming import check_resume
from ecosystem.checks.trial import PLAIN, SMALLEST, WRITTEN, CheckFailed, Trial, whole_texts
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Learner
from ecosystem.policy import Policy
from ecosystem.travel import TEXT
from ecosystem.verifier import Verifier

__all__ = [
    "CheckFailed", "check_all", "check_learner", "check_metric", "check_policy", "check_resume", "check_source",
    "check_verifier",
]  # fmt: skip


def check_learner(learner: Learner, shape: DocumentShape | None = None) -> None:
    """Every rule for learners, on one document shape, or (None) on a small one of each kind that the learner reads."""
    for kind in learner.reads if shape is None else (shape.kind,):
        trial = Trial(learner, shape or PLAIN[kind])
        for rule in checks_learner.RULES:
            rule(trial)
        moments_are_those_of_the_documents(learner, trial.fluent.moments(trial.fitted), trial.written)
        _check_learner_probabilities(Trial(learner, shape or SMALLEST[kind]))


def check_source(source: HumanSource) -> None:
    """Every rule for worlds."""
    writer = source.open([source])[0]
    for rule in checks_source.RULES:
        rule(source, writer)
    if writer.documents is None:
        written = writer.sample(WRITTEN, checks_source.draws("written"))
        moments_are_those_of_the_documents(source, writer.moments, written)
        if writer.log_prob(written[0, :1]) is not None:
            _check_probabilities(source, writer.shape, lambda x: np.asarray(writer.log_prob(x))[None], written)


def check_verifier(verifier: Verifier, kinds: tuple[str, ...] | None = None) -> None:
    """Every rule for verifiers, on a small web of each kind of documents that fits it; a panel by how it counts."""
    checks_verifier.check(verifier, kinds)


def check_policy(policy: Policy) -> None:
    """Every rule for policies, before a small world of which those whom it steers are part."""
    bench = checks_policy.Bench(policy)
    for rule in checks_policy.RULES:
        rule(bench)


def check_metric(metric: Callable | str, kinds: tuple[str, ...] | None = None) -> None:
    """Every rule for metrics, in a small world of each kind of documents that the metric is defined for."""
    function = metrics.find(metric) if isinstance(metric, str) else metric
    for kind in kinds or getattr(function, "kinds", None) or tuple(checks_metric.WORLDS):
        world = checks_metric.small_world(kind)
        for rule in checks_metric.RULES:
            rule(function, world)


def check_all() -> list[str]:
    """Checks every component and metric that is found, with its defaults; returns their names.

    Components of which a key must be given (a model's folder) are left out: check them with that key.
    """
    for kind in components.complete("learners"):
        check_learner(cast(Learner, components.find("learners", kind)()))
    for kind in components.complete("humans"):
        check_source(cast(HumanSource, components.find("humans", kind)()))
    for kind in components.complete("verifiers"):
        check_verifier(cast(Verifier, components.find("verifiers", kind)()))
    for kind in components.complete("policies"):
        check_policy(cast(Policy, components.find("policies", kind)()))
    for name in metrics.available():
        check_metric(name)
    found = [kind for family in components.FAMILIES for kind in components.complete(family)]
    return [*found, *metrics.available()]


def _check_learner_probabilities(trial: Trial) -> None:
    learner, score = trial.learner, partial(trial.fluent.log_prob, trial.fitted)
    if TEXT in learner.reads:
        texts_are_written_as_often_as_said(learner, whole_texts(trial.shape), score, trial.written)
        return
    _check_probabilities(learner, trial.shape, score, trial.written)
    atoms_are_its_probabilities(learner, trial.shape, trial.fluent.atoms(trial.fitted), score)


def _check_probabilities(component: object, shape: DocumentShape, score: Score, written: np.ndarray) -> None:
    sums_to_one(component, shape, score, written)
    says_what_it_writes(component, shape, score, written)
