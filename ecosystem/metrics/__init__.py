"""Measures: plain functions of the world, one column each, named after the function.

`metric(world)` returns a number, or one for each model (N,). A file in this folder is a family; a function of your own
is used as `package.module:function`. `name@community` measures against one community where the function takes a
`community`, `name@verifier` one verifier where it takes a `verifier`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache, partial
from typing import Literal

from ecosystem.errors import InputError, suggestion

NOT_FAMILIES = {"titles"}


class MetricError(InputError):
    """A metric that does not exist or is not defined for a world."""


@cache
def _functions() -> dict[str, Callable]:
    """Every public metric of this package by name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in NOT_FAMILIES:
            continue
        family = importlib.import_module(f"{__name__}.{module.name}")
        for name, function in inspect.getmembers(family, inspect.isfunction):
            first = next(iter(inspect.signature(function).parameters), "")
            if function.__module__ == family.__name__ and first == "world":
                found[name] = function
    return {name: f for name, f in found.items() if not name.startswith("_")}


def available() -> list[str]:
    """Names of all metrics that come with the package."""
    return sorted(_functions())


def find(name: str) -> Callable:
    """The metric of that name; MetricError names the nearest where there is none."""
    plain, _, community = name.partition("@")
    function = _outside(plain) if ":" in plain else _functions().get(plain)
    if function is None:
        hint = suggestion(plain, available())
        raise MetricError(f"Unknown metric {plain!r}.{hint} Available: {', '.join(available())}.")
    if not community:
        return function
    key = of_whom(function)
    if key is None:
        takes = [n for n, f in _functions().items() if of_whom(f)]
        raise MetricError(f"Metric {plain!r} takes no community or verifier. Those that do: {', '.join(takes)}.")
    return partial(function, **{key: community})


def of_whom(function: Callable) -> Literal["community", "verifier"] | None:
    """What stands after the @ of a metric's name; None: nothing can."""
    parameters = inspect.signature(function).parameters
    return "community" if "community" in parameters else "verifier" if "verifier" in parameters else None


def column(name: str) -> str:
    """The column of a metric in tables: its name, for outside code the function's."""
    return name.rpartition(":")[2]


def kinds(name: str) -> tuple[str, ...] | None:
    """The kinds of documents a metric is defined for; None: all."""
    function = find(name)
    return getattr(getattr(function, "func", function), "kinds", None)


def asks(name: str) -> bool:
    """Does a metric need prompts, and have a value only at steps at which they are asked?"""
    function = find(name)
    return bool(getattr(getattr(function, "func", function), "asks", False))


def follows(name: str) -> Literal["collapse", "likeness", "diet"] | None:
    """What a metric counts from step 0 on (`ecosystem.spread`, `ecosystem.diets`), in worlds that are asked for it;
    None: nothing."""
    function = find(name)
    return getattr(getattr(function, "func", function), "follows", None)


def _outside(name: str) -> Callable:
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise MetricError(f"Metric {name!r} cannot be loaded as package.module:function: {error}.") from None
