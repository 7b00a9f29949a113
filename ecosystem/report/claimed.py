"""Worlds of facts on a page: what is false, what models know, and how their answers rest on what they retrieved."""

from __future__ import annotations

from functools import cache

import pandas as pd

from ecosystem import metrics
from ecosystem.report.network_figure import first_runs
from ecosystem.report.written import MOST_ARMS, printable


@cache
def of_facts() -> frozenset[str]:
    """Metrics of worlds of facts that come with the package."""
    return frozenset(name for name in metrics.available() if metrics.kinds(name) == ("claims",))


def examples(study) -> list[dict]:
    """By arm, of its first seed: at the last step recorded an answer of each kind, supported or not, right or not,
    published or not; nothing where no questions were recorded.
    """
    made = []
    for run in first_runs(study, study.arms[:MOST_ARMS]):
        given = run.questions.dropna(subset="value")
        last = given[given["step"] == given["step"].max()] if len(given) else given
        kinds = last.drop_duplicates(["supported", "right", "published"])
        order = kinds.sort_values(["supported", "right", "published"], ascending=False)
        if len(order):
            rows = [_row(row) for row in order.itertuples()]
            made.append({"arm": run.arm, "seed": run.seed, "step": int(last["step"].iloc[0]), "rows": rows})
    return made


def _row(row) -> dict:
    return {
        "model": int(row.agent),
        "asked": printable(f"{row.subject}, {row.relation}"),
        "value": printable(row.value),
        "confidence": f"{row.confidence:.2f}",
        "supported": "yes" if row.supported else "no",
        "right": "right" if row.right else "false",
        "document": f"{int(row.document):,}" if row.published else "not published",
        "cited": "none" if pd.isna(row.cited) else ", ".join(f"{int(number):,}" for number in row.cited.split()),
    }
