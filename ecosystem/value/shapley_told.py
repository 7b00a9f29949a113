"""Shapley values of communities in plain words: findings, the figure, the brief."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecosystem.metrics import titles
from ecosystem.report import words as told
from ecosystem.report.style import INK, line_style, look, panels, shortened, svg, wrapped
from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance
from ecosystem.runs.wording import counted, interval, listed, number
from ecosystem.value import brief, words
from ecosystem.value.valued import BY_SEED, TABLE

if TYPE_CHECKING:
    from ecosystem.value.shapley import Shapley

TEMPLATE = "brief_shapley.html"
MOST = 4  # communities told one by one in a sentence
ENDS = (("low", "high"), ("overlap_low", "overlap_high"))
BESIDE = {"value": "Shapley value", "alone": "where nobody else writes", "last": "lost when it alone stops"}


def what(metric: str) -> str:
    """A metric in words: 'coverage of rare items (minority)'."""
    name, at, whose = metric.partition("@")
    return f"{titles.title(name).title}{f' ({whose})' if at else ''}"


def findings(found: Shapley) -> list[str]:
    """Sentences, the main finding first."""
    return [_main(found), _each(found), *_overlap(found), _law(found), _how(found)]


def save(found: Shapley) -> Path:
    """Writes value.csv, seeds.csv and brief.html, and gives the folder."""
    with run_folder.naming(found.folder):
        found.folder.mkdir(parents=True, exist_ok=True)
        provenance.replace_text(found.folder / TABLE, found.table.to_csv(index=False))
        provenance.replace_text(found.folder / BY_SEED, found.by_seed.to_csv(index=False))
        provenance.replace_text(found.folder / brief.FILE, brief.page(TEMPLATE, content(found)))
    return found.folder


def content(found: Shapley) -> dict[str, Any]:
    """What the template shows."""
    figure, sentences = drawn(found), found.findings
    return {
        "value": found,
        "question": f"Whose writing keeps {what(found.metric)}, and how much of it?",
        "main": sentences[0],
        "more": sentences[1:],
        "figure": svg(figure),
        "width": round(figure.get_figwidth() * 100),
        "caption": f"{told.heading(found.metric)} at step {found.step}: what each community's writing since step "
        f"{found.since} adds. Bars: 95% intervals.",
        "rows": [_row(found, row) for row in found.table.to_dict("records")],
        "all": _all(found),
        "lawful": not found.lawless,
        "counted": _documents(_some(found)),
        "assumptions": _assumptions(found),
        "silence": _silence(found),
        "table": TABLE,
        "seeds": len(found.seeds),
        "again": found.command,
    }


@look()
def drawn(found: Shapley) -> Figure:
    """A row a community: its value, what it adds alone, and what goes with it alone."""
    table = found.table.iloc[::-1]
    figure, axes = panels(1, 1, 5.4, 1.3 + 0.5 * len(table))
    ax, place, handles = axes[0, 0], np.arange(len(table), dtype=float), []
    for i, (column, label) in enumerate(BESIDE.items()):
        ends = ("low", "high") if column == "value" else (f"{column}_low", f"{column}_high")
        style = line_style(i) | {"linestyle": ""}
        at = place + 0.22 * (1 - i)
        ax.hlines(at, table[ends[0]], table[ends[1]], color=style["color"], lw=1.4, alpha=0.7)
        ax.plot(table[column], at, **style, ms=6 if column == "value" else 4)
        handles.append(Line2D([], [], **style, ms=5, label=label))
    ax.axvline(0, color=INK, lw=0.6)
    ax.set_yticks(place, [shortened(name, 30) for name in table["community"]])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.set_xlabel(wrapped(f"what its writing adds to {what(found.metric)}", 60))
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure


def _main(found: Shapley) -> str:
    whole, rows = found.total, found.table.to_dict("records")
    parts = [
        f"{row['community']} {_signed(row['value'])} ({_percent(row['share'])}{_span(row['low'], row['high'])})"
        for row in _told(rows)
    ]
    left = f"; {len(rows) - len(parts)} more lie between" if len(parts) < len(rows) else ""
    span = interval(whole.low, whole.high, whole.n)
    return (
        f"At step {found.step} all that people have written since step {found.since} adds {_signed(whole.estimate)} "
        f"({span}) to {what(found.metric)}; of this {listed(parts)}{left}."
    )


def _each(found: Shapley) -> str:
    """What so many documents of each are worth."""
    some, parts = _some(found), []
    rows = [row for row in found.table.to_dict("records") if row["documents"]]
    rows.sort(key=lambda row: -row["value"] / row["documents"])
    for row in _told(rows):
        scale = some / row["documents"]
        span = _span(scale * row["low"], scale * row["high"])
        parts.append(f"of {row['community']} {_signed(scale * row['value'])} ({span})")
    left = f"; {len(rows) - len(parts)} more lie between" if len(parts) < len(rows) else ""
    return f"{_documents(some).capitalize()} are worth: {listed(parts)}{left}."


def _told(rows: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Of many the first three and the last."""
    return rows if len(rows) <= MOST else [*rows[: MOST - 1], rows[-1]]


def _span(low: float, high: float) -> str:
    return "no interval" if math.isnan(low) else f"{number(low)} to {number(high)}"


def _overlap(found: Shapley) -> list[str]:
    """Who works against the rest, whose work others do too, who needs them: where intervals leave out nothing."""
    sign = -1 if found.total.estimate < 0 else 1
    does, needs, against = [], [], []
    for row in found.table.to_dict("records"):
        value, overlap = (sorted((sign * row[low], sign * row[high])) for low, high in ENDS)
        if value[1] < 0:
            against.append(row)
        elif overlap[0] > 0:
            does.append(row)
        elif overlap[1] < 0:
            needs.append(row)
    said = {
        "In part others do the same work: more is added by one alone than is lost when it alone stops": does,
        "They do more beside others: more is lost when one stops than it adds alone": needs,
        "Some writing works against the rest, whose room on the web it takes": against,
    }
    return [f"{sentence} ({_pairs(rows)})." for sentence, rows in said.items() if rows]


def _pairs(rows: list[dict[Any, Any]]) -> str:
    told = [f"{r['community']}: {_signed(r['alone'])} alone, {_signed(-r['last'])} when it stops" for r in rows[:MOST]]
    left = [f"{len(rows) - MOST} more"] if len(rows) > MOST else []
    return "; ".join([*told, *left])


def _law(found: Shapley) -> str:
    """What the closed form says of the values, or why there is none."""
    if found.lawless:
        return f"No closed form stands beside them: {found.lawless.rstrip('.')}."
    rows = found.table.to_dict("records")
    said = listed([f"{row['community']} {_signed(row['law'])}" for row in _told(rows)])
    inside = sum(row["low"] <= row["law"] <= row["high"] for row in rows)
    return f"By the closed form: {said}; within the 95% interval of {inside} of {len(rows)} measured values."


def _how(found: Shapley) -> str:
    seeds = counted(len(found.seeds), "seed")
    if not found.pairs:
        return f"All {found.coalitions:,} coalitions were run with {seeds}; the values add up to the whole."
    stop = "" if found.precise else "; the precision asked for was not reached"
    return (
        f"Over {found.pairs:,} pairs of orders in which communities join, {found.coalitions:,} coalitions with {seeds}"
        f"{stop}; the values add up to the whole."
    )


def _assumptions(found: Shapley) -> list[str]:
    spec = found.spec
    bought = ["What policies buy is written whoever is silent."] if spec.policies else []
    over = "over pairs of orders and seeds" if found.pairs else "over seeds"
    return [
        f"Those left out of a coalition write nothing from step {found.since} on; before, all write as they do. Models "
        "are pretrained alike, and what is rare is the same, in all coalitions.",
        *bought,
        f"The web is the scenario {spec.name}: {spec.agents:,} models, {spec.steps:,} steps.",
        f"All coalitions are run with the same {counted(len(found.seeds), 'seed')}.",
        f"Intervals are Student's t {over}: the means are taken to be close to normal.",
    ]


def _silence(found: Shapley) -> list[str]:
    return [
        f"It is about models in a simulation, and about {what(found.metric)} only: other measures may answer "
        "otherwise.",
        "A Shapley value is a fair division of what all achieve: the only one in which the shares add up, equals get "
        "the same, who adds nothing gets nothing, and values of two outcomes add up. It is not what is lost if one "
        "community stops: that stands beside it.",
        "What writing costs, and whether people would write more for it, is not in it.",
    ]


def _row(found: Shapley, row: dict[Any, Any]) -> dict[str, Any]:
    scale = _some(found) / row["documents"] if row["documents"] else math.nan
    return {
        "name": row["community"],
        "documents": told.number(row["documents"]),
        "cells": [
            (told.number(row["value"]), told.span(row["low"], row["high"])),
            *([] if found.lawless else [(told.number(row["law"]), "")]),
            (_percent(row["share"]).removesuffix("; ") or "–", ""),
            (told.number(scale * row["value"]), told.span(scale * row["low"], scale * row["high"])),
            (told.number(row["alone"]), told.span(row["alone_low"], row["alone_high"])),
            (told.number(row["last"]), told.span(row["last_low"], row["last_high"])),
        ],
    }


def _all(found: Shapley) -> dict[str, str]:
    total = found.total
    return {
        "documents": told.number(float(found.table["documents"].sum())),
        "value": told.number(total.estimate),
        "span": told.span(total.low, total.high),
    }


def _some(found: Shapley) -> int:
    """A handful of documents to speak of."""
    written = found.table["documents"]
    return words.unit(min(written[written > 0]))


def _documents(some: int) -> str:
    return f"{some:,} documents" if some > 1 else "single documents"


def _percent(share: float) -> str:
    """'60%; ' of the whole; nothing where shares of it say nothing (some lie below 0)."""
    return f"{100 * share:.0f}%; " if 0 <= share <= 1 else ""


def _signed(value: float) -> str:
    value += 0.0  # no -0
    return f"{'+' if value > 0 else ''}{number(value)}"
