"""What verifiers did in a step: how much they judged, how right they were, what it cost.

`name@verifier` is one verifier's; without it that of all that stand at a gate, together. To reject is to say "written
by a model": a false positive is a human document rejected, a false negative a model's document accepted. Of verifiers
that judge claims (`Verifier.of_claims`, worlds of facts) it is to say "not true": a false positive is a true document
rejected, a false negative a false one accepted, whoever wrote. Rates are NaN where nothing was judged.
"""

from __future__ import annotations

import numpy as np

from ecosystem.verification.tally import Tally


def judged_documents(world, verifier: str | None = None) -> float:
    """Judgements made in the step."""
    return float(sum(desk.now.judged for desk in world.gates.named(verifier)))


def unjudged_documents(world, verifier: str | None = None) -> float:
    """Documents of the step that came too late for the verifiers' capacity."""
    return float(sum(desk.now.unjudged for desk in world.gates.named(verifier)))


def rejected_share(world, verifier: str | None = None) -> float:
    """Share of the judged documents that were rejected."""
    tally = _tally(world, verifier)
    return tally.rejected / tally.judged if tally.judged else float("nan")


def verification_cost(world, verifier: str | None = None) -> float:
    """What the judgements of the step cost, panels' members included."""
    if verifier is not None:
        return float(world.gates.named(verifier)[0].cost)
    return float(sum(desk.cost for desk in world.gates.desks.values()))


def measured_false_positive_rate(world, verifier: str | None = None) -> float:
    """Share of the judged human (of claims: true) documents that were rejected (type 1 errors)."""
    return _tally(world, verifier).false_positive_rate


def measured_false_negative_rate(world, verifier: str | None = None) -> float:
    """Share of the judged model (of claims: false) documents that were accepted (type 2 errors)."""
    return _tally(world, verifier).false_negative_rate


def verifier_precision(world, verifier: str | None = None) -> float:
    """Share of models' (of claims: false) documents among those rejected."""
    return _tally(world, verifier).precision


def verifier_recall(world, verifier: str | None = None) -> float:
    """Share of the judged model (of claims: false) documents that were rejected."""
    return _tally(world, verifier).recall


def error_correlation(world, verifier: str | None = None) -> float:
    """Mean correlation of the errors of two members of a panel, given who wrote (of claims: what is true), over the run
    so far: 0 is best."""
    known = [d.total.error_correlation() for d in world.gates.named(verifier) if d.members]
    return float(np.mean(known)) if known else float("nan")


def guarded(world) -> np.ndarray:
    """(N,) 1.0 for models with a verifier before their reading or their publishing."""
    return world.gates.guarded_N.astype(float)


def starved(world) -> np.ndarray:
    """(N,) 1.0 for models of whose draws in this step nothing passed, so that they stay as they were."""
    return world.gates.starved_N.astype(float)


def _tally(world, verifier: str | None) -> Tally:
    whole, by_worth = Tally(), np.zeros((2, 2), np.int64)
    for desk in world.gates.named(verifier):
        whole.counts += desk.now.counts
        by_worth += desk.now.by_worth
    whole.truth = by_worth
    return whole
