"""One self-contained page for a run or a study: `write(folder)`; its figures one by one: `report.figures`."""

from __future__ import annotations

from pathlib import Path


def write(folder: str | Path) -> Path:
    """Makes `report.html` in the folder of a study, an arm or a run, and gives its path."""
    from ecosystem.report import page  # matplotlib is loaded when a page is made, not before

    return page.write(folder)
