"""Substitution of human writing and verification in plain words: findings, the figure, the brief."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecosystem.report import words as told
from ecosystem.report.response import key_words
from ecosystem.report.style import line_style, look, panels, svg
from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance
from ecosystem.runs.wording import counted, interval, listed, number
from ecosystem.value import brief
from ecosystem.value.curves import Curve
from ecosystem.value.shapley_told import what
from ecosystem.value.valued import TABLE

if TYPE_CHECKING:
    from ecosystem.value.substitution import Substitution

TEMPLATE = "brief_substitution.html"
OUTCOMES, ELASTICITY = "outcomes.csv", "elasticity.csv"
COLUMNS = ("rate", "replaced", "verification_cost", "cost", "beyond")


def findings(found: Substitution) -> list[str]:
    """Sentences, of the middle outcome first; of others in short."""
    middle = found.curves[(len(found.curves) - 1) // 2]
    others = [_in_short(found, curve) for curve in found.curves if curve is not middle]
    return [*_of_curve(found, middle), *others]


def save(found: Substitution) -> Path:
    """Writes value.csv (the curves), outcomes.csv, elasticity.csv and brief.html, and gives the folder."""
    curves = pd.concat([curve.table.assign(wanted=curve.wanted) for curve in found.curves], ignore_index=True)
    curves.insert(0, "wanted", curves.pop("wanted"))
    sigmas = [
        (c.wanted, c.sigma.estimate, c.sigma.low, c.sigma.high, c.complement.estimate, c.complement.low,
         c.complement.high, c.points) for c in found.curves
    ]  # fmt: skip
    names = ["wanted", "sigma", "low", "high", "complement", "complement_low", "complement_high", "points"]
    tables = {TABLE: curves, OUTCOMES: found.outcomes, ELASTICITY: pd.DataFrame(sigmas, columns=names)}
    with run_folder.naming(found.folder):
        found.folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            provenance.replace_text(found.folder / name, table.to_csv(index=False))
        provenance.replace_text(found.folder / brief.FILE, brief.page(TEMPLATE, content(found)))
    return found.folder


def content(found: Substitution) -> dict[str, Any]:
    """What the template shows."""
    figure, sentences = drawn(found), found.findings
    return {
        "value": found,
        "question": f"How much human writing does verification replace, for the same {what(found.metric)}?",
        "main": sentences[0],
        "more": sentences[1:],
        "figure": svg(figure),
        "width": round(figure.get_figwidth() * 100),
        "caption": f"Left: human documents a step that give one outcome, against {key_words(found.key)}. Right: what "
        "they and the verification cost together, a step. Bars: 95% intervals over seeds.",
        "curves": [_shown(found, curve) for curve in found.curves],
        "key": key_words(found.key),
        "replaced": f"Replaced by {_unit(found)[0]} more",
        "assumptions": _assumptions(found),
        "silence": _silence(found),
        "seeds": len(found.seeds),
        "again": found.command,
    }


@look()
def drawn(found: Substitution) -> Figure:
    """Curves of one outcome each, and what their points cost."""
    figure, axes = panels(1, 2, 8.6, 3.2)
    handles = []
    for i, curve in enumerate(found.curves):
        style = line_style(i)
        _line(axes[0, 0], curve.table, "rate", "low", "high", style)
        _line(axes[0, 1], curve.table, "cost", "cost_low", "cost_high", style)
        handles.append(Line2D([], [], **style, ms=4, lw=1.6, label=f"{what(found.metric)} {number(curve.wanted)}"))
    for ax, label in zip(axes[0], ("human documents a step", "cost a step"), strict=True):
        ax.set_xlabel(key_words(found.key))
        ax.set_ylabel(label)
        ax.set_ylim(bottom=0)
        if found.error:
            ax.invert_xaxis()
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


def _line(ax: Axes, table: pd.DataFrame, name: str, low: str, high: str, style: dict[str, Any]) -> None:
    known = table[table[name].notna()]
    ax.vlines(known["level"], known[low].clip(lower=0), known[high], color=style["color"], lw=1.1, alpha=0.6)
    ax.plot(known["level"], known[name], **style, ms=4, lw=1.6)


def _of_curve(found: Substitution, curve: Curve) -> list[str]:
    """What one outcome takes, at which least cost, and how the two replace each other."""
    goal = f"{told.heading(found.metric)} of {number(curve.wanted)}"
    table = curve.table
    if curve.cheapest < 0:
        values = found.outcomes["value"]
        best = values.max() if found.more else values.min()
        return [
            f"{goal} cannot be reached: the best of all {len(values):,} mixtures tried "
            f"({_between(found.outcomes['rate'])} human documents a step) is {number(best)}."
        ]
    key = key_words(found.key)
    parts = [
        f"{number(row['rate'])} at {number(row['level'])}"
        f"{' (the least tried)' if row['note'] else _span(found, row['low'], row['high'])}"
        for row in table.to_dict("records")
        if row["note"] != "not reached"
    ]
    said = [f"{goal} takes these human documents a step by {key}: {listed(parts, most=12)}."]
    lost = [number(row["level"]) for row in table.to_dict("records") if row["note"] == "not reached"]
    if lost:
        most = number(found.outcomes["rate"].max())
        said.append(f"It is not reachable with {key} at {listed(lost)}, up to {most} a step.")
    return [*said, _cheapest(found, curve), _sigma(found, curve)]


def _in_short(found: Substitution, curve: Curve) -> str:
    """The cheapest mixture and the elasticity of an outcome."""
    if curve.cheapest < 0:
        return _of_curve(found, curve)[0]
    row = curve.table.to_dict("records")[curve.cheapest]
    most = f"{number(row['rate'])} documents with {key_words(found.key)} at {number(row['level'])}"
    cost = f"{number(row['cost'])} a step{_span(found, row['cost_low'], row['cost_high'])}"
    sigma = "" if math.isnan(curve.sigma.estimate) else f"; elasticity of substitution {_size(curve)}"
    return f"{told.heading(found.metric)} of {number(curve.wanted)}: cheapest with {most}, {cost}{sigma}."


def _cheapest(found: Substitution, curve: Curve) -> str:
    rows, key = curve.table.to_dict("records"), key_words(found.key)
    row = rows.pop(curve.cheapest)
    least = f"The cheapest of these mixtures is {number(row['rate'])} documents with {key} at {number(row['level'])}"
    cost = f"{least}, {number(row['cost'])} a step{_span(found, row['cost_low'], row['cost_high'])}"
    others = [other for other in rows if not math.isnan(other["cost"])]
    if not others:
        return f"{cost}; the only one that was found."
    second = min(others, key=lambda other: other["cost"])
    beyond = f"{number(second['beyond'])}{_span(found, second['beyond_low'], second['beyond_high'])}"
    if second["beyond_low"] > 0:
        return f"{cost}; the next, at {number(second['level'])}, costs {beyond} more."
    return f"{cost}; that it costs less than the next, at {number(second['level'])}, is not shown ({beyond} more)."


def _sigma(found: Substitution, curve: Curve) -> str:
    """The elasticity with what it means; or why there is none."""
    sigma, complement = curve.sigma, curve.complement
    if math.isnan(complement.estimate):
        return (
            "No elasticity of substitution: that takes three points of a falling curve between rates that were tried, "
            f"at levels above 0; there {'is' if curve.points == 1 else 'are'} {curve.points}."
        )
    if math.isnan(sigma.estimate):
        return "No elasticity of substitution: the curve bends outwards, so that mixtures do worse than either alone."
    if sigma.low > 1:
        means = "verification easily takes the place of people"
    elif sigma.high < 1:
        means = "verification hardly takes the place of people"
    else:
        means = "the rate of exchange is about in proportion to the mix"
    return f"The elasticity of substitution is {_size(curve)}{'' if math.isnan(sigma.low) else f': {means}'}."


def _size(curve: Curve) -> str:
    """'1.14 (95% interval 0.98 to 1.37)'."""
    sigma = curve.sigma
    size = "without bound" if math.isinf(sigma.estimate) else number(sigma.estimate)
    if math.isnan(sigma.low):
        return f"{size} (no interval)"
    ends = f"at least {number(sigma.low)}" if math.isinf(sigma.high) else f"{number(sigma.low)} to {number(sigma.high)}"
    return f"{size} (95% interval {ends})"


def _shown(found: Substitution, curve: Curve) -> dict[str, Any]:
    rows = []
    for i, row in enumerate(curve.table.to_dict("records")):
        cells = []
        for name in COLUMNS:
            scale = _unit(found)[1] if name == "replaced" else 1
            low, high = (row["low"], row["high"]) if name == "rate" else (row[f"{name}_low"], row[f"{name}_high"])
            cells.append((told.number(scale * row[name]), told.span(scale * low, scale * high)))
        rows.append({
            "name": number(row["level"]), "note": row["note"], "lost": row["note"] == "not reached", "cells": cells,
            "cheapest": i == curve.cheapest,
        })  # fmt: skip
    return {
        "title": f"{told.heading(found.metric)} of {told.number(curve.wanted)}",
        "sigma": "" if curve.cheapest < 0 else _sigma(found, curve),
        "rows": rows,
    }


def _unit(found: Substitution) -> tuple[str, float]:
    """An amount of the level to speak of: a tenth where levels are shares."""
    levels = np.array([curve.table["level"] for curve in found.curves])
    return ("0.1", 0.1) if np.abs(levels).max() <= 1 else ("1", 1.0)


def _assumptions(found: Substitution) -> list[str]:
    spec = found.spec
    whose = "of all communities, in proportion to their own" if found.community is None else f"of {found.community}"
    judged = f"{number(found.judgement)} a judgement" if found.judgement is not None else "the verifiers' own prices"
    level = "1 less the error rate" if found.error else "the key's value"
    return [
        f"Human rates are {whose}, held from step 1 on; step 0 is the scenario's own. A document costs "
        f"{number(found.price)}; verification, {judged} times the judgements of the step looked at.",
        f"The web is the scenario {spec.name}: {spec.agents:,} models, seen at step {found.step} of {spec.steps:,}.",
        f"Outcomes between the rates tried ({_between(found.outcomes['rate'])}) are interpolated; levels are as tried.",
        f"The level of verification is {level}. The elasticity is that of the curve of constant elasticity through the "
        "points (Arrow, Chenery, Minhas and Solow 1961).",
        f"All mixtures are run with the same {counted(len(found.seeds), 'seed')}; intervals leave out each in turn "
        "(jackknife).",
    ]


def _silence(found: Substitution) -> list[str]:
    return [
        f"It is about models in a simulation, and about {what(found.metric)} only: other measures may say otherwise.",
        "The least cost is that of the levels tried, at these prices; what it costs to build a verifier is not in it.",
        "Whether people would write so much is not in it.",
    ]


def _span(found: Substitution, low: float, high: float) -> str:
    return (
        f" ({number(low)} to {number(high)})" if not math.isnan(low) else f" ({interval(low, high, len(found.seeds))})"
    )


def _between(values: pd.Series) -> str:
    return f"{number(values.min())} to {number(values.max())}"
