"""A sweep read back from its folder: one table, a row a cell."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.errors import InputError
from ecosystem.runs import sweep_store as store
from ecosystem.runs import told as told_of

if TYPE_CHECKING:
    import pandas as pd

TOLD, TABLE = "sweep.json", "table.csv"
NEEDED = ("scenario", "scenario_digest", "kind", "keys", "design", "at", "metrics", "origin")


@dataclass(frozen=True)
class Sweep:
    """A sweep read back, finished or not."""

    folder: Path

    @cached_property
    def told(self) -> dict[str, Any]:
        """What was asked: scenario, design, keys, metrics, steps, and what the numbers rest on."""
        return told_of.read(self.folder / TOLD, NEEDED, told_of.Sweep)

    @property
    def keys(self) -> list[str]:
        return self.told["keys"]

    @property
    def metrics(self) -> list[str]:
        return self.told["metrics"]

    @property
    def points(self) -> list[dict[str, Any]]:
        """The keys of every point."""
        with store.reading(self.folder) as db:
            return [json.loads(keys) for (keys,) in db.execute("SELECT keys FROM points ORDER BY point")]

    @property
    def failed(self) -> list[tuple[int, int, str]]:
        """(point, seed, reason) of every cell that failed."""
        with store.reading(self.folder) as db:
            return list(
                db.execute("SELECT point, seed, reason FROM cells WHERE status = 'failed' ORDER BY point, seed")
            )

    @property
    def table(self) -> pd.DataFrame:
        """A row a cell (and step, where several were asked for): point, the keys, seed, status, reason, step, metrics.

        The same however often the sweep was stopped, and however many workers made it.
        """
        import pandas as pd

        columns = _columns(self.keys, self.metrics)
        frame = pd.DataFrame(list(self.rows()), columns=columns)
        return frame.astype(dict.fromkeys(self.metrics, float) | {"step": "Int64"})

    def rows(self) -> Iterator[list]:
        """The rows of the table one by one."""
        for point, keys, seed, status, reason, step, *values in store.read(self.folder, self.metrics):
            if keys.keys() != set(self.keys):
                one, other = ", ".join(keys), ", ".join(self.keys) or "nothing"
                raise InputError(f"{self.folder / store.DB}: its points are of {one}; {TOLD} names {other}.")
            yield [point, *(plain(keys[key]) for key in self.keys), seed, status, reason, step, *values]

    def save(self, path: str | Path) -> Path:
        """Writes the table as CSV or Parquet, by the name's ending."""
        path = Path(path)
        if path.suffix == ".parquet":
            self.table.to_parquet(path)
        elif path.suffix == ".csv":
            write_csv(path, _columns(self.keys, self.metrics), self.rows())
        else:
            raise InputError(f"{path}: must end in .csv or .parquet")
        return path


def open_sweep(folder: str | Path) -> Sweep:
    """The sweep of a folder; InputError where there is none."""
    folder = Path(folder)
    if not (folder / TOLD).is_file() or not (folder / store.DB).is_file():
        raise InputError(f"{folder} is not the folder of a sweep (it has no {TOLD} and {store.DB}).")
    return Sweep(folder)


def _columns(keys: Sequence[str], measured: Sequence[str]) -> list[str]:
    return ["point", *keys, "seed", "status", "reason", "step", *measured]


def plain(value: Any) -> Any:
    """A value for a cell of a table: lists and mappings as JSON."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def write_csv(path: Path, columns: list[str], rows: Iterable[list]) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            written = csv.writer(file)
            written.writerow(columns)
            written.writerows(rows)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
