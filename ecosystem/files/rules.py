"""Judges a scenario's plain data: every mistake with the path of its item, or the Scenario where there is none.

Passes: the JSON Schema says what keys, types and bounds are allowed; pydantic builds the components; then come the
rules between parts (`scenario_checks`); last pydantic builds the whole, with the rules stated in validators.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from ecosystem import components
from ecosystem.components import FAMILIES
from ecosystem.errors import InputError, did_you_mean
from ecosystem.files import addresses
from ecosystem.files.addresses import Places
from ecosystem.files.allowed import Mistake, Rules, Schema, shown
from ecosystem.files.checks import FIXED_IN_ARMS, GRAPH_KEYS, Checks
from ecosystem.files.yaml_positions import Path
from ecosystem.interfaces import Component
from ecosystem.scenario import Graph, Scenario


@dataclass(frozen=True)
class Judgement:
    """The Scenario, or what is wrong."""

    spec: Scenario | None
    mistakes: tuple[Mistake, ...]


def judged(data: Any, wrong: Iterable[Path] = ()) -> Judgement:
    """What plain data says; `wrong` are paths known to be wrong, about which nothing more is said."""
    known = Places(wrong)
    found = [m for m in rules().mistakes(data, scenario_schema()) if not known.touch(m.path)]
    if not isinstance(data, dict):
        return Judgement(None, tuple(found))
    for mistake in found:
        known.add(mistake.path)
    data = _with_graph_defaults(data)
    built, more = _built(data, known)
    for mistake in (*more, *_community_mistakes(data, known)):
        found.append(mistake)
        known.add(mistake.path)
    for mistake in list(Checks(data, known).mistakes()):
        found.append(mistake)
        known.add(mistake.path)
    spec, more = _validated(Scenario, built, (), known)
    found += more
    return Judgement(None if found or known else spec, tuple(found))


def arm_data(data: dict, changes: dict[str, Any]) -> dict:
    """The scenario of an arm: the base data, without arms and claims, with the arm's changes; InputError."""
    made = {key: value for key, value in data.items() if key not in ("arms", "claims")}
    for address, value in changes.items():
        if address.partition(".")[0] in FIXED_IN_ARMS:
            raise InputError(f"an arm may not change {', '.join(FIXED_IN_ARMS)}; got '{address}'")
        made = addresses.put(made, addresses.path_of(made, address), value)
    return made


def arm_mistakes(data: dict, base: Judgement, wrong: Collection[Path] = ()) -> Iterator[tuple[str, str, Mistake]]:
    """(arm, change, mistake) for whatever an arm's changes make wrong that was not wrong before."""
    before = {m.path: m.text for m in base.mistakes}
    arms = data.get("arms")
    for arm, changes in arms.items() if isinstance(arms, dict) else ():
        if not isinstance(changes, dict):
            continue
        good = {}
        for address, value in changes.items():
            if ("arms", arm, address) in wrong:
                continue
            try:
                arm_data(data, {address: value})
                good[address] = value
            except InputError as error:
                yield arm, address, Mistake(tuple(address.split(".")), str(error))
        if good:
            yield from _changed_mistakes(data, arm, good, before, wrong)


def graph_defaults(kind: str) -> dict[str, Any]:
    """The defaults of the keys that a kind of graph uses."""
    own = {key: value for key, value in GRAPH_KEYS.get(kind, {}).items() if value is not None}
    return own if kind == "file" else {"self_loops": False, **own}


@cache
def scenario_schema() -> Schema:
    """JSON Schema of a scenario, components marked with `x-family`."""
    schema = Scenario.model_json_schema()
    for family, (holder, key) in _component_places(schema).items():
        holder[key] = _of_family(holder[key], family)
    return schema


def _of_family(schema: Schema, family: str) -> Schema:
    """The schema of a key that holds a component."""
    said = {"description": schema.get("description", ""), "x-family": family}
    return said | {"x-words": f"{{kind: {' | '.join(components.available(family))}, ...}}"}


def rules() -> Rules:
    """The rules of a scenario's schema."""
    return Rules(scenario_schema()["$defs"], _component_mistakes)


@cache
def component_schema(cls: type[Component]) -> Schema:
    """JSON Schema of a component's hyperparameters, components in it marked with `x-family`."""
    schema = cls.model_json_schema()
    for key, family in components.inner(cls).items():
        schema["properties"][key] = _of_family(schema["properties"][key], family)
    return schema


def _with_graph_defaults(data: dict) -> dict:
    graph = data.get("graph", {})
    kind = graph.get("kind", Graph.model_fields["kind"].default) if isinstance(graph, dict) else None
    if not isinstance(kind, str):
        return data
    return data | {"graph": graph_defaults(kind) | {k: v for k, v in graph.items() if v is not None}}


def _component_places(schema: Schema) -> dict[str, tuple[dict, str]]:
    """Where in the schema each family stands: a mapping and a key of it."""
    return {
        "humans": (schema["properties"], "world"),
        "learners": (schema["$defs"]["Group"]["properties"], "learner"),
        "verifiers": (schema["properties"]["verifiers"], "items"),
        "policies": (schema["properties"]["policies"], "items"),
    }


def _component_mistakes(family: str, value: Any, path: Path) -> Iterator[Mistake]:
    if not isinstance(value, dict):
        known = components.available(family)
        yield Mistake(path, f"must be {{kind: {' | '.join(known)}, ...}}; got {shown(value)}")
        return
    try:
        cls = _class_of(family, value)
    except InputError as error:
        meant = [key for key in value if "kind" not in value and did_you_mean(key, ["kind"])]
        yield Mistake((*path, *(meant[:1] or ["kind"])), str(error), key="kind" not in value)
        return
    yield from _parameter_mistakes(cls, {k: v for k, v in value.items() if k != "kind"}, path)


def _parameter_mistakes(cls: type[Component], given: dict, path: Path, partly: bool = False) -> Iterator[Mistake]:
    schema = component_schema(cls)
    if partly:
        schema = schema | {"required": []}
    return Rules(schema.get("$defs", {}), _component_mistakes).mistakes(given, schema, path)


def _class_of(family: str, value: dict) -> type[Component]:
    kind, known = value.get("kind"), components.available(family)
    allowed = f"must be one of {', '.join(known)} or package.module:Class"
    if "kind" not in value:
        hints = [f"'{key}'{did_you_mean(key, ['kind'])}" for key in value if did_you_mean(key, ["kind"])]
        raise InputError(f"kind {allowed}; got {hints[0] if hints else 'nothing'}")
    if not isinstance(kind, str):
        raise InputError(f"{allowed}; got {shown(kind)}")
    if ":" not in kind and kind not in known:
        raise InputError(f"{allowed}; got {shown(kind)}{did_you_mean(kind, known)}")
    try:
        return components.find(family, kind)
    except InputError as error:
        raise InputError(f"{allowed}; got {shown(kind)}: {' '.join(error.lines)}") from error


def _built(data: dict, known: Places) -> tuple[dict, list[Mistake]]:
    """The data with components in the place of their descriptions (bare ones where these are wrong)."""
    made = dict(data)
    found: list[Mistake] = []
    if isinstance(data.get("world"), dict):
        made["world"], found = _component("humans", data["world"], ("world",), known)
    if isinstance(data.get("models"), list):
        made["models"] = list(data["models"])
        for i, group in enumerate(data["models"]):
            if isinstance(group, dict) and isinstance(group.get("learner"), dict):
                learner, more = _component("learners", group["learner"], ("models", i, "learner"), known)
                made["models"][i] = group | {"learner": learner}
                found += more
    for family in ("verifiers", "policies"):
        if isinstance(data.get(family), list):
            made[family] = list(data[family])
            for i, component in enumerate(data[family]):
                if isinstance(component, dict):
                    made[family][i], more = _component(family, component, (family, i), known)
                    found += more
    return made, found


def _component(family: str, value: dict, path: Path, known: Places) -> tuple[Component, list[Mistake]]:
    if known.touch(path):
        return FAMILIES[family].model_construct(), []
    cls, given = _class_of(family, value), {k: v for k, v in value.items() if k != "kind"}
    found: list[Mistake] = []
    for key, of in components.inner(cls).items():
        if isinstance(given.get(key), dict):
            given[key], more = _component(of, given[key], (*path, key), known)
            found += more
    made, more = _validated(cls, given, path, known)
    return made or FAMILIES[family].model_construct(), found + more


def _community_mistakes(data: dict, known: Places) -> Iterator[Mistake]:
    """What is wrong with the worlds that communities write instead of the common one."""
    try:
        cls = _class_of("humans", data["world"])
    except (InputError, KeyError, AttributeError):  # nothing to judge them by; said elsewhere
        return
    communities = data.get("humans")
    for i, community in enumerate(communities if isinstance(communities, list) else ()):
        writes, path = community.get("writes") if isinstance(community, dict) else None, ("humans", i, "writes")
        if not isinstance(writes, dict) or not writes or known.touch(path):
            continue
        found = list(_parameter_mistakes(cls, writes, path, partly=True))
        if not found and not known.touch(("world",)):
            given = {k: v for k, v in data["world"].items() if k != "kind"} | writes
            found = _validated(cls, given, path, Places())[1]
        yield from found


def _validated(cls, data: Any, path: Path, known: Places) -> tuple[Any, list[Mistake]]:
    """What pydantic makes of data, and its mistakes at places where none is known."""
    try:
        return cls.model_validate(data), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
        # pydantic calls a list too short when its only item is wrong: the item's own mistake is told, not that
        told = [e for e in errors if e["type"] != "too_short" or not _below(e["loc"], errors)]
        found = [_from_pydantic(e, data, path) for e in told]
        return None, [m for m in _unique(found) if not known.touch(m.path)]


def _below(place: tuple, errors: list) -> bool:
    """Is there a mistake further inside a place?"""
    return any(len(e["loc"]) > len(place) and e["loc"][: len(place)] == place for e in errors)


def _from_pydantic(error: Any, data: Any, path: Path) -> Mistake:
    place, value = _place(error["loc"], data)
    text = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"][0].lower() + error["msg"][1:]
    named = re.match(r"([a-z_]+): (.*)", text)
    if named:  # a rule between keys says first which key it is about
        place, text = (*place, named[1]), named[2]
        value = value.get(named[1]) if isinstance(value, dict) else getattr(value, named[1], None)
    if "got" not in text:
        text = f"{text}; got {shown(value) if value is not None else 'nothing'}"
    return Mistake((*path, *place), text, key=value is None)


def _place(loc: tuple, data: Any) -> tuple[Path, Any]:
    """The part of a pydantic location that lies in the data (the rest names choices), and what lies there."""
    place: Path = ()
    for step in loc:
        if isinstance(data, (list, tuple)):
            inside = isinstance(step, int) and step < len(data)
        else:
            inside = isinstance(data, dict) and step in data
        if inside:
            data, place = data[step], (*place, step)
    return place, data


def _unique(found: list[Mistake]) -> list[Mistake]:
    first: dict[Path, Mistake] = {}
    for mistake in found:
        first.setdefault(mistake.path, mistake)
    return list(first.values())


def _changed_mistakes(data, arm, changes, before, wrong) -> Iterator[tuple[str, str, Mistake]]:
    try:
        changed = arm_data(data, changes)
    except InputError as error:  # changes that are fine alone and not together
        yield arm, next(iter(changes)), Mistake((), str(error))
        return
    paths = {address: addresses.path_of(changed, address) for address in changes}
    mended = Places(paths.values())
    still = [path for path in wrong if not mended.cover(path)]
    for mistake in judged(changed, still).mistakes:
        blamed = [address for address, path in paths.items() if Places([path]).touch(mistake.path)]
        if before.get(mistake.path) != mistake.text and (blamed or mistake.path not in before):
            yield arm, (blamed or list(changes))[0], mistake
