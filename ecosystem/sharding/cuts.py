"""Where a world is cut: which models of every group belong to which shard, and what cannot be cut."""

from __future__ import annotations

from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.scenario import Scenario
from ecosystem.verifier import Verifier

Cuts = list[list[int]]
"""For every group K + 1 places: shard k holds its models from the k-th to before the next."""


def refuse(spec: Scenario, device: str = "cpu") -> None:
    """InputError where a scenario has what only a world in one process can do; every such thing is named."""
    named = {v.name: v for v in spec.verifiers}
    lines = [
        f"verifiers.{v.name}: judges what each model draws to read, which shards do by themselves; a sharded world "
        "takes verifiers at the gate 'publish', and such as judge documents for all their readers"
        for v in spec.verifiers
        if v.gate == "read" and not _of_documents(v, named)
    ]
    lines += [
        f"models.{g.name}.questions: who answers looks things up with models of other shards; a sharded world takes "
        "models that are not asked"
        for g in spec.models
        if g.questions is not None
    ]
    if spec.on_divergence != "stop":
        lines.append(f"on_divergence: of a sharded world a fit that fails stops the run; got '{spec.on_divergence}'")
    if spec.on_variance_lost != "keep":
        told = f"on_variance_lost: of a sharded world a model without variance goes on; got '{spec.on_variance_lost}'"
        lines.append(told)
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


def readers_of(spec: Scenario) -> tuple[Verifier, ...]:
    """The verifiers at the gate `read` and the members of their panels."""
    named, found = {v.name: v for v in spec.verifiers}, [v for v in spec.verifiers if v.gate == "read"]
    for verifier in found:  # grows
        found += [named[name] for name in verifier.panel() if name in named]
    return tuple(v for v in spec.verifiers if v in found)


def _of_documents(verifier: Verifier, named: dict[str, Verifier]) -> bool:
    """Does it judge each document once, for all its readers? As `Desk.of_documents`."""
    own = verifier.judges == "documents" and not verifier.personal
    return own and all(_of_documents(named[name], named) for name in verifier.panel() if name in named)


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
