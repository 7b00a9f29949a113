"""Values as JSON and named arrays, and back to the last bit; nothing else can be read back, no code ever is.

A value is None, a truth value, a number, a text, an array, a list, tuple, set or dict of such values, or one of the
classes that the caller knows (dataclasses and named tuples), by name. Objects that are simply there on both sides
(`fixed`) are named and not stored. Arrays keep their type and shape; two names of one array are stored once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TYPES = {"bool", *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))}
TYPES |= {"float16", "float32", "float64"}
SCALARS = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}  # numpy's own, which divide by 0 unlike Python's


class NotStorable(TypeError):
    """A value that cannot be stored: says which, of what type."""


class Storing:
    """Turns values into JSON; `arrays` gathers what they hold of arrays, by the names that the JSON has for them."""

    def __init__(self, classes: Sequence[type], fixed: Mapping[str, Any] | None = None):
        self.arrays: dict[str, np.ndarray] = {}
        self._classes = {cls: cls.__name__ for cls in classes}
        self._fixed = {id(value): name for name, value in (fixed or {}).items() if value is not None}
        self._known: dict[int, tuple[str, np.ndarray]] = {}  # arrays are held on to, so that their ids stay theirs

    def of(self, value: Any, where: str = "") -> Any:
        """The JSON of a value; NotStorable, saying `where` in the whole, for any other."""
        if value is None or isinstance(value, bool | str) or type(value) in (int, float):
            return value
        if id(value) in self._fixed:
            return {"fixed": self._fixed[id(value)]}
        if isinstance(value, np.generic) and value.dtype.name in SCALARS:
            return {"scalar": [value.dtype.name, value.item()]}
        if isinstance(value, np.ndarray | np.generic):
            return {"array": self._array(value, where)}
        if type(value) in self._classes:
            fields = {n: self.of(getattr(value, n), f"{where}.{n}") for n in _fields(type(value))}
            return {"class": self._classes[type(value)], "fields": fields}
        if isinstance(value, Mapping):
            return {"dict": [[self.of(k, where), self.of(v, f"{where}.{k}")] for k, v in value.items()]}
        kind = next((name for name, cls in KINDS.items() if type(value) is cls), None)
        if kind is None:
            raise NotStorable(f"{where}: a {type(value).__name__} cannot be kept; arrays, numbers and texts can")
        ordered = sorted(value) if kind in ("set", "frozenset") else value
        return {kind: [self.of(v, f"{where}.{i}") for i, v in enumerate(ordered)]}

    def _array(self, value: np.ndarray | np.generic, where: str) -> str:
        array = np.asarray(value)
        if array.dtype.name not in TYPES:
            raise NotStorable(f"{where}: an array of {array.dtype} cannot be kept; one of truth values or numbers can")
        if id(value) not in self._known:
            self._known[id(value)] = (str(len(self._known)), array)
            self.arrays[self._known[id(value)][0]] = np.ascontiguousarray(array).reshape(array.shape)
        return self._known[id(value)][0]


KINDS: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


def restored(
    told: Any, arrays: Mapping[str, np.ndarray], classes: Sequence[type], fixed: Mapping[str, Any] | None = None
) -> Any:
    """The value of a JSON made by `Storing`; ValueError where it is no such JSON."""
    named = {cls.__name__: cls for cls in classes}

    def of(node: Any) -> Any:
        if not isinstance(node, dict):
            if isinstance(node, list):
                raise ValueError("a bare list")
            return node
        ((kind, inner), *more) = node.items()
        if kind == "class":
            return named[inner](**{name: of(value) for name, value in node["fields"].items()})
        if more:
            raise ValueError(f"{kind} with {more[0][0]}")
        if kind == "array":
            return arrays[inner]
        if kind == "scalar":
            return SCALARS[inner[0]](inner[1])
        if kind == "fixed":
            return (fixed or {})[inner]
        if kind == "dict":
            return {of(key): of(value) for key, value in inner}
        return KINDS[kind](of(value) for value in inner)

    try:
        return of(told)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not what was stored: {error!r}") from error


def _fields(cls: type) -> tuple[str, ...]:
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    return cls._fields  # type: ignore[attr-defined]  # a named tuple

