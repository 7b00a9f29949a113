"""Where a world is cut: which models of every group belong to which shard, and what cannot be cut."""

from __future__ import annotations

from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.scenario import Scenario

Cuts = list[list[int]]
"""For every group K + 1 places: shard k holds its models from the k-th to before the next."""


def refuse(spec: Scenario, device: str = "cpu") -> None:
    """InputError where a scenario has what only a world in one process can do; every such thing is named."""
    lines = [
        f"verifiers.{v.name}.gate: 'read' judges what each model draws, which shards do by themselves; a sharded world "
        "takes verifiers at the gate 'publish'"
        for v in spec.verifiers
        if v.gate == "read"
    ]
    lines += [
        f"models.{g.name}.questions: who answers looks things up with models of other shards; a sharded world takes "
        "models that are not asked"
        for g in spec.models
        if g.questions is not None
    ]
    if device != "cpu":
        lines.append(f"device: a sharded world computes on cpu, where numbers do not depend on shards; got '{device}'")
    if lines:
        raise InputError(lines)


def cuts(spec: Scenario, shape: DocumentShape, shards: int) -> Cuts:
    """Every group in equal parts, by whole tiles of those that are computed together; InputError where a shard would
    have no model."""
    if shards < 1:
        raise InputError(f"shards: must be a whole number from 1; got {shards}")
    found = _cut(spec, shape, shards)
    if _empty(found):
        most = next(k for k in range(min(shards, spec.agents), 0, -1) if not _empty(_cut(spec, shape, k)))
        why = "" if most == spec.agents else ", since some groups are computed in tiles"
        raise InputError(f"shards: must be from 1 to {most} for these {spec.agents:,} models{why}; got {shards}")
    return found


def tile(spec: Scenario, group: int, shape: DocumentShape) -> int:
    """How many models of a group stay together. Those whose last digits depend on who is computed with them stay all
    together where verifiers or questions of fact address some of them at a time."""
    learner, n = spec.models[group].learner, spec.models[group].count
    if learner.row_tolerance and (spec.verifiers or shape.grammar is not None):
        return n
    return min(learner.tile(n, shape), n)


def _cut(spec: Scenario, shape: DocumentShape, shards: int) -> Cuts:
    found: Cuts = []
    whole = 0  # groups that cannot be cut, dealt out one by one
    for g, group in enumerate(spec.models):
        size = tile(spec, g, shape)
        tiles = -(-group.count // max(size, 1))
        if tiles == 1:
            found.append([0 if k <= whole % shards else group.count for k in range(shards + 1)])
            whole += 1
        else:
            found.append([min(k * tiles // shards * size, group.count) for k in range(shards + 1)])
    return found


def _empty(found: Cuts) -> bool:
    """Has a shard no model?"""
    return any(all(places[k] == places[k + 1] for places in found) for k in range(len(found[0]) - 1))
