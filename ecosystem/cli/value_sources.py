"""Options of the command `value` for sources and substitutes: `--by shapley`, `--by substitution`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ecosystem.cli.sweep import _given
from ecosystem.errors import InputError

TAKES = {
    "shapley": ("since", "sampled", "precision", "pairs", "at"),
    "substitution": ("vary", "rates", "wanted", "price", "judgement", "community", "at"),
}

Since = Annotated[int | None, typer.Option("--since", help="Step from which left out communities are silent.")]
Sampled = Annotated[bool, typer.Option("--sampled", help="Shapley values over sampled orders; always beyond eight.")]
Precision = Annotated[
    float | None, typer.Option("--precision", help="Of sampled values: a share of the largest, by default 0.1.")
]
Pairs = Annotated[int | None, typer.Option("--pairs", help="Pairs of orders at most, by default 64.")]
Vary = Annotated[
    str | None,
    typer.Option("--vary", metavar="PATH=A,B,C", help="Levels of verification; by default the share guarded."),
]
Wanted = Annotated[str | None, typer.Option("--wanted", metavar="0.3,0.5", help="Outcomes of the metric to be had.")]
Price = Annotated[float | None, typer.Option("--price", help="Of a human document, by default 1.")]
Judgement = Annotated[
    float | None, typer.Option("--judgement", help="Price of a judgement; by default the verifiers' own.")
]


def experiments() -> dict[str, Any]:
    """What is run for each."""
    from ecosystem.value import iso_outcomes, shapley_values

    return {"shapley": shapley_values, "substitution": iso_outcomes}


def levels(vary: str | None) -> dict[str, Any]:
    """The key of `--vary` and its values as arguments; InputError where it is not a list of values."""
    if vary is None:
        return {}
    ((key, values),) = _given([vary]).items()
    if isinstance(values, tuple):
        raise InputError(f"--vary {key}: needs values A,B,C; got a range")
    return {"key": key, "levels": values}
