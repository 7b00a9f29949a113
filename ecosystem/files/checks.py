"""Rules between the parts of a scenario: names that must exist elsewhere, keys that go together, steps within reach.

All rules look at plain data and pass over whatever is wrong in itself, so that every mistake is found in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import BuiltinFunctionType
from typing import Any

from ecosystem import components
from ecosystem.effect import parse_effect
from ecosystem.errors import InputError, did_you_mean
from ecosystem.files.addresses import Places
from ecosystem.files.allowed import Mistake, shown
from ecosystem.files.policy_rules import policy_mistakes
from ecosystem.files.prompt_rules import prompt_mistakes
from ecosystem.files.verifier_rules import verifier_mistakes
from ecosystem.files.yaml_positions import Path
from ecosystem.policy import Policy
from ecosystem.scenario import Community, Group, Scenario
from ecosystem.verifier import Verifier

GRAPH_KEYS: dict[str, dict[str, Any]] = {
    "small_world": {"neighbours": 4, "rewire": 0.1},
    "scale_free": {"links": 2},
    "random": {"density": 0.1},
    "communities": {"blocks": 2, "inside": 0.5, "across": 0.02},
    "file": {"path": None, "nodes": None},
}
"""Keys that each kind of graph uses beside `kind` and `self_loops`, and their defaults."""

DEFAULTS = {
    ("humans", "name"): Community.model_fields["name"].default,
    ("models", "name"): Group.model_fields["name"].default,
    ("verifiers", "name"): Verifier.model_fields["name"].default,
    ("policies", "name"): Policy.model_fields["name"].default,
    ("models", "count"): Group.model_fields["count"].default,
    ("", "steps"): Scenario.model_fields["steps"].default,
    ("", "metrics"): Scenario.model_fields["metrics"].default,
}

RESERVED_ARMS = ("base", "report.html", "summary.csv", "scenario.yaml")
FIXED_IN_ARMS = ("name", "arms", "claims", "seed")


class Checks:
    """The rules, over the plain data of one scenario; `wrong` are the paths where something is wrong already."""

    def __init__(self, data: dict, wrong: Places):
        self.data, self.wrong = data, wrong

    def mistakes(self) -> Iterator[Mistake]:
        """Every rule that is broken."""
        yield from self._names("humans")
        yield from self._names("models")
        yield from self._names("verifiers")
        yield from self._names("policies")
        yield from verifier_mistakes(self._at, self._names_in("models"), self._names_in("humans"), self._count())
        yield from policy_mistakes(self._at, self._known(), self._measured())
        yield from self._somebody_writes()
        yield from self._reaches()
        yield from self._graph()
        yield from self._metrics()
        yield from prompt_mistakes(self._at, DEFAULTS["", "steps"])
        yield from self._arm_names()
        for i, claim in enumerate(self._section("claims")):
            if isinstance(claim, dict):
                yield from self._claim(claim, ("claims", i))

    def _section(self, name: str) -> list:
        value = self.data.get(name)
        return value if isinstance(value, list) and self._sound((name,)) else []

    def _sound(self, path: Path) -> bool:
        """Is nothing wrong at this place or above it (below it something may be)?"""
        return not self.wrong.cover(path)

    def _at(self, path: Path, default: Any = None) -> Any:
        """The value at a path: the default where it is missing, None where it is wrong."""
        here: Any = self.data
        for step in path:
            if isinstance(here, dict):
                here = here.get(step, default)
            elif isinstance(here, list) and isinstance(step, int) and step < len(here):
                here = here[step]
            else:
                return default
        return here if self._sound(path) else None

    def _names(self, section: str) -> Iterator[Mistake]:
        first: dict[str, int] = {}
        for i, item in enumerate(self._section(section)):
            name = item.get("name", DEFAULTS[section, "name"]) if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            if name in first:
                text = f"must be a name of its own, {section}.{first[name]} is called that too; got {shown(name)}"
                yield Mistake((section, i, "name"), text)
            first.setdefault(name, i)

    def _names_in(self, section: str) -> list[str]:
        items = self.data.get(section)
        default = DEFAULTS[section, "name"]
        return [str(i.get("name", default)) for i in items if isinstance(i, dict)] if isinstance(items, list) else []

    def _known(self) -> dict[str, list[str]]:
        sections = {"communities": "humans", "groups": "models", "verifiers": "verifiers"}
        return {whom: self._names_in(section) for whom, section in sections.items()}

    def _measured(self) -> list[str]:
        named = self._at(("metrics",), list(DEFAULTS["", "metrics"])) or ()
        return [m for m in named if isinstance(m, str)]

    def _somebody_writes(self) -> Iterator[Mistake]:
        if self._sound(("humans",)) and not self.data.get("humans"):
            text = "must be a list of at least one community (rate: 0 where humans only write for step 0); got none"
            yield Mistake(("humans",), text)

    def _reaches(self) -> Iterator[Mistake]:
        n = self._count()
        for i in range(len(self._section("humans"))):
            reach = self._at(("humans", i, "reach"))
            if isinstance(reach, list) and n is not None:
                yield from _reach(reach, n, ("humans", i, "reach"))

    def _count(self) -> int | None:
        """Number of models; None where that is not known."""
        groups, usual = range(len(self._section("models"))), DEFAULTS["models", "count"]
        counts = [self._at(("models", i, "count"), usual) for i in groups]
        return int(sum(counts)) if counts and all(isinstance(c, (int, float)) for c in counts) else None

    def _graph(self) -> Iterator[Mistake]:
        graph = self._at(("graph",))
        kind = self._at(("graph", "kind"), "complete")
        if not isinstance(graph, dict) or not isinstance(kind, str):
            return
        used = ["kind", "self_loops", *GRAPH_KEYS.get(kind, {})]
        for key, value in graph.items():
            if value is not None and key not in used and self._sound(("graph", key)):
                owners = [owner for owner, keys in GRAPH_KEYS.items() if key in keys]
                text = f"graph.kind {kind} uses {', '.join(used)}; got '{key}', which goes with {' and '.join(owners)}"
                yield Mistake(("graph", key), text, key=True)
        if kind == "file" and graph.get("path") is None and self._sound(("graph", "path")):
            text = "must be given with graph.kind file: a CSV edge list, GraphML or GML file; got nothing"
            yield Mistake(("graph", "path"), text, key=True)

    def _metrics(self) -> Iterator[Mistake]:
        columns: dict[str, int] = {}
        for i, name in enumerate(self._section("metrics")):
            if not isinstance(name, str) or not self._sound(("metrics", i)):
                continue
            yield from self._metric(name, ("metrics", i))
            column = name.rpartition(":")[2]
            if column in columns:
                first = f"metrics.{columns[column]}"
                text = f"must be a measure of its own, {first} makes the same column; got {shown(name)}"
                yield Mistake(("metrics", i), text)
            columns.setdefault(column, i)
        metric = self._at(("collapse", "metric"))
        if isinstance(metric, str):
            yield from self._metric(metric, ("collapse", "metric"), ("collapsed",))

    def _metric(self, name: str, path: Path, not_these: tuple[str, ...] = ()) -> Iterator[Mistake]:
        from ecosystem import metrics

        plain, at, community = name.partition("@")
        known = [m for m in metrics.available() if m not in not_these]
        if ":" in plain:
            yield from _outside_metric(plain, path)
        elif plain not in known:
            text = f"must be one of {', '.join(known)} or package.module:function; got {shown(plain)}"
            yield Mistake(path, text + did_you_mean(plain, known))
            return
        if at:
            yield from self._metric_of_one(plain, community, path)
        if plain == "collapsed" and self._sound(("collapse",)) and not self.data.get("collapse"):
            yield Mistake(path, "collapsed needs a definition, such as collapse: {definition: tail}; got none")

    def _metric_of_one(self, plain: str, name: str, path: Path) -> Iterator[Mistake]:
        from ecosystem import metrics

        key = metrics.of_whom(metrics.find(plain))
        if key is None:
            takers = [m for m in metrics.available() if metrics.of_whom(metrics.find(m))]
            text = f"measures that take a community or a verifier are {', '.join(takers)}; got {shown(plain)}"
            yield Mistake(path, text + did_you_mean(plain, takers))
            return
        names = self._names_in("humans" if key == "community" else "verifiers")
        if name not in names:
            text = f"after @ stands a {key}: {', '.join(names) or 'there is none'}; got {shown(name)}"
            yield Mistake(path, text + did_you_mean(name, names))

    def _arms(self) -> dict:
        arms = self._at(("arms",))
        return arms if isinstance(arms, dict) else {}

    def _arm_names(self) -> Iterator[Mistake]:
        for name in self._arms():
            if name in RESERVED_ARMS:
                text = f"an arm may not be called {', '.join(RESERVED_ARMS)} (base is the unchanged one); got '{name}'"
                yield Mistake(("arms", name), text, key=True)

    def _claim(self, claim: dict, path: Path) -> Iterator[Mistake]:
        group, effect = (self._at((*path, key)) for key in ("group", "effect"))
        named = [(key, self._at((*path, key))) for key in ("metric", "minus", "along")]
        about = [(key, metric) for key, metric in named if isinstance(metric, str)]
        for key, metric in about:
            yield from self._claim_metric(metric, (*path, key))
        groups = self._names_in("models")
        if isinstance(group, str) and group not in groups:
            text = f"must be a group of models: {', '.join(groups)}; got {shown(group)}{did_you_mean(group, groups)}"
            yield Mistake((*path, "group"), text)
        of_the_web = [metric for _, metric in about if _of_the_web(metric)]
        if isinstance(group, str) and of_the_web:
            what = f"{of_the_web[0]} is one number for the whole web"
            yield Mistake((*path, "group"), f"goes with measures of single models; {what}; got {shown(group)}")
        if isinstance(effect, str):
            yield from _effect(effect, (*path, "effect"))
        yield from self._claim_arms(claim, path)
        yield from self._claim_step(path)

    def _claim_metric(self, metric: str, path: Path) -> Iterator[Mistake]:
        measured = self._measured()
        columns = [m.rpartition(":")[2] for m in measured]
        if measured and metric.rpartition(":")[2] not in columns:
            text = f"must be one of the scenario's metrics, {', '.join(measured)}; got {shown(metric)}"
            yield Mistake(path, text + did_you_mean(metric, measured))

    def _claim_arms(self, claim: dict, path: Path) -> Iterator[Mistake]:
        named, known = self._at((*path, "arms"), ["base"]), ["base", *self._arms()]
        if not isinstance(named, list):
            return
        for i, arm in enumerate(named):
            if isinstance(arm, str) and arm not in known:
                text = f"must be an arm: {', '.join(known)}; got {shown(arm)}{did_you_mean(arm, known)}"
                yield Mistake((*path, "arms", i), text)
        if any(arm in named[:i] for i, arm in enumerate(named)):
            many = "two different" if len(named) == 2 else "different"
            yield Mistake((*path, "arms"), f"must be {many} arms; got {shown(named)}")
        if claim.get("ratio") is True and len(named) < 2 and claim.get("since") is None and claim.get("minus") is None:
            yield Mistake((*path, "ratio"), "a ratio needs two arms, `since` or `minus`; got true with one arm")

    def _claim_step(self, path: Path) -> Iterator[Mistake]:
        every = self._at(("record", "every"), 1)
        named = self._at((*path, "arms"), ["base"])
        arms = [self._arms().get(str(arm)) for arm in named] if isinstance(named, list) else []
        steps = [self._at(("steps",), DEFAULTS["", "steps"])]
        steps += [arm["steps"] for arm in arms if isinstance(arm, dict) and "steps" in arm]
        for key in ("at", "since"):
            at = self._at((*path, key))
            if not all(isinstance(value, (int, float)) for value in (at, every, *steps)):
                continue
            if at > min(steps):
                yield Mistake((*path, key), f"must be a step of the run, at most {min(steps):g}; got {at:g}")
            elif at % every and {at} != set(steps):
                text = f"must be a measured step, a multiple of record.every {every:g}; got {at:g}"
                yield Mistake((*path, key), text)


def _of_the_web(metric: str) -> bool:
    """Is a metric one number for the whole web, by what its function says it returns?"""
    from ecosystem import metrics

    try:
        function = metrics.find(metric)
    except InputError:  # told where metrics are checked
        return False
    return getattr(function, "__annotations__", {}).get("return") in ("float", float)


def _effect(effect: str, path: Path) -> Iterator[Mistake]:
    try:
        parse_effect(effect)
    except ValueError as error:
        yield Mistake(path, str(error))


def _reach(reach: list, n: int, path: Path) -> Iterator[Mistake]:
    seen = set()
    for i, agent in enumerate(reach):
        if not isinstance(agent, (int, float)):
            continue
        if agent >= n:
            yield Mistake((*path, i), f"must be the number of a model, from 0 to {n - 1:,}; got {agent}")
        elif agent in seen:
            yield Mistake((*path, i), f"a model may be named once; got {agent} again")
        seen.add(agent)


def _outside_metric(name: str, path: Path) -> Iterator[Mistake]:
    try:
        found = components.outside_object(name)
    except InputError as error:
        yield Mistake(path, f"must be a function of the world, package.module:function; got {shown(name)}: {error}")
        return
    if not callable(found) or isinstance(found, (type, BuiltinFunctionType)):  # os:system is no measure
        yield Mistake(path, f"must be a function of the world; got {shown(name)}, a {type(found).__name__}")
