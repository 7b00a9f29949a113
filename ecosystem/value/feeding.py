"""Ways of giving a web more or less human writing, as changes to a scenario.

Step 0 stays as it is: what models are pretrained on, and the human distribution that metrics compare with, are the same
however much is written from step 1 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.errors import InputError, suggestion

if TYPE_CHECKING:
    from ecosystem.scenario import Community, Scenario

ADDED = "added"  # the community that is put beside the scenario's own
MOST_READ, LEAST_READ = "the most read", "the least read"  # places in words
RateKey = list[list[int]]


def community_of(spec: Scenario, name: str | None) -> Community:
    """The community of that name; the first where none is named."""
    known = {c.name: c for c in spec.humans}
    if name is None:
        return spec.humans[0]
    if name not in known:
        hint = suggestion(name, known)
        raise InputError(f"community: {spec.name} has no community '{name}'.{hint} It has {', '.join(known)}.")
    return known[name]


def mean_rate(community: Community, steps: int) -> float:
    """Documents a step on average over steps 1 to `steps`."""
    schedule = ((0, community.rate),) if isinstance(community.rate, int) else community.rate
    starts, rates = np.array(schedule, float).T
    return float(rates[np.searchsorted(starts, np.arange(1, steps + 1), side="right") - 1].mean())


def published(spec: Scenario) -> int:
    """Documents that models publish in a step."""
    return sum(group.count * group.publish for group in spec.models)


def held_at(community: Community, rate: int) -> RateKey:
    """So many documents in every step from step 1 on."""
    return [[0, community.rate_at(0)], [1, rate]]


def with_more(community: Community, more: int, since: int = 1, until: int | None = None) -> RateKey:
    """The community's own rate and so many documents more, from a step on, until (not in) another."""
    own = [0] if isinstance(community.rate, int) else [start for start, _ in community.rate]
    starts = sorted({*own, since, *([] if until is None else [until])})
    within = lambda step: step >= since and (until is None or step < until)  # noqa: E731
    return [[step, community.rate_at(step) + more * within(step)] for step in starts]


def split(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights (alike where all are 0) that sum to the total."""
    share = np.array(weights, float)
    share = share / share.sum() if share.any() else np.full(len(share), 1 / len(share))
    parts = np.floor(total * share + 1e-9).astype(int)
    for i in np.argsort(parts - total * share, kind="stable")[: total - parts.sum()]:
        parts[i] += 1
    return parts.tolist()


def with_added(spec: Scenario, donor: Community) -> tuple[Scenario, str]:
    """The scenario with one community more, who write as the donor does but publish nothing yet; and its name.

    Pretraining documents come from communities in the shares of their rates at step 0, alike where all are 0. There the
    own ones get a rate of 1 at step 0 (when nothing is published): the newcomer must have no share in that either.
    """
    taken = {c.name for c in spec.humans}
    name = next(n for n in (ADDED, *(f"{ADDED} {i}" for i in range(2, len(taken) + 3))) if n not in taken)
    silent = not any(c.rate_at(0) for c in spec.humans)
    own = [plain | ({"rate": [[0, 1], *with_more(c, 0, 1)[1:]]} if silent else {})
           for plain, c in zip(spec.plain()["humans"], spec.humans, strict=True)]  # fmt: skip
    more = {"name": name, "rate": 0, "reach": "all", "writes": dict(donor.writes)}
    return spec.with_({"humans": [*own, more]}), name


def bought(spec: Scenario, kind: str, community: str, documents: int) -> dict[str, Any]:
    """Documents of a community bought in every step, `kind`: bought (any) or rare."""
    period = {"begins": 1, kind: {community: documents}}
    names = {policy.name for policy in spec.policies}
    name = next(n for n in ("value", *(f"value {i}" for i in range(2, len(names) + 3))) if n not in names)
    return {"policies": [*spec.plain()["policies"], {"kind": "schedule", "name": name, "periods": [period]}]}
