"""Collapse by a stated definition: eight in use, or any per-agent metric with a bound.

Definitions differ in what they call collapse (arXiv:2503.03150 lists eight that disagree): a scenario states its own.
"""

from __future__ import annotations

import numpy as np

from ecosystem.scenario import Collapse

DEFINITIONS = {
    # variance to zero (arXiv:2305.17493): a tenth of the agent's own at step 0
    "variance": Collapse(metric="within_diversity", below=0.1),
    # loss rising (arXiv:2404.01413): a tenth above its own at step 0
    "loss": Collapse(metric="human_divergence", above=1.1),
    # rare items lost (arXiv:2305.17493, early collapse): half of its own coverage
    "tail": Collapse(metric="tail_coverage", below=0.5),
    # modes lost (arXiv:2402.07712): half of them
    "modes": Collapse(metric="mode_coverage", below=0.5),
    # support shrinking (arXiv:2412.17646): half of its own
    "support": Collapse(metric="support", below=0.5),
    # entropy (arXiv:2311.09807): half of its own
    "entropy": Collapse(metric="entropy", below=0.5),
    # far from human writing: more than one nat, whatever it was at step 0
    "divergence": Collapse(metric="human_divergence", above=1.0, relative=False),
    # writes what humans never would, one document in ten
    "hallucination": Collapse(metric="hallucination_share", above=0.1, relative=False),
}


def collapsed(world) -> np.ndarray:
    """(N,) 1.0 where the scenario's definition of collapse (`collapse:`) holds, else 0.0."""
    rule = definition(world.spec.collapse)
    value = np.broadcast_to(world.measured(metric_of(rule)), world.n)
    bound = rule.below if rule.below is not None else rule.above
    limit = _share_of(world.measured_first(metric_of(rule)), bound) if rule.relative else bound
    # a limit of 0 (nothing there to lose at step 0) is never passed downwards
    return (value < limit if rule.below is not None else value > limit).astype(float)


def _share_of(first: np.ndarray | float, bound: float | None) -> np.ndarray | float:
    """`bound` times a value, moving the same way where the value is negative: half of -2 nats is -3, a loss of 1."""
    return first + ((bound or 0.0) - 1) * np.abs(np.where(np.isfinite(first), first, 0.0))


def metric_of(collapse: Collapse) -> str:
    """The metric that a scenario's definition looks at."""
    return str(definition(collapse).metric)


def definition(collapse: Collapse) -> Collapse:
    """The metric and bound of a scenario's definition."""
    return DEFINITIONS[collapse.definition] if collapse.definition else collapse
