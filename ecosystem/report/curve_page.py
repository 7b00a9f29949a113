"""One self-contained page for a boundary in two keys: the curve, its table, the searches behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecosystem.components import kind_of
from ecosystem.report import boundary_figure
from ecosystem.report.curve_figure import curve
from ecosystem.report.page import FILE, environment
from ecosystem.report.response import key_words
from ecosystem.report.sections import Picture, picture
from ecosystem.report.sweep_page import TEMPLATE, origin, size
from ecosystem.report.swept import named
from ecosystem.report.words import number, span
from ecosystem.runs import provenance
from ecosystem.runs.boundary import Boundary
from ecosystem.runs.boundary_curve import Curve, Place, open_curve
from ecosystem.runs.folder import SCENARIO, scenario_of
from ecosystem.runs.wording import counted, listed
from ecosystem.runs.wording import number as plain

SEARCHES = 12  # figures on a page


def write(folder: str | Path) -> Path:
    """Makes `report.html` in the folder of a boundary in two keys, finished or not."""
    found = open_curve(folder)
    path = found.folder / FILE
    provenance.replace_text(path, environment().get_template(TEMPLATE).render(content(found)))
    return path


def content(found: Curve) -> dict[str, Any]:
    """What the template of a sweep shows."""
    spec, drawn = scenario_of(found.folder), curve(found)
    low, high = found.bounds.low, found.bounds.high
    models = f"{counted(spec.agents, 'model')} ({listed([kind_of(g.learner) for g in spec.models])})"
    setting = [
        f"boundary search in {found.key} from {low:g} to {high:g}",
        f"at {counted(len(found.places), 'value')} of {listed(found.keys)}",
        f"precision +- {found.told['precision']:g}, a new seed each run, {counted(spec.steps, 'step')}",
        f"{models}; world: {kind_of(spec.world)}",
    ]
    failed = [(at, *fault) for at, sweep in enumerate(found.sweeps) for fault in sweep.failed]
    searches = [place for place in found.places if place.found]
    empty: dict[str, Any] = {"indices": [], "pictures": [], "maps": [], "points": {"rows": []}}
    return empty | {
        "spec": spec,
        "setting": setting,
        "missing": _missing(found),
        "failures": {"lines": _failures(found), "rows": [fault[1:] for fault in failed], "count": len(failed)},
        "findings": _findings(found),
        "search": [_picture(found, drawn)] if drawn else [],
        "curve": {"over": found.keys, "key": found.key, "rows": [_row(found, place) for place in found.places]},
        "searches": [_search(found, place) for place in searches[:SEARCHES]],
        "origin": _origin(found),
        "scenario": (found.folder / SCENARIO).read_text(encoding="utf-8"),
    }


def _at(found: Curve, place: Place) -> str:
    return ", ".join(f"{key_words(key)} = {named(place.point[key])}" for key in found.keys)


def _missing(found: Curve) -> str:
    left = sum(not place.ended for place in found.places)
    return f"{left} of {len(found.places)} searches have not ended; the command below goes on with them" if left else ""


def _failures(found: Curve) -> list[str]:
    return [f"{_at(found, place)}: {place.note}" for place in found.places if place.failure and not place.ended]


def _findings(found: Curve) -> list[str]:
    """Where the boundary lies, where there is none, and what it took."""
    event, runs = found.told["event"], sum(place.runs for place in found.places)
    known = sorted((place for place in found.places if place.found), key=lambda place: _boundary_of(place).estimate)
    told = []
    if known:
        where = [f"{_boundary(place)} at {_at(found, place)}" for place in (known[0], known[-1])[: len(known)]]
        lies = f"between {found.key} = {where[0]} and {where[1]}" if len(where) > 1 else f"at {found.key} = {where[0]}"
        told.append(f"{event} is as likely as not {lies}. {_sides(found)}")
    nowhere = [place for place in found.places if place.nowhere]
    if nowhere:
        at = listed([_at(found, place) for place in nowhere])
        low, high = found.bounds.low, found.bounds.high
        told.append(f"At {at} both ends answered alike: no boundary between {found.key} = {low:g} and {high:g}.")
    needed = found.grid_runs * len(found.places)
    told.append(f"It took {counted(runs, 'run')}; a grid of this precision at these values takes {needed:,}.")
    return told


def _boundary(place: Place) -> str:
    known = _boundary_of(place)
    return f"{plain(known.estimate)} (95% interval {plain(known.low)} to {plain(known.high)})"


def _boundary_of(place: Place) -> Boundary:
    assert place.found is not None  # only those are told of
    return place.found


def _sides(found: Curve) -> str:
    ways = {place.found.rising for place in found.places if place.found}
    if len(ways) > 1:
        return "On which side it is more likely is not the same everywhere; the table says it."
    return f"It is {'more' if ways == {True} else 'less'} likely above."


def _picture(found: Curve, drawn: Any) -> Picture:
    caption = "Each value has a search, and an interval, of its own; between values lines are drawn straight."
    if any(place.nowhere for place in found.places):
        caption += " Arrows: both ends of the search answered alike; the boundary lies beyond, if there is one."
        caption += " A cross: so they did, and on which side it lies cannot be said."
    alt = "; ".join(f"{_at(found, p)}: {_boundary(p) if p.found else p.note}" for p in found.places)
    return picture(f"Where {found.told['event']} is as likely as not", drawn, caption, alt)


def _row(found: Curve, place: Place) -> dict[str, Any]:
    known = place.found
    return {
        "place": [named(place.point[key]) for key in found.keys],
        "estimate": number(known.estimate) if known else "–",
        "span": span(known.low, known.high) if known else "",
        "likely": "" if known is None else "above" if known.rising else "below",
        "runs": f"{place.runs:,}",
        "grid": f"{found.grid_runs:,}",
        "note": place.note,
        "search": place.folder.name,
    }


def _search(found: Curve, place: Place) -> Picture:
    assert place.search is not None  # only searches that have begun are shown
    alt = f"Runs along {found.key} in which {found.told['event']} happened or not, and the chance that is believed."
    caption = f"{counted(place.runs, 'run')}. Top: {found.told['event']} in the run; bottom: not."
    return picture(_at(found, place), boundary_figure.boundary(place.search), caption, alt)


def _origin(found: Curve) -> dict[str, Any]:
    """Provenance, over all searches."""
    sizes = [size(sweep) for sweep in found.sweeps]
    return origin(found, {name: sum(each[name] for each in sizes) for name in ("cells", "seconds")})
