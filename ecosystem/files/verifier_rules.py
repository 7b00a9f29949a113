"""Rules for verifiers: whom they may name, and keys that go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ecosystem.errors import did_you_mean
from ecosystem.files.allowed import Mistake, shown
from ecosystem.files.yaml_positions import Path
from ecosystem.verifier import Verifier

At = Callable[..., Any]
GATE = Verifier.model_fields["gate"].default


def verifier_mistakes(at: At, groups: list[str], communities: list[str], models: int | None) -> Iterator[Mistake]:
    """What is wrong with verifiers; `at(path, default)` gives a value, None where it is wrong in itself."""
    listed = at(("verifiers",), [])
    verifiers = listed if isinstance(listed, list) else []
    panels = {_name(v): _members(v) for v in verifiers if isinstance(v, dict)}
    gates = {_name(v): v.get("gate", GATE) for v in verifiers if isinstance(v, dict)}
    for i, verifier in enumerate(verifiers):
        if isinstance(verifier, dict):
            yield from _placement(at, ("verifiers", i, "placement"), groups, models, verifier.get("gate", GATE))
            yield from _panel(verifier, ("verifiers", i, "members"), panels, gates)
            yield from _named(at, ("verifiers", i, "community"), "community", communities)
            yield from _named(at, ("verifiers", i, "group"), "group of models", groups)


def _name(verifier: dict) -> str:
    return str(verifier.get("name", Verifier.model_fields["name"].default))


def _members(verifier: dict) -> list[str]:
    members = verifier.get("members")
    return [m for m in members if isinstance(m, str)] if isinstance(members, list) else []


def _placement(at: At, path: Path, groups: list[str], models: int | None, gate: Any) -> Iterator[Mistake]:
    rule, listed = at((*path, "rule"), "random"), at((*path, "models"))
    if rule == "list" and not listed:
        text = "must be given with rule list: numbers of models, at least one; got nothing"
        yield Mistake((*path, "models"), text, key=True)
    if rule != "list" and listed is not None:
        yield Mistake((*path, "models"), f"goes with rule list; got it with {shown(rule)}", key=True)
    if rule == "list" and at((*path, "share"), 1) not in (1, None):
        text = f"goes with rules that order models, not with list; got {shown(at((*path, 'share')))}"
        yield Mistake((*path, "share"), text, key=True)
    numbers = listed if isinstance(listed, list) else []
    for j, number in enumerate(numbers):
        if number in numbers[:j]:
            yield Mistake((*path, "models", j), f"a model may be named once; got {shown(number)} again")
    for j, number in enumerate(numbers):
        if models is not None and isinstance(number, (int, float)) and number >= models:
            yield Mistake((*path, "models", j), f"must be a model's number, from 0 to {models - 1:,}; got {number:g}")
    chosen = at((*path, "groups"))
    if isinstance(chosen, list) and not chosen:
        yield Mistake((*path, "groups"), f"must name a group: {', '.join(groups)}; got an empty list, which is nobody")
    for j, name in enumerate(chosen if isinstance(chosen, list) else ()):
        if isinstance(name, str) and name not in groups:
            text = f"must be a group of models: {', '.join(groups)}; got {shown(name)}{did_you_mean(name, groups)}"
            yield Mistake((*path, "groups", j), text)
    if at((*path, "humans")) is True and gate != "publish":
        yield Mistake((*path, "humans"), f"goes with gate publish; got true at gate {shown(gate)}")


def _panel(verifier: dict, path: Path, panels: dict[str, list[str]], gates: dict[str, Any]) -> Iterator[Mistake]:
    own = _name(verifier)
    for j, name in enumerate(_members(verifier)):
        if name not in panels:
            known = [other for other in panels if other != own]
            text = f"must be a verifier of this scenario: {', '.join(known) or 'there is no other'}; got {shown(name)}"
            yield Mistake((*path, j), text + did_you_mean(name, known))
        elif ring := _ring(name, own, panels):
            yield Mistake((*path, j), f"a panel may not judge by way of itself; got {' -> '.join((own, *ring))}")
        elif gates[name] != "panel":
            yield Mistake((*path, j), f"a member must have gate panel; got {shown(name)}, at gate {shown(gates[name])}")
        elif len(seats := [panel for panel, members in panels.items() for m in members if m == name]) > 1:
            text = f"a verifier sits on one panel, once; got {shown(name)} on {' and '.join(map(shown, seats))}"
            yield Mistake((*path, j), text)
    if path and gates.get(own) == "panel" and not any(own in members for members in panels.values()):
        yield Mistake(
            (*path[:2], "gate"), f"panel: judges only as a member, and no panel has {shown(own)}; got 'panel'"
        )


def _ring(name: str, wanted: str, panels: dict[str, list[str]], seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The way from a panel's member back to the panel, if there is one."""
    if name == wanted:
        return (*seen, name)
    for member in () if name in seen else panels.get(name, ()):
        if ring := _ring(member, wanted, panels, (*seen, name)):
            return ring
    return ()


def _named(at: At, path: Path, what: str, known: list[str]) -> Iterator[Mistake]:
    """A key that names a community or a group, of whichever verifiers have it."""
    name = at(path)
    if isinstance(name, str) and name not in known:
        yield Mistake(path, f"must be a {what}: {', '.join(known)}; got {shown(name)}{did_you_mean(name, known)}")
