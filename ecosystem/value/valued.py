"""What an experiment found: a row for each way of giving human documents, with intervals over seeds.

Letters: P points, S seeds, T steps measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance
from ecosystem.runs.statistics import t_interval

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

TABLE, BY_SEED = "value.csv", "seeds.csv"


@dataclass(frozen=True)
class Way:
    """A point of an experiment: its name, the keys that make it, and human documents given (`documents`: in all;
    `more`: beyond the way it is compared with, below 0 where some are taken away). `against`: that way's number.
    `told`: which documents those are, in words ('given at step 20')."""

    name: str
    keys: dict[str, Any]
    documents: float
    more: float = np.nan
    against: int | None = None
    told: str = ""


@dataclass(frozen=True)
class Look:
    """When a way is looked at: in words, and the steps whose mean is taken."""

    way: int
    when: str
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """An experiment `by` rate, time, place, community or rarity; `per`: what documents are counted by ('a step').

    `lawless`: why no closed form stands beside what was measured; empty where one does. `notes`: what was held fixed,
    in words.
    """

    spec: Scenario
    by: str
    metric: str
    per: str
    seeds: tuple[int, ...]
    ways: tuple[Way, ...]
    looks: tuple[Look, ...]
    values_PST: np.ndarray = field(repr=False)
    law_PT: np.ndarray = field(repr=False)
    steps: tuple[int, ...]
    lawless: str
    notes: tuple[str, ...]
    sweep: Path
    command: str = ""

    @property
    def folder(self) -> Path:
        """OUT/<scenario>/value-<by>-<digest of what was asked>, beside the sweep that holds the runs."""
        told = [self.sweep.name, self.metric, self.by, [[look.way, look.when, look.steps] for look in self.looks]]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
        return self.sweep.parent / f"value-{self.by}-{digest}"

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a way and moment. Columns: name; when; step (the last of it); documents; value with value_low,
        value_high (95% t interval) and n seeds; law; more; gain (paired differences to the way compared with) with
        gain_low, gain_high and gain_law; and the same for each document more: each, each_low, each_high, each_law."""
        return pd.DataFrame([self._row(look) for look in self.looks])

    @cached_property
    def by_seed(self) -> pd.DataFrame:
        """What the table is made from: name, when, seed, value, gain."""
        rows = [
            (self.ways[look.way].name, look.when, seed, value, gain)
            for look in self.looks
            for seed, value, gain in zip(self.seeds, self.value_S(look), self.gain_S(look), strict=True)
        ]
        return pd.DataFrame(rows, columns=["name", "when", "seed", "value", "gain"])

    def value_S(self, look: Look) -> np.ndarray:
        """(S,) the metric, one number a seed."""
        return self._at(self.values_PST, look.way, look)

    def gain_S(self, look: Look) -> np.ndarray:
        """(S,) difference to the way compared with, within seeds; NaN where there is none."""
        against = self.ways[look.way].against
        if against is None:
            return np.full(len(self.seeds), np.nan)
        return self.value_S(look) - self._at(self.values_PST, against, look)

    def each_S(self, look: Look) -> np.ndarray:
        """(S,) that difference for each document more (or, where some are taken away, for each that was there)."""
        return self.gain_S(look) / self.ways[look.way].more

    def each_law(self, look: Look) -> float:
        """The same by the closed form; NaN where there is none."""
        return self._row(look)["each_law"]

    @property
    def findings(self) -> list[str]:
        """In plain words, the main finding first."""
        from ecosystem.value import words

        return words.findings(self)

    def save(self) -> Path:
        """Writes value.csv, seeds.csv and brief.html, and gives the folder."""
        from ecosystem.value import brief

        with run_folder.naming(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            provenance.replace_text(self.folder / TABLE, self.table.to_csv(index=False))
            provenance.replace_text(self.folder / BY_SEED, self.by_seed.to_csv(index=False))
            provenance.replace_text(self.folder / brief.FILE, brief.render(self))
        return self.folder

    def _row(self, look: Look) -> dict[str, Any]:
        way = self.ways[look.way]
        value, gain = t_interval(self.value_S(look)), t_interval(self.gain_S(look))
        law = float(self._at(self.law_PT[:, None], look.way, look)[0])
        gain_law = np.nan if way.against is None else law - float(self._at(self.law_PT[:, None], way.against, look)[0])
        ends = sorted((gain.low / way.more, gain.high / way.more))
        return {
            "name": way.name, "when": look.when, "step": look.steps[-1], "documents": way.documents,
            "value": value.estimate, "value_low": value.low, "value_high": value.high, "n": value.n, "law": law,
            "more": way.more, "gain": gain.estimate, "gain_low": gain.low, "gain_high": gain.high,
            "gain_law": gain_law, "each": gain.estimate / way.more, "each_low": ends[0], "each_high": ends[1],
            "each_law": gain_law / way.more,
        }  # fmt: skip

    def _at(self, values_PST: np.ndarray, way: int, look: Look) -> np.ndarray:
        places = [self.steps.index(step) for step in look.steps]
        return values_PST[way][:, places].mean(axis=1)


def array(found: pd.DataFrame, ways: int, seeds: Sequence[int], steps: Sequence[int]) -> np.ndarray:
    """(P, S, T) of what `measured` gives."""
    wide = found.pivot(index=["point", "seed"], columns="step", values="value")
    index = pd.MultiIndex.from_product([range(ways), seeds])
    return wide.reindex(index=index, columns=list(steps)).to_numpy(float).reshape(ways, len(seeds), len(steps))
