"""Is a run what its folder says it is? Its files are checked, and it is made anew and compared to the last digit.

    for verdict in verify(open_run("outputs/baseline/0123456789ab"), sample=2):
        print(verdict)

A run is made anew from its scenario.yaml in a folder that is then removed, on the device and with the threads of old.
Equal numbers are promised where code, libraries, processor and device are those of old (docs/reproducibility.md); where
they are not, the verdict says so, whether the numbers are equal or not.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem import machine
from ecosystem.checkpoint import state_of
from ecosystem.errors import InputError
from ecosystem.runs import checkpoints, computer, differing, integrity, provenance
from ecosystem.runs import folder as run_folder
from ecosystem.runs.opened import Run, Study
from ecosystem.runs.record import Recorder
from ecosystem.streams import Streams

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem
    from ecosystem.scenario import Scenario

Progress = Callable[[str, int, int], None]
"""progress(run, step, last step)"""


@dataclass(frozen=True)
class Verdict:
    """On one run, or on what lies beside the runs of a study.

    faults: what is wrong, the weightiest first; notes: what else is to be known.
    """

    about: str
    says: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        head = self.says if self.holds else f"DIFFERENT: {self.faults[0]}"
        return "\n".join([f"{self.about}: {head}", *(f"  {line}" for line in (*self.faults[1:], *self.notes))])


def verify(
    what: Run | Study,
    steps: int | None = None,
    sample: int | None = None,
    anew: bool = True,
    device: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Verdict]:
    """Verdicts on a run, or on every run of a study in turn and on the study's own files.

    `steps`: make anew only steps 0 to `steps`; `sample`: only so many runs, drawn from all; `anew=False`: files only;
    `device`: make runs anew there, in place of where they were made.
    """
    if isinstance(what, Run):
        yield _judged(what, what.folder.name, steps, anew, device, progress)
        return
    runs = _runs(what)
    chosen = drawn(runs, sample)
    for run in chosen:
        yield _judged(run, f"{run.folder.parent.name}/{run.folder.name}", steps, anew, device, progress)
    faults = tuple(_beside(what))
    of = f"{len(chosen)} of {len(runs)} runs looked at"
    yield Verdict(what.folder.name, f"the scenario is that of its runs, summary.csv says what they say; {of}", faults)


def _runs(study: Study) -> list[Run]:
    """All runs that lie there, also those that cannot be read."""
    arms = None if study.only is None else {arm for arm, _ in study.only}
    found = [path.parent for path in sorted(study.folder.glob(f"*/seed-*/{provenance.FILE}"))]
    return [Run(folder) for folder in found if arms is None or folder.parent.name in arms]


def drawn(items: Sequence[Any], sample: int | None) -> list[Any]:
    """So many of the items, each as likely as the other and always the same ones; all of them where it is None."""
    if sample is None or sample >= len(items):
        return list(items)
    chosen = Streams(0).get("verify").choice(len(items), sample, replace=False)
    return [items[i] for i in sorted(chosen)]


def _judged(
    run: Run, about: str, steps: int | None, anew: bool, device: str | None, progress: Progress | None
) -> Verdict:
    found = integrity.faults(run)
    try:
        last = integrity.last_step(run)
        told, spec = run.provenance, run.spec
    except (sqlite3.DatabaseError, InputError, OSError, UnicodeDecodeError) as error:
        return Verdict(about, "", tuple(found) or (" ".join(str(error).split()),))
    state = "" if told["status"] == "complete" else f" (the run is {told['status']})"
    if last < 0 and not found:
        return Verdict(about, f"nothing is recorded{state}")
    if not anew:
        return Verdict(about, f"files are whole, steps 0 to {last}{state}; not made anew", tuple(found))
    device = device or told.get("device", "cpu")
    notes = tuple(differences(told, spec, device))
    until = last if steps is None or steps >= last else steps - steps % spec.record.every  # as far as was measured
    began = time.monotonic()
    try:
        machine.use(machine.placed(device, told.get("threads")))
        with tempfile.TemporaryDirectory(prefix="ecosystem-verify-") as place:
            made = Path(place) / "run"
            states: list[str] = []
            for world in _made_anew(run, spec, made, until if until < last else _kept_until(run, last, spec)):
                states += _other_states(run, world)
                if progress is not None:
                    progress(about, world.t, until)
            compared = differing.compared(run.folder / run_folder.DB, made / run_folder.DB, until)
            same_graph = _same(run.folder / run_folder.GRAPH, made / run_folder.GRAPH)
    except Exception as error:  # any component of anyone's may fail in any way
        return Verdict(about, "", (*found, f"cannot be made anew: {' '.join(str(error).split())}"), notes)
    differ = [] if compared.difference is None else [compared.difference]
    differ += states
    differ += [] if same_graph else [f"{run_folder.GRAPH}: is not the graph of this scenario and seed"]
    says = f"equal: steps 0 to {until}, {compared.values:,} values in {compared.tables} tables{state}, "
    return Verdict(about, f"{says}made anew in {time.monotonic() - began:.1f} s", (*differ, *found), notes)


def _kept_until(run: Run, last: int, spec: Scenario) -> int:
    """The last step before the next that is recorded, of which there is a checkpoint; `last` where there is none."""
    steps = [int(place.name.partition("-")[2]) for place in checkpoints.there(run.folder / checkpoints.FOLDER)]
    return max([last, *(t for t in steps if t < min(last + spec.record.every, spec.steps))])


def _made_anew(run: Run, spec: Scenario, folder: Path, until: int) -> Iterator[Ecosystem]:
    """Steps 0 to `until` of a run recorded in another folder; the world after each.

    The scenario is whole: with fewer steps it would be another one to whatever looks ahead.
    """
    from ecosystem.model import Ecosystem

    world = Ecosystem(spec)
    recorder = Recorder(folder, world, run.arm)
    try:
        recorder.write(world)
        yield world
        while world.t < until:
            world.step()
            recorder.write(world)
            yield world
    finally:
        recorder.close("interrupted")


def _other_states(run: Run, world: Ecosystem) -> Iterator[str]:
    """Where the checkpoint of this step, if there is one and it is whole, holds another state than the world's."""
    place = run.folder / checkpoints.FOLDER / f"step-{world.t:06d}"
    try:
        kept = checkpoints.read(place)[1]
    except ValueError:
        return
    made = state_of(world)
    names = sorted(made.arrays.keys() | kept.arrays.keys())
    other = [n for n in names if not _equal(made.arrays.get(n), kept.arrays.get(n))]
    other += [n for n, told in made.told.items() if json.loads(json.dumps(told)) != kept.told.get(n)]
    if other:
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        yield f"{checkpoints.FOLDER}: {place.name} holds another state than is made anew: {other[0]}{more}"


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """To the last bit, NaN included."""
    if one is None or other is None:
        return False
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


MATTERS = (
    "platform", "processor", "vectors", "device", "device_name", "thread_settings", "blas", "kernel_settings",
)  # fmt: skip


def differences(told: dict[str, Any], spec: Scenario, device: str) -> Iterator[str]:
    """What the numbers may depend on and is not what it was; equality is then not promised."""
    now = computer.told() | {"device": device, "device_name": computer.device_name(device)}
    then, here = told.get("versions", {}), provenance.versions()
    changed = [] if told.get("code") == provenance.origin(spec.plain())["code"] else ["other code then than now"]
    changed += [
        f"{name} {then.get(name, 'none')} then, {here.get(name, 'none')} now"
        for name in sorted(then.keys() | here.keys())
        if then.get(name) != here.get(name)
    ]
    parts = [(told, "then"), *((p.get("made_on", {}), f"to step {p['from_step']}") for p in told.get("resumed", []))]
    for part, when in parts:
        for key in MATTERS:
            if key in part and part[key] != now[key]:
                changed.append(f"{key} {_plain(part[key])} {when}, {_plain(now[key])} now")
    if changed:
        yield f"equality is not promised: {'; '.join(changed)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={inner}" for key, inner in value.items()) or "none"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _beside(study: Study) -> Iterator[str]:
    """The study's scenario is that of its runs; summary.csv says what they say."""
    from ecosystem.runs import summary

    if not (study.folder / run_folder.SCENARIO).is_file():
        yield f"{run_folder.SCENARIO}: is not there"
        return
    try:
        whole, steps = study.spec, Study(study.folder).steps
        for run in study.every:
            arm = whole.arm(run.arm).model_copy(update={"seed": run.seed})
            if arm.digest != run.spec.digest:
                yield f"{run_folder.SCENARIO}: is not the scenario of {run.arm}/{run.folder.name}"
                return
        if (study.folder / summary.FILE).is_file() and not summary.agrees(study.folder, steps):
            yield f"{summary.FILE}: does not say what the runs say; `ecosystem run` writes it anew"
    except (InputError, OSError, UnicodeDecodeError) as error:
        yield " ".join(str(error).split())
