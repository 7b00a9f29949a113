"""The policy brief: one self-contained page in plain words, for people who never saw the simulator.

A function of what was found: the same runs give the same bytes.
"""

from __future__ import annotations

import math
from pathlib import Path

from ecosystem.report import words as told
from ecosystem.report.page import environment
from ecosystem.report.style import svg
from ecosystem.value import words
from ecosystem.value.figure import drawn
from ecosystem.value.valued import TABLE, Value

FILE = "brief.html"
TEMPLATE = "brief.html"


def render(value: Value) -> str:
    """The page as HTML."""
    return page(TEMPLATE, content(value))


def page(template: str, content: dict) -> str:
    """A page of a template in this folder, as HTML."""
    return environment(Path(__file__).parent).get_template(template).render(content)


def content(value: Value) -> dict:
    """What the template shows, in the order in which it is shown."""
    sentences = words.findings(value)
    figure = drawn(value)
    return {
        "value": value,
        "question": words.question(value),
        "main": sentences[0],
        "more": sentences[1:],
        "figure": svg(figure),
        "width": round(figure.get_figwidth() * 100),
        "caption": _caption(value),
        "rows": _rows(value),
        "counted": _counted(value),
        "assumptions": words.assumptions(value),
        "silence": words.silence(value),
        "table": TABLE,
        "seeds": len(value.seeds),
        "lawful": not value.lawless,
        "again": value.command or "",
    }


def _caption(value: Value) -> str:
    what = told.heading(value.metric)
    law = "" if value.lawless else " Dashed, or a bar: the closed form, computed without running anything."
    return {
        "rate": f"Left: {what} against human documents a step. Right: what one more document a step is worth between "
        f"two neighbouring rates. Bands: 95% intervals over seeds.{law}",
        "time": f"Change in {what[:1].lower()}{what[1:]} by one batch of {value.ways[-1].more:,.0f} human documents, "
        f"against none, by the step at which it is given. Bands: 95% intervals over seeds.{law}",
    }.get(value.by, f"{what}: what one document {value.per} is worth. Bars: 95% intervals over seeds.{law}")


def _counted(value: Value) -> str:
    """What the table's last columns are the worth of."""
    some = words.handful(value)
    return f"{some:,} more documents {value.per}" if some > 1 else f"one more document {value.per}"


def _rows(value: Value) -> list[dict]:
    some = words.handful(value)
    rows = []
    for row in value.table.to_dict("records"):
        each = "" if math.isnan(row["each"]) else told.number(some * row["each"])
        rows.append({
            "name": f"{row['name']} documents a step" if value.by == "rate" else row["name"],
            "when": row["when"],
            "value": told.number(row["value"]),
            "span": told.span(row["value_low"], row["value_high"]),
            "law": told.number(row["law"]),
            "each": each,
            "each_span": told.span(some * row["each_low"], some * row["each_high"]),
            "each_law": each and told.number(some * row["each_law"]),
        })  # fmt: skip
    return rows
