"""Rules about prompts: measures that need some, and steps at which none are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ecosystem.errors import InputError
from ecosystem.files.allowed import Mistake, shown
from ecosystem.measuring import Prompts

At = Callable[..., Any]
"""at(path, default): the value at a path of a scenario's plain data, None where it is wrong."""


def prompt_mistakes(at: At, steps: int) -> Iterator[Mistake]:
    """Every rule about prompts that is broken; `steps`: how many a scenario has that says nothing of them."""
    yield from _needless(at)
    prompts, recorded = at(("measure", "prompts")), at(("record", "every"), 1)
    if not isinstance(prompts, dict):
        return
    every = at(("measure", "prompts", "every"), Prompts.model_fields["every"].default)
    last = at(("steps",), steps)
    if not all(isinstance(value, (int, float)) for value in (every, recorded, last)):
        return
    if every % recorded:
        text = f"must be a multiple of record.every {recorded:g}, the steps that are measured; got {every:g}"
        yield Mistake(("measure", "prompts", "every"), text)
    yield from _claims(at, every, last)


def _needless(at: At) -> Iterator[Mistake]:
    """Measures of answers where nothing is asked."""
    names, measure = at(("metrics",)), at(("measure",), {})
    if not isinstance(names, list) or not isinstance(measure, dict) or measure.get("prompts") is not None:
        return
    for i, name in enumerate(names):
        if isinstance(name, str) and at(("metrics", i)) is not None and _asks(name):
            text = f"{name} needs prompts, such as measure: {{prompts: {{count: 20}}}}; got none"
            yield Mistake(("metrics", i), text)


def _claims(at: At, every: float, last: float) -> Iterator[Mistake]:
    """Claims on answers at steps at which nothing is asked."""
    claims = at(("claims",), [])
    for i, claim in enumerate(claims if isinstance(claims, list) else ()):
        if not isinstance(claim, dict) or not isinstance(claim.get("metric"), str) or not _asks(claim["metric"]):
            continue
        for key in ("at", "since"):
            step = at(("claims", i, key))
            if isinstance(step, (int, float)) and step % every and step != last:
                text = f"prompts are asked at multiples of {every:g} and at the last step; got {shown(step)}"
                yield Mistake(("claims", i, key), text)


def _asks(name: str) -> bool:
    from ecosystem import metrics

    try:
        return metrics.asks(name)
    except InputError:  # told where metrics are checked
        return False
