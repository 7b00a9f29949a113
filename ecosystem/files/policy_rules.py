"""Rules for policies: whom they may name, and measures that they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ecosystem import components
from ecosystem.errors import InputError, did_you_mean
from ecosystem.files.allowed import Mistake, shown
from ecosystem.files.yaml_positions import Path
from ecosystem.policy import WHOM

At = Callable[..., Any]
ONE = {"communities": "community", "groups": "group of models", "verifiers": "verifier"}
KEYS = {"community": "communities", "groups": "groups", "verifier": "verifiers"}


def policy_mistakes(at: At, known: dict[str, list[str]], measured: list[str]) -> Iterator[Mistake]:
    """What is wrong with policies; `at(path, default)` gives a value, None where it is wrong in itself.

    `known`: names of the scenario's communities, groups and verifiers; `measured`: its metrics.
    """
    listed = at(("policies",), [])
    for i, policy in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(policy, dict):
            yield from _policy(at, ("policies", i), _defaults(policy.get("kind")), known, measured)


def _policy(at: At, path: Path, usual: dict[str, Any], known: dict[str, list[str]], measured: list[str]):
    for key, whom in KEYS.items():
        if key in usual:
            value = at((*path, key), usual[key])
            for j, name in enumerate(value) if isinstance(value, (list, tuple)) else [(None, value)]:
                yield from _named((*path, key) if j is None else (*path, key, j), name, whom, known[whom])
    metric = at((*path, "metric"), usual.get("metric"))
    if "metric" in usual and isinstance(metric, str) and measured and metric not in measured:
        text = f"must be one of the scenario's metrics, {', '.join(measured)}; got {shown(metric)}"
        yield Mistake((*path, "metric"), text + did_you_mean(metric, measured))
    periods = at((*path, "periods"), []) if "periods" in usual else []
    listed = periods if isinstance(periods, list) else []
    held = [(*path, "periods", j) for j, period in enumerate(listed) if isinstance(period, dict)]
    for place, controls in [(path, [c for c in WHOM if c in usual]), *((place, list(WHOM)) for place in held)]:
        for control in controls:
            names = at((*place, control), {})
            for name in names if isinstance(names, dict) else ():
                yield from _named((*place, control, name), name, WHOM[control], known[WHOM[control]], key=True)


def _named(path: Path, name: Any, whom: str, known: list[str], key: bool = False) -> Iterator[Mistake]:
    if isinstance(name, str) and name not in known:
        has = ", ".join(known) or "there is none"
        yield Mistake(path, f"must be a {ONE[whom]}: {has}; got {shown(name)}{did_you_mean(name, known)}", key=key)


def _defaults(kind: Any) -> dict[str, Any]:
    """The keys of a kind of policy with what they are where a file leaves them out."""
    try:
        fields = components.find("policies", kind).model_fields if isinstance(kind, str) else {}
    except InputError:  # told where components are checked
        return {}
    return {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
