"""A boundary in two keys, read back: where it lies in one key at each value of another, as far as it was sought.

    found = open_curve("outputs/tipping_point/curve-0123456789ab")
    found.table, found.places[0].search

The folder holds `curve.json` (what was asked, and in which folders beside it the searches lie), `scenario.yaml` and,
once the command has ended, `table.csv`. What is known is read from the searches, finished or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.errors import InputError
from ecosystem.runs import told as told_of
from ecosystem.runs.boundary import Boundary, Searched, grid_runs, searched
from ecosystem.runs.sweep_design import Range
from ecosystem.runs.sweep_opened import TABLE, TOLD, Sweep, open_sweep, plain, write_csv

if TYPE_CHECKING:
    import pandas as pd

CURVE = "curve.json"
NEEDED = ("scenario", "scenario_digest", "keys", "key", "between", "event", "precision", "most", "searches", "origin")
COLUMNS = ("estimate", "low", "high", "more_likely", "runs", "grid_runs", "note", "search")
__all__ = ["CURVE", "TABLE", "Curve", "Place", "open_curve"]


@dataclass(frozen=True)
class Place:
    """One search: at which values of the other keys, and what it found so far; `search` None: it has not begun."""

    point: dict[str, Any]
    folder: Path
    search: Searched | None
    found: Boundary | None
    failure: str
    most: int

    @property
    def runs(self) -> int:
        return len(self.search.values) if self.search else 0

    @property
    def nowhere(self) -> bool:
        """Was it seen that both ends answer alike?"""
        return self.search is not None and self.search.search.lost

    @property
    def ended(self) -> bool:
        """Is there nothing left to be run for it?"""
        return self.nowhere or self.runs >= self.most or (self.found is not None and self.found.precise)

    @property
    def note(self) -> str:
        """Why there is no boundary, or none as precise as asked; '' where there is one."""
        if self.found is not None and self.found.precise:
            return ""
        if self.search is not None and self.nowhere:
            seen, of = self.search.seen_at_ends
            low, high = self.search.bounds.low, self.search.bounds.high
            return f"no boundary between {low:g} and {high:g}: {self.search.event} in {seen} of {of} runs at these two"
        if self.failure:
            return f"a run failed: {self.failure}"
        if self.runs >= self.most:
            return f"the precision asked for was not reached in {self.runs} runs"
        return f"not finished, {self.runs} runs so far: the same command goes on" if self.runs else "not begun yet"


@dataclass(frozen=True)
class Curve:
    """A boundary along other keys, finished or not."""

    folder: Path

    @cached_property
    def told(self) -> dict[str, Any]:
        """What was asked: scenario, keys, bounds, event, precision, and the searches by their folders."""
        told = told_of.read(self.folder / CURVE, NEEDED, told_of.Curve)
        if any(search["point"].keys() != set(told["keys"]) for search in told["searches"]):
            raise InputError(f"{self.folder / CURVE}: each search must be at a point of {', '.join(told['keys'])}.")
        return told

    @property
    def keys(self) -> list[str]:
        """The keys along which the boundary was sought."""
        return self.told["keys"]

    @property
    def key(self) -> str:
        """The key in which it was sought."""
        return self.told["key"]

    @property
    def bounds(self) -> Range:
        low, high, whole = self.told["between"]
        return Range(low, high, whole=whole)

    @property
    def grid_runs(self) -> int:
        """Runs at each point of a grid as precise."""
        return grid_runs(self.bounds, self.told["precision"])

    @cached_property
    def places(self) -> list[Place]:
        """What is known at each point, in the order of the design."""
        return [self._place(asked["point"], self.folder.parent / asked["folder"]) for asked in self.told["searches"]]

    @property
    def sweeps(self) -> list[Sweep]:
        """The folders of the searches that have begun."""
        return [Sweep(place.folder) for place in self.places if place.search is not None]

    @property
    def table(self) -> pd.DataFrame:
        """A row a point: the other keys, estimate, low, high, on which side the event is more likely (above, below),
        runs made, runs of a grid as precise, a note where there is no boundary, the folder of the search.
        """
        import pandas as pd

        frame = pd.DataFrame(self.rows(), columns=[*self.keys, *COLUMNS])
        return frame.astype(dict.fromkeys(("estimate", "low", "high"), float))

    def rows(self) -> list[list]:
        """The rows of the table."""
        return [self._row(place) for place in self.places]

    def save(self, path: str | Path) -> Path:
        """Writes the table as CSV or Parquet, by the name's ending."""
        path = Path(path)
        if path.suffix == ".parquet":
            self.table.to_parquet(path)
        elif path.suffix == ".csv":
            write_csv(path, [*self.keys, *COLUMNS], self.rows())
        else:
            raise InputError(f"{path}: must end in .csv or .parquet")
        return path

    def _place(self, point: dict[str, Any], folder: Path) -> Place:
        precision, most = self.told["precision"], self.told["most"]
        if not (folder / TOLD).is_file():
            return Place(point, folder, None, None, "", most)
        sweep = open_sweep(folder)
        search = searched(sweep, precision, most)
        failure = f"seed {sweep.failed[0][1]}: {sweep.failed[0][2]}" if sweep.failed else ""
        return Place(point, folder, search, search.boundary(precision, folder), failure, most)

    def _row(self, place: Place) -> list:
        at, found = [plain(place.point[key]) for key in self.keys], place.found
        figures = (found.estimate, found.low, found.high) if found else (None, None, None)
        side = "" if found is None else "above" if found.rising else "below"
        return [*at, *figures, side, place.runs, self.grid_runs, place.note, place.folder.name]


def open_curve(folder: str | Path) -> Curve:
    """The curve of a folder; InputError where there is none."""
    folder = Path(folder).absolute()
    if not (folder / CURVE).is_file():
        raise InputError(f"{folder} is not the folder of a boundary in two keys (it has no {CURVE}).")
    return Curve(folder)
