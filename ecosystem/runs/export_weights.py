"""A model taken out of a run: the weights that it has at the run's last checkpoint, in a format of other tools."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.errors import InputError
from ecosystem.runs import checkpoints
from ecosystem.runs import folder as run_folder
from ecosystem.runs.opened import Run, Study

if TYPE_CHECKING:
    from ecosystem.checkpoint import State
    from ecosystem.interfaces import Learner
    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.runs.sweep_opened import Sweep
    from ecosystem.scenario import Scenario

FORMAT = "transformers"
ORIGIN = "origin.json"  # beside the weights: which model of which run this is


def export_weights(what: Run | Study | Sweep | Curve, agent: int, to: str | Path | None = None) -> Path:
    """Writes a model as a folder that transformers loads, with its tokenizer where the world's documents are texts.

    `to`: a folder that is not there yet, or empty; default: `export/agent-N` in the run's. InputError where there is no
    such model, its kind has no such weights, or the run has kept none.
    """
    from ecosystem.model import Ecosystem

    if not isinstance(what, Run):
        raise InputError(f"agent: is taken out of one run; give its folder, such as {what.folder}/base/seed-000")
    _checked(what.spec, agent)
    folder = (Path(to) if to is not None else what.folder / "export" / f"agent-{agent}").absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"to: {folder} is there already; give another folder")
    world = Ecosystem(what.spec, state=_state(what))
    population = next(p for p in world.populations if p.first <= agent < p.first + p.n)
    learner: Any = population.group.learner
    hidden = folder.with_name(f".{folder.name}-{os.getpid()}")
    with run_folder.naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            vocabulary = getattr(world.shape.codec, "vocabulary", None)
            learner.save_pretrained(population.params, agent - population.first, hidden, vocabulary)
            about: dict[str, Any] = {
                "scenario": what.spec.name, "scenario_digest": what.spec.digest, "arm": what.arm, "seed": what.seed,
                "agent": agent, "group": population.group.name, "step": world.t,
            }  # fmt: skip
            (hidden / ORIGIN).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            os.replace(hidden, folder)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
    return folder


def _checked(spec: Scenario, agent: int) -> None:
    """InputError unless the scenario has a model of that number whose kind can be taken out."""
    if not 0 <= agent < spec.agents:
        raise InputError(f"agent: must be a model's number, 0 to {spec.agents - 1}; got {agent}")
    learners: list[Learner] = [group.learner for group in spec.models for _ in range(group.count)]
    if FORMAT not in learners[agent].exports:
        from ecosystem.components import kind_of

        those = [str(i) for i, learner in enumerate(learners) if FORMAT in learner.exports]
        has = f"those that have: {', '.join(those[:20])}" if those else "no model of this run has"
        raise InputError(f"agent: {agent} is a {kind_of(learners[agent])}, without weights for {FORMAT}; {has}")


def _state(run: Run) -> State:
    """The newest whole checkpoint."""
    faults = []
    for place in checkpoints.there(run.folder / checkpoints.FOLDER):
        try:
            return checkpoints.read(place)[1]
        except ValueError as error:
            faults.append(str(error))
    raise InputError(faults or f"{run.folder} has kept no checkpoint; make the run again to take models out of it")
