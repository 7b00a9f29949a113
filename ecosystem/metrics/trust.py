"""Who may vouch for whom in worlds of facts: confidence by comparison over peers, and agreement against correctness.

A model that asks itself finds its own answer probable, right or wrong; what others make of the same answer says more
(Li et al. 2024, arXiv:2403.09972), as long as they have not learned it from the same documents. The confidence of
`over_trust` and `confidence_auroc` is a model's own; here it is the mean probability of the answer under the model and
up to `questions.peers` others whom it reads.

Letters: N models, F facts, V slots.
"""

from __future__ import annotations

import numpy as np

from ecosystem.interfaces import defined_for
from ecosystem.metrics.facts import auroc


@defined_for("claims")
def peer_over_trust(world) -> np.ndarray:
    """(N,) as `over_trust`, the confidence being by comparison over peers: its mean over all facts minus accuracy."""
    return world.readout.among_peers_NF.mean(axis=1) - _right(world).mean(axis=1)


@defined_for("claims")
def peer_confidence_auroc(world) -> np.ndarray:
    """(N,) as `confidence_auroc`, the confidence being by comparison over peers. NaN where all or none are right."""
    return auroc(world.readout.among_peers_NF, _right(world))


@defined_for("claims")
def agreement(world) -> np.ndarray:
    """(N,) probability that another model gives the same answer as a model, over all facts and other models.

    NaN for a model alone.
    """
    return _share(_alike(world), np.ones(world.readout.recalled[0].shape, bool))


@defined_for("claims")
def agreement_when_right(world) -> np.ndarray:
    """(N,) probability that another model gives the same answer where a model's answer is right; NaN: none is."""
    return _share(_alike(world), _right(world))


@defined_for("claims")
def agreement_when_wrong(world) -> np.ndarray:
    """(N,) probability that another model gives the same answer where a model's answer is wrong; NaN: none is.

    Models that err alike cannot tell each other so: near `agreement_when_right` agreement says nothing.
    """
    return _share(_alike(world), ~_right(world))


def _right(world) -> np.ndarray:
    """(N, F) bool: is what a model recalls of a fact true?"""
    return world.readout.recalled[0] == world.reference.truth.slot_F


def _alike(world) -> np.ndarray:
    """(N, F) share of the other models that give the same answer; NaN without others."""
    slot_NF, _ = world.readout.recalled
    facts = np.arange(slot_NF.shape[1])
    given_FV = np.zeros((len(facts), world.shape.grammar.slots))
    for slot_F in slot_NF:
        given_FV[facts, slot_F] += 1
    others = len(slot_NF) - 1
    return (given_FV[facts, slot_NF] - 1) / others if others else np.full(slot_NF.shape, np.nan)


def _share(alike_NF: np.ndarray, where_NF: np.ndarray) -> np.ndarray:
    """(N,) mean over some facts of each model; NaN where there are none."""
    with np.errstate(invalid="ignore"):
        return np.where(where_NF, alike_NF, 0).sum(axis=1) / where_NF.sum(axis=1)
