"""One self-contained page for a run, a study or a sweep: `write(folder)`; its figures one by one: `report.figures`."""

from __future__ import annotations

from pathlib import Path

from ecosystem.runs.boundary_curve import CURVE
from ecosystem.runs.sweep_opened import TOLD


def write(folder: str | Path) -> Path:
    """Makes `report.html` in the folder of a study, an arm, a run, a sweep or a boundary, and gives its path."""
    # matplotlib is loaded when a page is made, not before
    if (Path(folder) / CURVE).is_file():
        from ecosystem.report import curve_page

        return curve_page.write(folder)
    if (Path(folder) / TOLD).is_file():
        from ecosystem.report import sweep_page

        return sweep_page.write(folder)
    from ecosystem.report import page

    return page.write(folder)
