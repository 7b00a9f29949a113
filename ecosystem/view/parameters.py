"""What of a scenario can be moved on the page: its numbers with their bounds, by address.

Only what these offer is ever changed by a page: a value is checked against its own bounds, and no text is a path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ecosystem.errors import InputError
from ecosystem.scenario import Scenario

MOST = 24  # sliders
BOUNDS = frozenset({"low", "high", "least", "most", "when", "back", "first", "gain"})  # of policies


@dataclass(frozen=True)
class Parameter:
    """A number (or one of `options`) of a scenario: where it stands, what it is called, what it may be."""

    address: str
    label: str
    value: Any
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    whole: bool = False
    options: tuple[str, ...] = ()

    def checked(self, value: Any) -> Any:
        """The value, if it is allowed; InputError else."""
        if self.options:
            if value in self.options:
                return value
            raise InputError(f"{self.address}: must be one of {', '.join(self.options)}. Got {str(value)[:40]!r}.")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            raise InputError(
                f"{self.address}: must be a number from {self.low:g} to {self.high:g}. Got {str(value)[:40]!r}."
            )
        return round(value) if self.whole else float(value)


def parameters(spec: Scenario) -> list[Parameter]:
    """Those of human writing first, then policies, verification, models, the web; at most MOST."""
    found = [*_humans(spec), *_policies(spec), *_verifiers(spec), *_models(spec), *_web(spec)]
    return found[:MOST]


def changed(spec: Scenario, known: list[Parameter], values: dict[str, Any]) -> Scenario:
    """The scenario with some of its parameters moved; InputError where one is none of them, or out of its bounds."""
    by_address = {p.address: p for p in known}
    unknown = [address for address in values if address not in by_address]
    if unknown:
        raise InputError(f"{unknown[0][:60]!r} cannot be changed here; what can: {', '.join(by_address)}.")
    moved = {a: by_address[a].checked(v) for a, v in values.items() if v != by_address[a].value}
    # a page shows how things go on: claims are about the scenario as it stands
    return spec.with_({**moved, "claims": []}) if moved else spec


def _humans(spec: Scenario) -> Iterator[Parameter]:
    for community in spec.humans:
        where = f"humans.{community.name}"
        if isinstance(community.rate, int):
            high = max(4 * community.rate, 40)
            yield Parameter(f"{where}.rate", f"{community.name}: documents a step", community.rate, 0, high, 1, True)
        if isinstance(community.reach, float):
            yield Parameter(f"{where}.reach", f"{community.name}: share of models reached", community.reach)


def _policies(spec: Scenario) -> Iterator[Parameter]:
    """Shares, purses, prices and documents bought; not bounds, which only go together."""
    for policy in spec.policies:
        where = f"policies.{policy.name}"
        documents = getattr(policy, "documents", None)
        if isinstance(documents, int):
            high = max(4 * documents, 40)
            yield Parameter(f"{where}.documents", f"{policy.name}: documents a step", documents, 0, high, 1, True)
        yield from _numbers(policy, where, policy.name, skip=BOUNDS)


def _verifiers(spec: Scenario) -> Iterator[Parameter]:
    for verifier in spec.verifiers:
        where = f"verifiers.{verifier.name}"
        if verifier.gate != "panel":
            share = verifier.placement.share
            yield Parameter(f"{where}.placement.share", f"{verifier.name}: share of models guarded", share)
        yield from _numbers(verifier, where, verifier.name, skip={"price", "capacity"})


def _models(spec: Scenario) -> Iterator[Parameter]:
    for group in spec.models:
        where, name = f"models.{group.name}", group.name
        high = max(4 * group.publish, 20)
        yield Parameter(f"{where}.publish", f"{name}: published a step, each", group.publish, 0, high, 1, True)
        if isinstance(group.read, int):
            high = max(4 * group.read, 20)
            yield Parameter(f"{where}.read", f"{name}: read a fit, each", group.read, 1, high, 1, True)
        if group.questions is not None:
            yield from _numbers(group.questions, f"{where}.questions", name)
        yield from _numbers(group.learner, f"{where}.learner", name)
    for group in spec.models:
        if spec.graph.kind != "file" and group.count > 1:
            where, high = f"models.{group.name}.count", max(3 * group.count, 12)
            yield Parameter(where, f"{group.name}: how many", group.count, 1, high, 1, True)


def _web(spec: Scenario) -> Iterator[Parameter]:
    if isinstance(spec.corpus.keep, str):
        yield Parameter("corpus.keep", "what stays readable", spec.corpus.keep, options=("step", "all"))
    if spec.reading.human_share is not None:
        yield Parameter("reading.human_share", "human share of a diet", spec.reading.human_share)


def _numbers(part: BaseModel, where: str, owner: str, skip: Collection[str] = ()) -> Iterator[Parameter]:
    """Its plain numbers that are no counts, with the bounds that the key has."""
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if name in skip or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        low, high = _bounds(field)
        if isinstance(value, float):
            yield _slider(f"{where}.{name}", f"{owner}: {name.replace('_', ' ')}", value, low, high, _open(field))


def _slider(address: str, label: str, value: float, low, high, opened: bool) -> Parameter:
    """From the key's own bounds where they are near, else around the value; `opened`: the lowest is not allowed."""
    top = high if high is not None and high <= 1 else min(high or 1e9, max(4 * value, 1.0))
    if 0 < value < 0.05:
        top = min(top, 10 * value)
    step = top / 100 if 0 < value < 0.05 else 0.01 if top <= 4 else round(top / 100, 2)
    floor = low if low is not None else min(0.0, 4 * value)
    return Parameter(address, label, value, floor + step if opened else floor, top, step)


def _bounds(field) -> tuple[float | None, float | None]:
    found: dict[str, float] = {}
    for part in (*field.metadata, *getattr(field.annotation, "__metadata__", ())):
        for key in ("ge", "gt", "le", "lt"):
            if (bound := getattr(part, key, None)) is not None:
                found[key] = float(bound)
    return found.get("ge", found.get("gt")), found.get("le", found.get("lt"))


def _open(field) -> bool:
    """True where the lower bound itself is not allowed."""
    return any(getattr(part, "gt", None) is not None for part in field.metadata)
