"""What a human document is worth by how many there are, when and where they are given, by whom and about what.

    from ecosystem.value import by_rate
    found = by_rate(Scenario.from_file("price_of_human"), "within_diversity", [0, 50, 100], seeds=8, jobs=2)
    found.table, found.save()

Each experiment is a list of points, run with the same seeds (common random numbers) as one resumable sweep; `how`:
jobs, out, progress and the like, as of `sweep`. InputError where the input is wrong, RunFailed where a run fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.errors import InputError
from ecosystem.runs.wording import counted
from ecosystem.value import feeding
from ecosystem.value.law import expected
from ecosystem.value.measured import check_metric, swept, values
from ecosystem.value.valued import Look, Value, Way, array

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

Seeds = int | Iterable[int]
NOTHING = "nothing"
RELATIVE = (0, 0.1, 0.25, 0.5, 1, 2, 4)  # rates tried, of the scenario's own
OF_MODELS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # where nobody writes: of what models publish
MOMENTS = 200  # steps whose mean stands for a whole run, at most
LAG = 8  # a batch is looked at a LAG-th of the run after it


def by_rate(
    spec: Scenario, metric: str, rates: Sequence[int] | None = None, community: str | None = None,
    at: int | None = None, seeds: Seeds = 8, **how: Any,
) -> Value:  # fmt: skip
    """The value curve: a metric against human documents a step, and what one more is worth between neighbouring rates.

    `rates`: of one community, or of all together, split in proportion to their own; by default around the scenario's.
    """
    spec = _checked(spec, metric)
    fed = [feeding.community_of(spec, community)] if community else list(spec.humans)
    own = [feeding.mean_rate(c, spec.steps) for c in fed]
    given = sorted(_defaults(spec, own) if rates is None else _checked_rates(rates))
    keys = [
        {f"humans.{c.name}.rate": feeding.held_at(c, part) for c, part in zip(fed, feeding.split(r, own), strict=True)}
        for r in given
    ]
    ways = [Way(str(given[0]), keys[0], given[0])]
    ways += [Way(str(r), keys[i], r, r - given[i - 1], i - 1) for i, r in enumerate(given[1:], 1)]
    whom = f"of {fed[0].name}" if len(fed) == 1 else "of all communities, in proportion to their own"
    notes = [f"Rates are {whom}, held from step 1 on; step 0 is the scenario's own."]
    return _found(spec, "rate", metric, "a step", ways, _looks(spec, ways, at), seeds, notes, how)


def by_time(
    spec: Scenario, metric: str, times: Sequence[int] | None = None, documents: int | None = None,
    lag: int | None = None, community: str | None = None, seeds: Seeds = 8, **how: Any,
) -> Value:  # fmt: skip
    """One batch of `documents` human documents, at each of several steps, against none.

    Looked at `lag` steps after each batch, at the end of the run, and as the mean of all its steps.
    """
    spec, donor = _checked(spec, metric), feeding.community_of(spec, community)
    spec = spec if spec.record.every == 1 else spec.with_({"record.every": 1})
    after = max(1, spec.steps // LAG) if lag is None else lag
    latest = spec.steps - after
    if after < 0 or latest < 1:
        raise InputError(f"lag: must be from 0 to {spec.steps - 1} in a run of {spec.steps} steps; got {after}")
    asked = np.linspace(1, latest, 5).round().astype(int).tolist() if times is None else list(times)
    given = sorted(dict.fromkeys(asked))
    wrong = [t for t in given if not 1 <= t <= latest]
    if wrong or len(given) < 2:
        rule = f"two steps or more from 1 to {latest}, so that {after} steps later the run goes on"
        raise InputError(f"times: must be {rule}; got {wrong[0] if wrong else ', '.join(map(str, given)) or 'none'}")
    more = max(1, feeding.published(spec)) if documents is None else _positive(documents)
    key = f"humans.{donor.name}.rate"
    ways = [Way(NOTHING, {key: feeding.with_more(donor, 0)}, 0)]
    for t in given:
        batch = {key: feeding.with_more(donor, more, t, t + 1)}
        ways.append(Way(f"step {t}", batch, more, more, 0, f"given at step {t}"))
    every = tuple(range(1, spec.steps + 1, -(-spec.steps // MOMENTS)))
    looks, later = [Look(0, "at the end", (spec.steps,))], f"{counted(after, 'step')} later"
    for i, t in enumerate(given, 1):
        looks += [Look(i, later, (t + after,)), Look(i, "at the end", (spec.steps,))]
        looks += [Look(i, "over the run", every)]
    notes = [f"A batch is {more:,} documents of {donor.name} in one step, beyond what they write anyway."]
    return _found(spec, "time", metric, "in one batch", ways, looks, seeds, notes, how)


def by_place(
    spec: Scenario, metric: str, places: Sequence[Any] | None = None, documents: int | None = None,
    community: str | None = None, at: int | None = None, seeds: Seeds = 8, **how: Any,
) -> Value:  # fmt: skip
    """The same documents a step, reaching the model that most read, the one that fewest read, any one, or all.

    `places`: values of `humans.reach`: those words, shares of the models, lists of model numbers.
    """
    spec, donor = _checked(spec, metric), feeding.community_of(spec, community)
    if spec.agents < 2:
        raise InputError(f"place: {spec.name} has one model; where documents go matters among two or more")
    given = ["least_read", 1 / spec.agents, "most_read", "all"] if places is None else list(places)
    if len(given) < 2 or any(p in given[:i] for i, p in enumerate(given)):
        raise InputError(f"places: must be two different ones or more; got {', '.join(map(str, given)) or 'none'}")
    more = _as_many(spec, documents)
    wider, added = feeding.with_added(spec, donor)
    reach, rate = f"humans.{added}.reach", f"humans.{added}.rate"
    ways = [Way(NOTHING, {reach: "all", rate: 0}, 0)]
    for p in given:
        name = _place(p, spec)
        ways.append(Way(name, {reach: p, rate: [[0, 0], [1, more]]}, more, more, 0, f"that reach {name}"))
    notes = [f"{more:,} documents in every step, written as {donor.name} write, beyond what the scenario has."]
    return _found(wider, "place", metric, "a step", ways, _looks(spec, ways, at), seeds, notes, how)


def by_community(
    spec: Scenario, metric: str, documents: int | None = None, at: int | None = None, seeds: Seeds = 8, **how: Any
) -> Value:
    """Each community in turn writes `documents` a step more, or (where it writes) nothing: whose keep most."""
    spec = _checked(spec, metric)
    if len(spec.humans) < 2:
        raise InputError(f"community: {spec.name} has one, {spec.humans[0].name}; two or more can be compared")
    more = _as_many(spec, documents)
    own = {f"humans.{c.name}.rate": feeding.with_more(c, 0) for c in spec.humans}
    total = sum(feeding.mean_rate(c, spec.steps) for c in spec.humans)
    ways = [Way("as it is", dict(own), total)]
    for c in spec.humans:
        key, rate = f"humans.{c.name}.rate", feeding.mean_rate(c, spec.steps)
        added, none = own | {key: feeding.with_more(c, more)}, own | {key: feeding.held_at(c, 0)}
        ways.append(Way(f"more of {c.name}", added, total + more, more, 0, f"more by {c.name}"))
        if rate:
            ways.append(Way(f"without {c.name}", none, total - rate, -rate, 0, f"of those that {c.name} write"))
    notes = [f"More: {more:,} documents a step beyond the community's own. Without: it writes nothing after step 0."]
    return _found(spec, "community", metric, "a step", ways, _looks(spec, ways, at), seeds, notes, how)


def by_rarity(
    spec: Scenario, metric: str, documents: int | None = None, community: str | None = None,
    at: int | None = None, seeds: Seeds = 8, **how: Any,
) -> Value:  # fmt: skip
    """The same number of documents a step, of what people write anyway or of what is rare in their writing."""
    spec, donor = _checked(spec, metric), feeding.community_of(spec, community)
    more = _as_many(spec, documents)
    kinds = {NOTHING: ("bought", 0), "ordinary": ("bought", more), "rare": ("rare", more)}
    keys = {name: feeding.bought(spec, kind, donor.name, count) for name, (kind, count) in kinds.items()}
    ways = [Way(NOTHING, keys[NOTHING], 0)]
    ways.append(Way("ordinary", keys["ordinary"], more, more, 0, "of what people write anyway"))
    ways.append(Way("rare", keys["rare"], more, more, 0, "about what is rare"))
    notes = [f"{more:,} documents of {donor.name} in every step; rare: the least probable of twenty times as many."]
    return _found(spec, "rarity", metric, "a step", ways, _looks(spec, ways, at), seeds, notes, how)


EXPERIMENTS: dict[str, Callable[..., Value]] = {
    "rate": by_rate,
    "time": by_time,
    "place": by_place,
    "community": by_community,
    "rarity": by_rarity,
}


def _found(spec, by, metric, per, ways, looks, seeds, notes, how) -> Value:
    numbers = tuple(range(seeds) if isinstance(seeds, int) else dict.fromkeys(seeds))
    steps = tuple(sorted({step for look in looks for step in look.steps}))
    points = [way.keys for way in ways]
    swept_ = swept(spec, points, numbers, steps, **how)
    values_PST = array(values(swept_, metric, numbers), len(ways), numbers, steps)
    if np.isnan(values_PST).all():
        raise InputError(f"metric: {metric} has no value at any of the steps looked at; try other steps, or another")
    law_PT, lawless = expected(spec, points, metric, numbers, steps)
    return Value(
        spec, by, metric, per, numbers, tuple(ways), tuple(looks), values_PST, law_PT, steps, lawless, tuple(notes),
        swept_.folder, how.get("command", ""),
    )  # fmt: skip


def _looks(spec: Scenario, ways: list[Way], at: int | None) -> list[Look]:
    step = spec.steps if at is None else at
    if not 1 <= step <= spec.steps:
        raise InputError(f"at: must be a step from 1 to {spec.steps}, the last of the run; got {step}")
    return [Look(i, f"at step {step}", (step,)) for i in range(len(ways))]


def _checked(spec: Scenario, metric: str) -> Scenario:
    """The scenario without arms and claims; InputError where nothing can be measured in it."""
    check_metric(spec, metric)
    if spec.steps < 1:
        raise InputError("steps: human documents are given from step 1 on; the run must have one at least; got 0")
    return spec.arm("base")


def _checked_rates(rates: Sequence[int]) -> list[int]:
    wrong = [r for r in rates if isinstance(r, bool) or not isinstance(r, int) or r < 0]
    if wrong or len(set(rates)) < 2 or len(set(rates)) < len(rates):
        told = wrong[0] if wrong else ", ".join(map(str, rates)) or "none"
        raise InputError(f"rates: must be two or more different whole numbers, none below 0; got {told}")
    return list(rates)


def _defaults(spec: Scenario, own: list[float]) -> list[int]:
    of, shares = (sum(own), RELATIVE) if any(own) else (max(feeding.published(spec), 100), OF_MODELS)
    return list(dict.fromkeys(round(share * of) for share in shares))


def _as_many(spec: Scenario, documents: int | None) -> int:
    """Documents a step: those given; as many as are written anyway; or a tenth of what models publish."""
    if documents is not None:
        return _positive(documents)
    own = round(sum(feeding.mean_rate(c, spec.steps) for c in spec.humans))
    return own or max(1, feeding.published(spec) // 10)


def _positive(documents: int) -> int:
    if documents < 1:
        raise InputError(f"documents: must be a whole number of at least 1; got {documents}")
    return documents


def _place(reach: Any, spec: Scenario) -> str:
    """A place in words."""
    if isinstance(reach, (list, tuple)):
        return f"model {', '.join(map(str, reach))}"
    if isinstance(reach, str):
        known = {"all": "all models", "most_read": feeding.MOST_READ, "least_read": feeding.LEAST_READ}
        return known.get(reach, reach)
    return "any one" if reach == 1 / spec.agents else f"{reach:.0%} of all models"
