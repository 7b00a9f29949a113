"""Tables of run.db as pandas frames and labelled arrays: which there are, and the types of their columns."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from ecosystem.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from ecosystem.runs.opened import Run, Study

CLAIMED = ("subject", "relation", "value", "cited")


WORDS = ("arm", "group_name", "kind", "author_kind", "detail", "verifier", "gate", "whom", "prompt", "text")


class Tables:
    """The tables of run.db as frames: one run's, or a study's with the columns arm and seed in front."""

    def frame(self, table: str, step: int | None = None) -> pd.DataFrame:
        """The rows of a table, of one step where one is given."""
        raise NotImplementedError

    def export(self, kind: str = "parquet", to: str | Path | None = None) -> list[Path]:
        """Writes the tables as files: parquet, csv or netcdf; gives the files (see `export`)."""
        from ecosystem.runs.export import export

        return export(cast("Run | Study", self), kind, to)

    @cached_property
    def steps(self) -> pd.DataFrame:
        """World-level metrics; metrics of models as their mean over models."""
        return self.frame("steps")

    @cached_property
    def agents(self) -> pd.DataFrame:
        """Metrics of models."""
        return self.frame("agents")

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Similarity of ordered pairs of models."""
        return self.frame("pairs")

    @cached_property
    def documents(self) -> pd.DataFrame:
        """Recorded documents."""
        return self.frame("documents")

    @cached_property
    def judgements(self) -> pd.DataFrame:
        """Documents judged by verifiers."""
        return self.frame("judgements")

    @cached_property
    def verifiers(self) -> pd.DataFrame:
        """What each verifier did in each step, counted against the truth."""
        return self.frame("verifiers")

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """What policies bought and what was judged, by step, kind and for whom, with its cost."""
        return self.frame("ledger")

    @cached_property
    def answers(self) -> pd.DataFrame:
        """Some answers to some prompts, at steps at which they are asked; those of people at step 0, `agent` NaN."""
        return self.frame("answers")

    @cached_property
    def questions(self) -> pd.DataFrame:
        """Questions and answers of fact worlds: what was asked, answered and cited, whether it was right, and the
        document that it became (NaN: it was not published; value, confidence and right NaN: no answer was given).
        """
        return self.frame("questions")

    @cached_property
    def events(self) -> pd.DataFrame:
        """What happened to whom."""
        return self.frame("events")


def typed(names: list[str], rows: list[tuple]) -> pd.DataFrame:
    """A frame with whole numbers where the contract says so, text where there is text, else float64 with NaN."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pd.DataFrame({name: _column(name, values) for name, values in zip(names, columns, strict=True)})


def labelled(arm: str, seed: int, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame itself, with the columns arm and seed put in front."""
    frame.insert(0, "arm", pd.Series([arm] * len(frame), dtype="str"))
    frame.insert(1, "seed", np.full(len(frame), seed, np.int64))
    return frame


def arrays(steps: pd.DataFrame, agents: pd.DataFrame, over: list[str]) -> xr.Dataset:
    """Metrics over the columns `over`, step and, where a metric is a model's, agent; InputError without xarray."""
    try:
        import xarray as xr
    except ImportError:
        raise InputError("xarray is not installed; install it with: pip install 'model-ecosystem[data]'") from None
    by_agent = agents.drop(columns=["group_name", "kind"]).set_index([*over, "step", "agent"])
    by_step = steps.drop(columns=list(by_agent.columns), errors="ignore").set_index([*over, "step"])
    about = agents.drop_duplicates("agent").set_index("agent")[["group_name", "kind"]].astype(object)
    merged = xr.merge([xr.Dataset.from_dataframe(by_step), xr.Dataset.from_dataframe(by_agent)], join="outer")
    return merged.assign_coords({name: ("agent", about[name].reindex(merged.agent)) for name in about})


def _column(name: str, values: tuple) -> np.ndarray | pd.Series:
    whole = ("step", "author", "other", "seed", "answer", "fact", "supported", "published")
    if name in whole or (name in ("agent", "document") and None not in values):
        return np.array(values, np.int64)
    if name in (*WORDS, *CLAIMED):
        return pd.Series(values, dtype="str")
    if name == "content":
        return np.array(values) if all(isinstance(v, int) for v in values) else pd.Series(values, dtype="str")
    return np.array(values, float)
