"""Dotted addresses into a scenario's plain data: `models.small.count`, `humans.0.rate`.

Items of a list are addressed by position or, failing that, by their `name`. A name may itself hold dots; the longest
name that fits is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ecosystem.errors import InputError, did_you_mean
from ecosystem.files.allowed import shown
from ecosystem.files.yaml_positions import Path, scalar

LISTS = (
    "humans",
    "models",
    "verifiers",
    "policies",
    "metrics",
    "claims",
)  # sections that are lists, also where a scenario leaves them out


@dataclass(frozen=True)
class Change:
    """Something to set: where, to what, and how a message names who asked for it (if anyone need be named)."""

    address: str
    value: Any
    label: str = ""


class Places:
    """A growing set of paths that can be asked about whole branches."""

    def __init__(self, paths: Iterable[Path] = ()):
        self.paths: set[Path] = set()
        self._above: set[Path] = set()
        for path in paths:
            self.add(path)

    def __bool__(self) -> bool:
        return bool(self.paths)

    def add(self, path: Path) -> None:
        """Puts a path in."""
        self.paths.add(path)
        self._above.update(path[:k] for k in range(len(path) + 1))

    def touch(self, path: Path) -> bool:
        """Does the path lie at, above or below one of these?"""
        return path in self._above or self.cover(path)

    def cover(self, path: Path) -> bool:
        """Does the path lie at or below one of these?"""
        return any(path[:k] in self.paths for k in range(len(path) + 1))


def parsed(text: str) -> Change:
    """The change that a `--set PATH=VALUE` asks for; the value is read as YAML."""
    label = f"--set {text}"
    address, equals, value = text.partition("=")
    if not equals or not address.strip():
        raise InputError(f"{label}: must be PATH=VALUE; got {shown(text)}")
    try:
        return Change(address.strip(), scalar(value), label)
    except ValueError as error:
        raise InputError(f"{label}: {error}") from None


def located(data: dict, change: Change) -> Path:
    """The path that a change's address means; InputError where there is no such place."""
    try:
        return path_of(data, change.address)
    except InputError as error:
        raise InputError(f"{change.label or change.address}: {error}") from None


def path_of(data: dict, address: str) -> Path:
    """The path that an address means; InputError where there is no such place."""
    path: Path = ()
    here: Any = data
    rest = address
    while rest:
        step, rest = _step(here, rest, path)
        path, here = (*path, step), _below(here, step, path)
    return path


def put(data: Any, path: Path, value: Any) -> Any:
    """The data with a value put at a path; what is given stays as it is."""
    if not path:
        return value
    step, *rest = path
    if isinstance(data, list):
        return [put(item, tuple(rest), value) if i == step else item for i, item in enumerate(data)]
    made = dict(data) if isinstance(data, dict) else {}
    return made | {step: put(made.get(step), tuple(rest), value)}


def dotted(path: Path) -> str:
    """A path as an address."""
    return ".".join(map(str, path))


def _below(here: Any, step: str | int, path: Path) -> Any:
    if isinstance(here, list):
        return here[int(step)]
    return here.get(step, [] if not path and step in LISTS else None) if isinstance(here, dict) else None


def _step(here: Any, rest: str, path: Path) -> tuple[str | int, str]:
    """The next step of an address and what is left of it."""
    if isinstance(here, list):
        first, after = _longest(rest, [str(i) for i in range(len(here))])
        if first is not None:
            return int(first), after
        names = [item.get("name", _usual_name(path)) if isinstance(item, dict) else None for item in here]
        first, after = _longest(rest, [name for name in names if isinstance(name, str)])
        if first is None:
            raise InputError(_no_item(here, names, rest, path))
        return names.index(first), after
    if here is not None and not isinstance(here, dict):
        owner = dotted(path)
        raise InputError(f"{owner} is {shown(here)} and holds no '{rest}'; give {owner} a whole new value")
    first, after = _longest(rest, list(here or {}))
    if first is None:
        first, _, after = rest.partition(".")
    return first, after


def _usual_name(path: Path) -> str | None:
    """The name of an item of a list that says none."""
    from ecosystem.policy import Policy
    from ecosystem.scenario import Community, Group
    from ecosystem.verifier import Verifier

    named: dict[Path, Any] = {
        ("humans",): Community, ("models",): Group, ("verifiers",): Verifier, ("policies",): Policy,
    }  # fmt: skip
    return named[path].model_fields["name"].default if path in named else None


def _longest(rest: str, known: Iterable[str]) -> tuple[str | None, str]:
    fitting = [word for word in known if rest == word or rest.startswith(word + ".")]
    first = max(fitting, key=len, default=None)
    return first, rest[len(first) + 1 :] if first is not None else rest


def _no_item(here: list, names: list, rest: str, path: Path) -> str:
    items = ", ".join(f"{i} ({name})" if name else str(i) for i, name in enumerate(names)) or "none"
    word = rest.partition(".")[0]
    hint = did_you_mean(word, [name for name in names if isinstance(name, str)])
    return f"the items of {dotted(path)} are {items}; got '{word}'{hint}"
