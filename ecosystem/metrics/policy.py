"""What policies bought in a step, and what it has cost so far."""

from __future__ import annotations


def policy_cost(world) -> float:
    """Cost of the step: documents bought, writing forgone, judgements."""
    return float(sum(entry.cost for entry in world.steering.entries))


def total_cost(world) -> float:
    """Cost of all steps so far."""
    return float(sum(world.steering.spent.values()))


def human_documents_bought(world) -> float:
    """Human documents that policies bought in the step, of any kind."""
    return float(sum(entry.units for entry in world.steering.entries if entry.kind in ("human", "rare")))
