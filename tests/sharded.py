"""A world over shards in this process, held against the world in one."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ecosystem.documents import Documents
from ecosystem.frame import Frame
from ecosystem.model import Ecosystem
from ecosystem.sharding.shard import Shard
from ecosystem.sharding.world import ShardedEcosystem


class Here:
    """A crew of shards that take turns in this process; `asked` counts what they were asked."""

    def __init__(self, orders):
        self.shards, self.asked = [Shard(order) for order in orders], 0

    def share(self, value):
        return value

    def ask(self, method, given):
        self.asked += 1
        asked = zip(self.shards, given, strict=True)
        return [None if each is None else getattr(shard, method)(*each) for shard, each in asked]


def first_difference(spec, shards: int = 3) -> str:
    """Where a run over shards differs from one without, at any step, in any digit of any table; "" where nowhere."""
    alone, sharded = Ecosystem(spec), ShardedEcosystem(spec, Here, shards)
    while True:
        differs = next(filter(None, _differences(alone.frame, sharded.frame)), "")
        if differs or alone.t == spec.steps:
            return f"step {alone.t}: {differs}" if differs else ""
        alone.step()
        sharded.step()


def _differences(one: Frame, other: Frame):
    yield from (name for name in one.values if not _same(one.values[name], other.values[name]))
    yield from (f"{name} of models" for name in one.agents if not _same(one.agents[name], other.agents[name]))
    for part in ("events", "ledger", "worked"):
        if str(getattr(one, part)) != str(getattr(other, part)):
            yield part
    for part in ("pairs", "answers"):
        if not _same(getattr(one, part), getattr(other, part)):
            yield part
    if len(one.documents) != len(other.documents):
        yield "documents"
    for mine, yours in zip(one.documents, other.documents, strict=True):
        columns = [field.name for field in fields(Documents)]
        yield from (f"{c} of documents" for c in columns if not _same(getattr(mine, c), getattr(yours, c)))
    judged = [[(each.verifier, *map(np.ndarray.tolist, each[2:])) for _, each in f.judgements] for f in (one, other)]
    if judged[0] != judged[1]:
        yield "judgements"


def _same(one, other) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f"))
