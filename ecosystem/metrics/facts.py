"""Worlds of facts: what is false on the web, what models know, how sure and how right they are.

Letters: N models, F facts, M documents or answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from ecosystem.documents import Answered
from ecosystem.interfaces import defined_for
from ecosystem.metrics import MetricError
from ecosystem.truth import Truth


@defined_for("claims")
def false_share(world) -> float:
    """Share of the claims on the readable web that are false; NaN while there are none."""
    documents = world.corpus.readable(world.streams.get("retention", world.t))
    claims = world.shape.grammar.read(documents.content[documents.public(world.public)])
    false_M, made_M = _truth(world).false_claims(claims)
    return float(false_M.sum() / made_M.sum()) if made_M.any() else float("nan")


def of_diets(metric) -> Any:
    """Marks a metric that needs the account of claims read, kept from step 0 where such a metric is asked for."""
    metric.follows = "diet"
    return metric


@of_diets
@defined_for("claims")
def false_share_read(world) -> np.ndarray:
    """(N,) share of the claims in a model's last diet that are false; NaN where it held none."""
    return _share(world.claims_read.false_N, world.claims_read.made_N)


@defined_for("claims")
def false_share_written(world) -> np.ndarray:
    """(N,) share of a model's claims that are false: of the measuring sample, what it would write freely."""
    false, made = _truth(world).false_claims(world.shape.grammar.read(world.readout.sample))
    return _share(false.sum(axis=1), made.sum(axis=1))


@defined_for("claims")
def fact_recall(world, community: str | None = None) -> np.ndarray:
    """(N,) share of the facts that a model gives correctly from memory: its most probable value is the true one.

    `fact_recall@name`: of the facts that a community knows. Facts that follow from others count as the others do.
    """
    known_F = None if community is None else world.reference.writer(community).known_F
    return _recall(world, np.ones(world.shape.grammar.facts, bool) if known_F is None else known_F)


@defined_for("claims")
def tail_fact_recall(world) -> np.ndarray:
    """(N,) fact recall of the half of the facts that are asked for least."""
    asked_F = _truth(world).asked_F
    tail_F = np.zeros(len(asked_F), bool)
    tail_F[np.argsort(asked_F, kind="stable")[: len(asked_F) // 2]] = True
    return _recall(world, tail_F)


@defined_for("claims")
def derivable_fact_recall(world) -> np.ndarray:
    """(N,) fact recall of the facts that follow from two others."""
    return _recall(world, _derivable(world, "derivable_fact_recall"))


@defined_for("claims")
def web_coverage(world) -> float:
    """Probability that what is asked for is stated correctly by some readable document.

    Questions are drawn as people ask; what could be found by composing two documents does not count.
    """
    return float(_truth(world).asked_F[_stated(world)].sum())


@defined_for("claims")
def derivable_coverage(world) -> float:
    """The same of questions about facts that follow from two others."""
    derivable_F, asked_F = _derivable(world, "derivable_coverage"), _truth(world).asked_F
    return float(asked_F[_stated(world) & derivable_F].sum() / asked_F[derivable_F].sum())


@defined_for("claims")
def over_trust(world) -> np.ndarray:
    """(N,) mean confidence minus accuracy over all facts: how much surer a model is than it is right."""
    slot_NF, sure_NF = world.readout.recalled
    return sure_NF.mean(axis=1) - (slot_NF == _truth(world).slot_F).mean(axis=1)


@defined_for("claims")
def confidence_auroc(world) -> np.ndarray:
    """(N,) probability that a fact it gives correctly has more confidence than one it does not (ties count half).

    0.5: confidence says nothing. NaN where all or none are right.
    """
    slot_NF, sure_NF = world.readout.recalled
    return auroc(sure_NF, slot_NF == _truth(world).slot_F)


@defined_for("claims")
def answer_accuracy(world) -> np.ndarray:
    """(N,) share of the answers given in the step that are right; NaN where none was given."""
    return _of_answers(world, lambda a, right: (right, a.slot >= 0))


@defined_for("claims")
def supported_share(world) -> np.ndarray:
    """(N,) share of the questions of the step answered with what retrieved documents state, themselves or composed."""
    return _of_answers(world, lambda a, right: (a.supported, np.ones(len(a), bool)))


@defined_for("claims")
def supported_accuracy(world) -> np.ndarray:
    """(N,) share of the supported answers of the step that are right."""
    return _of_answers(world, lambda a, right: (right & a.supported, a.supported))


@defined_for("claims")
def unsupported_accuracy(world) -> np.ndarray:
    """(N,) share of the answers given in the step without support that are right."""
    return _of_answers(world, lambda a, right: (right & ~a.supported, (a.slot >= 0) & ~a.supported))


def auroc(score_NM: np.ndarray, right_NM: np.ndarray) -> np.ndarray:
    """(N,) area under the ROC curve of each row by the Mann-Whitney statistic, ties counted half; NaN for one class."""
    rank_NM = rankdata(score_NM, axis=1)
    positive, negative = right_NM.sum(axis=1), (~right_NM).sum(axis=1)
    above = (rank_NM * right_NM).sum(axis=1) - positive * (positive + 1) / 2
    return _share(above, positive * negative)


def _stated(world) -> np.ndarray:
    """(F,) bool: facts that some readable document states correctly."""
    grammar = world.shape.grammar
    pool = world.corpus.readable(world.streams.get("retention", world.t))
    fact, slot = grammar.read(pool.content[pool.public(world.public)])
    stated_F = np.zeros(grammar.facts, bool)
    stated_F[fact[_truth(world).right(fact, slot)]] = True
    return stated_F


def _derivable(world, metric: str) -> np.ndarray:
    """(F,) bool: facts that follow from others; MetricError where there are none."""
    derivable_F = world.shape.grammar.derivable_F
    if not derivable_F.any():
        raise MetricError(f"{metric}: in this world no fact follows from others; give it places.")
    return derivable_F


def _recall(world, which_F: np.ndarray) -> np.ndarray:
    """(N,); NaN where there is no such fact."""
    slot_NF, _ = world.readout.recalled
    right_N = (slot_NF == _truth(world).slot_F)[:, which_F].sum(axis=1)
    return _share(right_N, np.full(world.n, which_F.sum()))


def _truth(world) -> Truth:
    truth = world.reference.truth
    assert truth is not None  # metrics of claims are asked for in worlds of facts only (fits.py)
    return truth


def _of_answers(world, counted) -> np.ndarray:
    """(N,) a share of each model's answers: `counted(answers, right)` gives (part, whole), (M,) bool each."""
    part_N, whole_N = np.zeros(world.n), np.zeros(world.n)
    for answers in _answers(world):
        part, whole = counted(answers, _truth(world).right(answers.fact, answers.slot))
        part_N += np.bincount(answers.agent[part & whole], minlength=world.n)
        whole_N += np.bincount(answers.agent[whole], minlength=world.n)
    return _share(part_N, whole_N)


def _answers(world) -> list[Answered]:
    return [] if world.answering is None else world.answering.answers


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
