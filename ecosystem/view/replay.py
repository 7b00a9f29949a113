"""Recorded runs as one self-contained page: no server, no network, nothing but the file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ecosystem.files import scenario_file
from ecosystem.runs import provenance
from ecosystem.runs.folder import GRAPH
from ecosystem.runs.opened import Run, Study, open_run
from ecosystem.view.packing import script_json
from ecosystem.view.recording import recording

FILE = "replay.html"
HERE = Path(__file__).parent
START = "replay(document.getElementById('panel'), JSON.parse(document.getElementById('recording').textContent));"


def write(folder: str | Path, arms: Sequence[str] = (), seed: int | None = None, out: Path | None = None) -> Path:
    """Makes the page of a study, an arm or a run, and gives its path (`replay.html` in that folder)."""
    opened = open_run(folder)
    study = Study(opened.folder.parent.parent, ((opened.arm, opened.seed),)) if isinstance(opened, Run) else opened
    given = Path(folder).absolute()
    path = out or (given if study.folder in (given, *given.parents) else study.folder) / FILE
    provenance.replace_text(path, render(study, arms, seed))
    return path


def possible(study: Study) -> bool:
    """Is there anything to play back: a run with a step, and its network?"""
    return any(len(run.steps) and (run.folder / GRAPH).is_file() for run in study.runs)


def render(study: Study, arms: Sequence[str] = (), seed: int | None = None) -> str:
    """The page as HTML."""
    given = recording(study, arms, seed)
    script = f"(() => {{\n{panel_script()}\n{START}\n}})();"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("replay.html").render(
        name=given["name"],
        question=given["question"],
        note=_note(given),
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=panel_style(),
        scenario=scenario_file.to_yaml(study.spec),
        recording=script_json(given),
        script=script,
    )


def panel_script() -> str:
    """The renderer, all its files in one scope."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((HERE / "panel").glob("*.js")))


def panel_style() -> str:
    """How it looks."""
    return (HERE / "panel" / "panel.css").read_text(encoding="utf-8")


def _note(given: dict) -> str:
    seeds = sorted({arm["seed"] for arm in given["arms"]})
    left_out = max(topology["left_out"] for topology in given["topologies"])
    shown = f"Seed {', '.join(map(str, seeds))} of each arm; intervals over seeds are in the report."
    shown += f" {left_out} models with fewest readers are not drawn." if left_out else ""
    more = given["left_out"]
    return shown + (f" Not shown: {', '.join(more)} (ecosystem view RUN --arm NAME, up to four)." if more else "")
