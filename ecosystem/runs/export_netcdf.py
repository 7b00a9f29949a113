"""Runs as NetCDF 3: `metrics.nc`, labelled arrays over arm, seed, step and agent, and a file for every other table.

NetCDF 3 has no whole numbers above 2^31 - 1; a column that holds one becomes float64, which is exact up to 2^53.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.runs.export import appearing
from ecosystem.runs.opened import Run, Study
from ecosystem.runs.record import COLUMNS

if TYPE_CHECKING:
    import xarray as xr

    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.runs.sweep_opened import Sweep

EXACT = 2**53  # float64 knows every whole number up to here


def write(what: Run | Study | Sweep | Curve, folder: Path) -> list[Path]:
    """Writes the files and gives them; InputError where a whole number would not be kept exactly."""
    made = []
    for name, dataset in _datasets(what):
        with appearing(folder / f"{name}.nc") as hidden:
            _kept(dataset).to_netcdf(hidden, engine="scipy")
        made.append(folder / f"{name}.nc")
    return made


def _datasets(what: Run | Study | Sweep | Curve) -> Iterator[tuple[str, xr.Dataset]]:
    if not isinstance(what, (Run, Study)):
        yield "table", _rows(what.table)
        return
    yield "metrics", what.to_xarray().assign_attrs(scenario=what.spec.name, scenario_digest=what.spec.digest)
    for table in COLUMNS:
        frame = what.frame(table)
        if table not in ("steps", "agents") and len(frame):
            yield table, _rows(frame)


def _rows(frame: pd.DataFrame) -> xr.Dataset:
    """A table as it stands: every column a variable over `row`."""
    import xarray as xr

    return xr.Dataset({str(name): ("row", _values(frame[name])) for name in frame})


def _values(column: pd.Series) -> np.ndarray:
    """Numbers as numbers, everything else as text, '' where there is none."""
    if pd.api.types.is_numeric_dtype(column):
        whole = pd.api.types.is_integer_dtype(column) and not column.isna().any()
        return column.to_numpy(np.int64 if whole else np.float64, na_value=np.nan if not whole else 0)
    return column.astype(object).where(column.notna(), "").map(str).to_numpy(object)


def _kept(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset in types that NetCDF 3 has."""
    changed = {}
    for name, variable in dataset.variables.items():
        values = variable.values
        if values.dtype.kind not in "iu" or not values.size or np.abs(values).max() < 2**31:
            continue
        if np.abs(values).max() > EXACT:
            raise InputError(f"netcdf: {name} holds whole numbers above 2^53; choose parquet or csv")
        changed[name] = (variable.dims, values.astype(np.float64))
    return dataset.assign_coords({n: v for n, v in changed.items() if n in dataset.coords}).assign(
        {n: v for n, v in changed.items() if n not in dataset.coords}
    )
