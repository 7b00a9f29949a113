"""Arms beside the first one on a page: differences within seeds, how large they are, and what sharing seeds saved."""

from __future__ import annotations

import math

from ecosystem.report.words import heading, number, span
from ecosystem.runs import comparison

MOST_ARMS = 6  # compared on a page; `ecosystem compare` compares any two


def differences(study) -> dict:
    """A table for each further arm against the first, a row a metric; no tables where no two seeds are shared."""
    base, *others = study.arms if len(study.steps) else ("",)
    tables = [{"arm": arm, "rows": rows} for arm in others[:MOST_ARMS] if (rows := _rows(study, arm, base))]
    return {"base": base, "arms": tables, "left_out": max(len(others) - MOST_ARMS, 0)}


def _rows(study, arm: str, base: str) -> list[dict]:
    found = comparison.table(study, arm, base)
    return [_row(row) for row in found[found["seeds"] > 1].itertuples()]


def _row(row) -> dict:
    return {
        "metric": heading(row.metric),
        "column": row.metric,
        "clear": row.p_holm < 0.05,
        "p": number(row.p_holm),
        "cells": [
            _cell(row.difference, row.low, row.high),
            _cell(row.effect, row.effect_low, row.effect_high),
            {"mean": number(row.effect_av), "span": ""},
            {"mean": "–" if math.isnan(row.higher) else f"{100 * row.higher:.0f}%", "span": ""},
            _cell(row.saving, row.saving_low, row.saving_high),
        ],
    }


def _cell(estimate: float, low: float, high: float) -> dict:
    return {"mean": number(estimate), "span": "" if low == high else span(low, high)}
