"""The panel in a notebook's cell: a recorded run, or a world that goes on."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.runs.opened import Run, Study, open_run

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem

HEIGHT = 820  # pixels


@dataclass(frozen=True)
class Cell:
    """A page inside a cell; what a notebook shows of it is the page itself, in a frame of its own."""

    page: str
    height: int

    def _repr_html_(self) -> str:
        # allow-scripts alone: the page can draw, and can reach neither the notebook nor the net
        return (
            f'<iframe sandbox="allow-scripts" style="width:100%;height:{self.height}px;border:0" '
            f'srcdoc="{html.escape(self.page, quote=True)}"></iframe>'
        )


def show(what: Run | Study | str | Path | Ecosystem, height: int = HEIGHT) -> Any:
    """What a cell ends with to show a run, a study, a run's folder (played back), or a world.

    A world's panel is drawn anew at every `refresh()`: step the world in one cell and watch it in another. It needs
    the extra `viz`.
    """
    if isinstance(what, (str, Path)):
        what = open_run(what)
    if isinstance(what, Run):
        what = Study(what.folder.parent.parent, ((what.arm, what.seed),))
    if isinstance(what, Study):
        from ecosystem.view import replay

        return Cell(replay.render(what), int(height))
    from ecosystem.view.component import EcosystemPanel

    return EcosystemPanel(what)


def refresh() -> None:
    """Draws live panels anew, after a world was stepped by hand."""
    from mesa.visualization.utils import force_update

    force_update()
