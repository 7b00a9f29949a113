"""One self-contained page for a sweep: how metrics go along its keys, which keys matter, where it tips, what failed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ecosystem.components import kind_of
from ecosystem.report import boundary_figure, sweep_figures
from ecosystem.report.bands import within
from ecosystem.report.page import FILE, environment
from ecosystem.report.sections import Picture, picture
from ecosystem.report.swept import Swept, named
from ecosystem.report.words import between, duration, heading, number, span
from ecosystem.runs import provenance
from ecosystem.runs import sweep_store as store
from ecosystem.runs.boundary import searched
from ecosystem.runs.boundary_curve import Curve
from ecosystem.runs.folder import SCENARIO, scenario_of
from ecosystem.runs.sensitivity import indices
from ecosystem.runs.statistics import Interval
from ecosystem.runs.sweep import Sweep, open_sweep
from ecosystem.runs.wording import counted, interval, listed
from ecosystem.runs.wording import number as plain
from ecosystem.scenario import Scenario

TEMPLATE = "sweep.html"
ROWS, REASONS = 60, 200  # of the table of points; failed cells told one by one
SAMPLED, INDEXED = ("latin", "sobol", "morris"), ("sobol", "morris")


def write(folder: str | Path) -> Path:
    """Makes `report.html` in the folder of a sweep, finished or not."""
    found = open_sweep(Path(folder).absolute())
    path = found.folder / FILE
    provenance.replace_text(path, environment().get_template(TEMPLATE).render(content(found)))
    return path


def content(found: Sweep) -> dict[str, Any]:
    """What the template shows."""
    spec, swept, kind = scenario_of(found.folder), Swept(found), found.told["kind"]
    made = size(found)
    whole = kind in INDEXED and not found.failed and len(swept.numbers) == made["points"] and bool(swept.metrics)
    tables = {metric: indices(found, metric) for metric in swept.metrics} if whole else {}
    boundary = kind == "boundary"
    return {
        "spec": spec,
        "setting": _setting(spec, swept, made),
        "missing": "" if boundary or not made["missing"] else _missing(made),
        "failures": _failures(found),
        "findings": _findings(swept, tables),
        "search": _search(found) if boundary else [],
        "curve": None,
        "searches": [],
        "indices": [_index(metric, table) for metric, table in tables.items()],
        "pictures": [] if boundary else _along(swept, kind),
        "maps": _maps(swept) if kind == "grid" else [],
        "points": {"rows": []} if boundary or kind in SAMPLED else _points(swept),
        "origin": origin(found, made),
        "scenario": (found.folder / SCENARIO).read_text(encoding="utf-8"),
    }


def size(found: Sweep) -> dict[str, Any]:
    """How many points, cells and seconds of computing the folder holds."""
    with store.reading(found.folder) as db:
        ((points,),) = db.execute("SELECT count(*) FROM points")
        ((cells, seconds),) = db.execute("SELECT count(*), sum(seconds) FROM cells")
        ((seeds,),) = db.execute("SELECT count(DISTINCT seed) FROM cells")
    return {"points": points, "cells": cells, "seconds": seconds or 0.0, "missing": points * seeds - cells}


def _setting(spec: Scenario, swept: Swept, made: dict[str, Any]) -> list[str]:
    kind = swept.found.told["kind"]
    what = "boundary search" if kind == "boundary" else f"{kind} design"
    seeds = f"{between(swept.seeds)} seeds each" if kind != "boundary" else "a new seed each"
    many = f"{counted(made['points'], 'point')}, {seeds}, {counted(spec.steps, 'step')}"
    models = f"{counted(spec.agents, 'model')} ({listed([kind_of(g.learner) for g in spec.models])})"
    return [what, many, f"over {listed(swept.keys)}", f"{models}; world: {kind_of(spec.world)}"]


def _missing(made: dict[str, Any]) -> str:
    runs = f"{made['missing']:,} of {made['missing'] + made['cells']:,} runs"
    return f"{runs} have not been made yet; the command below makes them"


def _failures(found: Sweep) -> dict[str, Any]:
    """What failed, by reason and one by one."""
    failed = found.failed
    lines = [f"{counted(n, 'run')} failed: {reason}" for reason, n in Counter(r for *_, r in failed).most_common(5)]
    return {"lines": lines, "rows": failed[:REASONS], "count": len(failed)}


def _findings(swept: Swept, tables: dict[str, Any]) -> list[str]:
    if swept.found.told["kind"] == "boundary":
        return [_tipping(swept.found)]
    told = [sentence for metric, table in tables.items() if (sentence := _matters(metric, table))]
    told += [_reach(swept, metric) for metric in swept.metrics]
    if swept.metrics and max(swept.seeds) == 1:
        told.append("One seed: how much of this is chance cannot be said; more --seeds add to what is there.")
    return told or ["Nothing was measured."]


def _tipping(found: Sweep) -> str:
    search = searched(found)
    if search.search.rising is None:
        return f"{search.event} was not seen to become more or less likely along {search.key} yet."
    (estimate, low, high), way = search.found, "more" if search.search.rising else "less"
    runs = counted(len(search.values), "run")
    return (
        f"{search.event} is as likely as not at {search.key} = {plain(estimate)} (95% interval {plain(low)} to "
        f"{plain(high)}, {runs}), and {way} likely above."
    )


def _matters(metric: str, table) -> str:
    """The key that matters most, where its interval says that it does."""
    first = table.iloc[0]
    name = "total" if "total" in table else "mu_star"
    if not first[f"{name}_low"] > 0:
        return ""
    words = "explains, with interactions, this share of the variance of" if name == "total" else "changes most"
    about = f"{plain(first[name])} (95% interval {plain(first[f'{name}_low'])} to {plain(first[f'{name}_high'])})"
    return f"{first['key']} {words} {heading(metric).lower()}: {about}."


def _reach(swept: Swept, metric: str) -> str:
    """Lowest and highest mean over the points."""
    found = zip(swept.each(metric), swept.points, strict=True)
    known = sorted(((f, p) for f, p in found if f.n), key=lambda pair: pair[0].estimate)
    if not known:
        return f"{heading(metric)} has no seed with a value at every point."
    (low, at_low), (high, at_high) = known[0], known[-1]
    if low.estimate == high.estimate:
        return f"{heading(metric)} was {plain(low.estimate)} at every point."
    where = [
        f"{_value(metric, f)} at {sweep_figures.point_words(swept, p)}" for f, p in ((low, at_low), (high, at_high))
    ]
    return f"{heading(metric)} was lowest, {where[0]}, and highest, {where[1]}."


def _value(metric: str, found: Interval) -> str:
    low, high = map(float, within(metric, found.low, found.high))
    return plain(found.estimate) + (f" ({interval(low, high, found.n)})" if found.n > 1 else "")


def _search(found: Sweep) -> list[Picture]:
    search = searched(found)
    alt = f"Runs along {search.key} in which {search.event} happened or not, and the chance that is believed."
    caption = f"Top: {search.event} in the run; bottom: not. Runs at one value stand above each other."
    return [picture("The search", boundary_figure.boundary(search), caption, alt)]


def _index(metric: str, table) -> Picture:
    caption = "With 95% intervals by bootstrap over points. Intervals wider than the indices ask for more points."
    alt = "; ".join(f"{row['key']}: {number(row.iloc[-3])}" for _, row in table.iterrows())
    return picture(heading(metric), sweep_figures.importance(table, metric), caption, alt)


def _along(swept: Swept, kind: str) -> list[Picture]:
    """A figure a metric, as the design allows."""
    draw, caption = {
        "grid": (sweep_figures.lines, "Means over seeds; bars: 95% intervals."),
        "list": (sweep_figures.dots, "Means over seeds; bars: 95% intervals. A row a point of the list."),
    }.get(kind, (sweep_figures.scatter, "A dot a point of the design: mean over its seeds."))
    if kind == "grid" and len(swept.several_keys) > 2:
        caption = "A panel a key, averaged over the others. Means over seeds; bars: 95% intervals."
    alt = f"{{}} at the end along {listed(swept.keys)}."
    return [picture(heading(m), draw(swept, m), caption, alt.format(heading(m))) for m in swept.metrics]


def _maps(swept: Swept) -> list[Picture]:
    caption = "Mean over seeds, and half its 95% interval."
    drawn = [(heading(m), sweep_figures.chart(swept, m)) for m in swept.metrics]
    return [picture(name, figure, caption, f"{name} over two keys.") for name, figure in drawn if figure]


def _points(swept: Swept) -> dict[str, Any]:
    keys = swept.several_keys or swept.keys
    each = {metric: swept.each(metric) for metric in swept.metrics}
    shown = list(zip(swept.points, swept.seeds, strict=True))[:ROWS]
    rows = [
        {"place": [named(point[k]) for k in keys], "seeds": seeds, "cells": [_cell(m, each[m][row]) for m in each]}
        for row, (point, seeds) in enumerate(shown)
    ]
    left_out = len(swept.points) - len(rows)
    return {"over": keys, "metrics": [heading(m) for m in swept.metrics], "rows": rows, "left_out": left_out}


def _cell(metric: str, found: Interval) -> dict[str, str]:
    low, high = map(float, within(metric, found.low, found.high))
    return {"mean": number(found.estimate), "span": "" if low == high else span(low, high)}


def origin(found: Sweep | Curve, made: dict[str, Any]) -> dict[str, Any]:
    told, rests = found.told, found.told["origin"]
    rows = {
        "Scenario": told["scenario"],
        "Digest": told["scenario_digest"],
        "Folder": found.folder.name,
        "Runs": f"{made['cells']:,}, {duration(made['seconds'])} of computing",
        "Device": rests.get("device", "–"),
        "Versions": ", ".join(f"{name} {version}" for name, version in rests["versions"].items()),
        "Code": rests["code"],
    }
    return {"rows": rows, "command": told.get("command", "")}
