"""Which runs of a folder were stopped and can go on."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ecosystem.errors import InputError
from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance
from ecosystem.runs.boundary_curve import CURVE
from ecosystem.runs.opened import Run, Study, open_run
from ecosystem.runs.sweep_opened import TOLD

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

NAME = re.compile(r"seed-\d{3,}")


def resumable(folder: Path, device: str = "cpu") -> tuple[Path, Scenario, list[tuple[str, int]]]:
    """The study that a run folder, or a study's, is of, its scenario, and the (arm, seed) that are not complete.

    InputError where there is no run, or where one of them was made by other code, libraries, data or on another device:
    its numbers would change in the middle.
    """
    if (folder / TOLD).is_file() or (folder / CURVE).is_file():
        raise InputError(f"{folder}: is a sweep; run its command again and only what is missing is run")
    opened = open_run(os.path.normpath(folder.absolute()))  # its place among its parents tells what it is
    one = isinstance(opened, Run)
    study = opened.folder.parent.parent if one else opened.folder
    spec = _spec(study, folder)
    pairs = [_pair(opened.folder)] if one else _asked(study)
    if isinstance(opened, Study) and opened.only is not None:
        pairs = [pair for pair in pairs if pair[0] in {arm for arm, _ in opened.only}]
    left = []
    for arm, seed in pairs:
        place, of = run_folder.seed_folder(study, arm, seed), _of(spec, arm, seed)
        if not run_folder.complete(place, of, device):
            _check_same(place, of, device)
            left.append((arm, seed))
    return study, spec, left


def _asked(study: Path) -> list[tuple[str, int]]:
    """What was asked for, and what is there."""
    there = [_pair(path) for path in sorted(study.glob("*/seed-*")) if NAME.fullmatch(path.name)]
    return list(dict.fromkeys([*run_folder.asked(study), *there]))


def _pair(folder: Path) -> tuple[str, int]:
    """Arm and seed of a run folder, by its place: what it says of itself may be spoilt."""
    if not NAME.fullmatch(folder.name):
        raise InputError(f"{folder}: must be called seed-NNN, after its seed, to go on")
    return folder.parent.name, int(folder.name.removeprefix("seed-"))


def _spec(study: Path, folder: Path) -> Scenario:
    """The scenario with all arms, which stands beside them."""
    from ecosystem.files.scenario_file import read

    path = study / run_folder.SCENARIO
    if not path.is_file():
        raise InputError(f"{folder}: must lie in the folder of its study, with {run_folder.SCENARIO}; {path} is gone")
    spec = read(path)
    named = run_folder.digest_folder(study.parent.parent, spec)
    if named != study:
        said = f"{path}: is the scenario of a folder {named.parent.name}/{named.name}, not of this one"
        raise InputError(f"{said}; give the folder its name back, or run it as a new one (ecosystem run)")
    return spec


def _of(spec: Scenario, arm: str, seed: int) -> Scenario:
    return spec.arm(arm).model_copy(update={"seed": seed})


def _check_same(place: Path, spec: Scenario, device: str) -> None:
    try:
        told = provenance.read(place)
    except (OSError, ValueError):  # not begun, or spoilt: then it begins anew, or a checkpoint says whose it is
        return
    here = provenance.origin(spec.plain()) | {"device": device}
    names = {"versions": "libraries", "code": "code", "data": "data", "device": "device"}
    other = [names[key] for key, value in here.items() if told.get(key) != value]
    if other == ["device"]:
        raise InputError(f"{place}: was made on {told.get('device')}; go on with --device {told.get('device')}")
    if other:
        raise InputError(
            f"{place}: was made with other {' and '.join(other)}; going on would change its numbers in the middle. "
            "Run it anew (ecosystem run), in another folder (--out) where you want to keep what is there."
        )
