"""What a JSON Schema allows, in words, and where a value goes against it.

The schema that editors read is thus the one that judges: no bound is written twice. Only what pydantic writes is
understood. Types are taken literally: `true` is no number and `"6"` no 6, while 1e3 is a whole number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ecosystem.errors import did_you_mean
from ecosystem.files.yaml_positions import Path

Schema = dict[str, Any]

PLAIN_WORDS = {"string": "text", "boolean": "true or false", "null": "null", "object": "a mapping"}
BOUND_WORDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
    "maximum": "of at most",
    "exclusiveMaximum": "below",
}


@dataclass(frozen=True)
class Mistake:
    """A value against the rules: of which item, what is allowed and what was given; `key`: the key itself is wrong."""

    path: Path
    text: str
    key: bool = False


@dataclass(frozen=True)
class Rules:
    """A schema with its definitions. `component` judges values whose schema says `x-family`."""

    defs: dict[str, Schema]
    component: Callable[[str, Any, Path], Iterator[Mistake]] | None = None

    def mistakes(self, value: Any, schema: Schema, path: Path = ()) -> Iterator[Mistake]:
        """Every mistake in a value."""
        schema = self.resolved(schema)
        choices = self._choices(schema)
        if "x-family" in schema and self.component is not None:
            yield from self.component(schema["x-family"], value, path)
        elif len(choices) > 1:
            yield from self._of_choices(value, schema, choices, path)
        elif not self._fits(value, choices[0]):
            yield self._refused(value, schema, path)
        elif isinstance(value, dict):
            yield from self._of_mapping(value, choices[0], path)
        elif isinstance(value, list):
            yield from self._of_list(value, choices[0], path)

    def resolved(self, schema: Schema) -> Schema:
        """A schema, its reference followed."""
        while "$ref" in schema:
            schema = self.defs[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def words(self, schema: Schema) -> str:
        """What a schema allows: 'all, a number from 0 to 1, or a list, each a whole number of at least 0'."""
        parts = [self._words_of(choice) for choice in self._choices(schema) if choice.get("type") != "null"]
        parts = [part for part in parts if part] or ["null"]
        return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1]

    def _refused(self, value: Any, schema: Schema, path: Path) -> Mistake:
        known = [str(word) for choice in self._choices(schema) for word in _enumerated(choice)]
        return Mistake(path, f"must be {self.words(schema)}; got {shown(value)}{did_you_mean(value, known)}")

    def _choices(self, schema: Schema) -> list[Schema]:
        schema = self.resolved(schema)
        choices = schema.get("anyOf") or schema.get("oneOf")
        return [flat for choice in choices for flat in self._choices(choice)] if choices else [schema]

    def _of_choices(self, value: Any, schema: Schema, choices: list[Schema], path: Path) -> Iterator[Mistake]:
        fitting = [list(self.mistakes(value, choice, path)) for choice in choices if self._fits(value, choice)]
        if not fitting:
            yield self._refused(value, schema, path)
        elif all(fitting):
            yield from self._best(value, schema, choices, fitting, path)

    def _best(self, value, schema, choices, fitting, path) -> Iterator[Mistake]:
        """Of several readings of a value, none clean: the one that takes its keys; else the keys nobody takes."""
        deep = [found for found in fitting if not any(m.key or m.path == path for m in found)]
        if deep:
            yield from deep[0]
            return
        known = [key for choice in choices for key in choice.get("properties", {})]
        unknown = [key for key in value if key not in known] if isinstance(value, dict) else []
        for key in unknown:
            yield _unknown_key(key, known, path)
        if not unknown:
            yield self._refused(value, schema, path)

    def _fits(self, value: Any, schema: Schema) -> bool:
        """Is this the kind of value a schema without choices speaks of? Of numbers and words also: within bounds."""
        words = _enumerated(schema)
        if words:
            return any(value == word and type(value) is type(word) for word in words)
        kind = schema.get("type")
        if kind in ("integer", "number"):
            return _is_number(value, kind) and _in_bounds(value, schema)
        plain = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
        return kind is None or isinstance(value, plain[kind])

    def _of_mapping(self, value: dict, schema: Schema, path: Path) -> Iterator[Mistake]:
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for key in schema.get("required", []):
            if key not in value:
                yield Mistake((*path, key), f"must be given, {self.words(known[key])}; got nothing", key=True)
        for key, inner in value.items():
            if key in known:
                yield from self.mistakes(inner, known[key], (*path, key))
            elif others is False:
                yield _unknown_key(key, known, path)
            elif isinstance(others, dict):
                yield from self.mistakes(inner, others, (*path, key))

    def _of_list(self, value: list, schema: Schema, path: Path) -> Iterator[Mistake]:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            yield Mistake(path, f"must be {self._words_of(schema)}; got {_counted(len(value))}")
            return
        fixed = schema.get("prefixItems", [])
        for i, item in enumerate(value):
            yield from self.mistakes(item, fixed[i] if i < len(fixed) else schema.get("items", {}), (*path, i))

    def _words_of(self, schema: Schema) -> str:
        words = _enumerated(schema)
        kind = schema.get("type")
        if "x-words" in schema:
            return schema["x-words"]
        if words:
            return (f"one of {', '.join(map(str, words))}") if len(words) > 2 else " or ".join(map(str, words))
        if kind in ("integer", "number"):
            return ("a whole number" if kind == "integer" else "a number") + _bounds_in_words(schema)
        if kind == "array":
            return self._words_of_list(schema)
        if kind == "object" and schema.get("properties"):
            inner = ", ".join(f"{key}: {self.words(s)}" for key, s in schema["properties"].items())
            return f"{{{inner}}}" if len(inner) < 100 else f"a mapping of {', '.join(schema['properties'])}"
        return PLAIN_WORDS.get(str(kind), "any value")

    def _words_of_list(self, schema: Schema) -> str:
        if "prefixItems" in schema:
            return f"[{', '.join(self.words(item) for item in schema['prefixItems'])}]"
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        count = f" of {least} to {most}" if most is not None else f" of at least {least}" if least else ""
        return f"a list{count}, each {self.words(schema.get('items', {}))}"


def shown(value: Any, width: int = 60) -> str:
    """A value as a scenario file would write it, on one line, cut where long."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "null"}[value]
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in list(value.items())[:9]) + "}"
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(shown(inner) for inner in value[:9]) + "]"
    else:
        text = str(value)
    return text if len(text) <= width else text[: width - 3] + "..."


def _enumerated(schema: Schema) -> list:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _unknown_key(key: str, known, path: Path) -> Mistake:
    allowed = f"the keys allowed here are {', '.join(known)}" if known else "no keys are allowed here"
    return Mistake((*path, key), f"{allowed}; got '{key}'{did_you_mean(key, known)}", key=True)


def _is_number(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # a whole number may be too large for a float to hold
    return isinstance(value, int) or (math.isfinite(value) and (kind == "number" or value == int(value)))


def _in_bounds(value: float, schema: Schema) -> bool:
    return schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf) and schema.get(
        "exclusiveMinimum", -math.inf
    ) < value < schema.get("exclusiveMaximum", math.inf)


def _bounds_in_words(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {_plain(low)} to {_plain(high)}"
    said = [f"{word} {_plain(schema[key])}" for key, word in BOUND_WORDS.items() if key in schema]
    return " " + " and ".join(said) if said else ""


def _plain(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def _counted(n: int) -> str:
    return "an empty list" if n == 0 else f"a list of {n:,}"
