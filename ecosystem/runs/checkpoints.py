"""The checkpoints of a run, `<run folder>/checkpoints/step-NNNNNN/`: what `resume` goes on from.

Each is made beside its place, flushed to the disk and then renamed, and only then the oldest is removed: there are two
whenever there were two, however the process ends. `sha256sum -c checksums` inside one says whether it is whole; nothing
of it is read that is not. `state.json` and `arrays.safetensors` hold numbers and texts and no code.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.checkpoint import State, state_of
from ecosystem.stored import NotStorable

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem

FOLDER, ARRAYS, STATE, CHECKSUMS = "checkpoints", "arrays.safetensors", "state.json", "checksums"
FORMAT = 1
KEPT = 2
EVERY = 30.0  # seconds between two checkpoints at least
SHARE = 0.05  # of a run's time that checkpoints may take at most
NAME = re.compile(r"step-(\d{6,})")


class Keeper:
    """Keeps checkpoints of a run while it goes on: every so many seconds, and no more often than `SHARE` allows.

    `every`: seconds; 0: after every step, whatever it takes. `trouble`: why the last one could not be kept, or empty: a
    run whose checkpoints cannot be written (a full disk, a component that keeps what cannot be stored) goes on.
    """

    def __init__(
        self, folder: Path, origin: dict[str, Any], every: float = EVERY, before: Callable[[], None] = lambda: None,
        resumes: bool = True,
    ):  # fmt: skip
        """`before`: brings the record onto the disk, for a checkpoint may not be ahead of it. `resumes`: False of a
        world whose whole state is not at hand (it is with shards): nothing is kept then but models in the end."""
        self.folder, self.origin, self.every, self.before = folder / FOLDER, origin, every, before
        self.trouble = ""
        self._due = time.monotonic() + every
        self._lasting = resumes
        self._kept = -1  # the step of the newest

    def after(self, world: Ecosystem) -> None:
        """A step is done and recorded."""
        if self._lasting and time.monotonic() >= self._due:
            self.keep(world)

    def stopped(self, world: Ecosystem) -> None:
        """The run is stopped between two steps."""
        if self._lasting:
            self.keep(world)

    def keep(self, world: Ecosystem) -> None:
        """Keeps one now, unless it is there already."""
        if world.t == self._kept:
            return
        began = time.monotonic()
        try:
            self.before()
            write(self.folder, world, self.origin)
            self.trouble, self._kept = "", world.t
        except NotStorable as error:
            self.trouble, self._lasting = str(error), False
        except OSError as error:
            self.trouble = f"{error.strerror or error} ({self.folder})"
        now = time.monotonic()
        self._due = now + max(self.every, (now - began) / SHARE if self.every else 0.0)

    def end(self, world: Ecosystem) -> None:
        """The run is complete. Its last state is kept where models can be taken out of it, else nothing needs any."""
        if any(population.group.learner.exports for population in world.populations):
            self.keep(world)
            for old in there(self.folder)[1:]:
                shutil.rmtree(old, ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def told(self) -> dict[str, Any]:
        """What goes into provenance: why there is no checkpoint, where there is trouble."""
        return {"checkpoint_trouble": self.trouble} if self.trouble else {}


def write(folder: Path, world: Ecosystem, origin: dict[str, Any]) -> Path:
    """Keeps a world between two steps; OSError where the disk refuses, and then nothing has changed."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    state = state_of(world)
    about = {"format": FORMAT, "step": state.t, "seed": world.seed, "digest": world.spec.digest, "origin": origin}
    place = folder / f"step-{state.t:06d}"
    folder.mkdir(exist_ok=True)
    _sweep_up(folder)
    hidden = folder / f".{place.name}-{os.getpid()}"
    hidden.mkdir()
    try:
        save_file(state.arrays, hidden / ARRAYS)
        (hidden / STATE).write_text(json.dumps({"about": about, "state": state.told}), encoding="utf-8")
        sums = "".join(f"{_sum(hidden / name)}  {name}\n" for name in (ARRAYS, STATE))
        (hidden / CHECKSUMS).write_text(sums, encoding="utf-8")
        for name in (ARRAYS, STATE, CHECKSUMS, "."):
            _flush(hidden / name)
        if place.exists():
            shutil.rmtree(place)
        os.rename(hidden, place)
    except BaseException as error:
        shutil.rmtree(hidden, ignore_errors=True)
        if isinstance(error, SafetensorError):  # what it says of a full disk is no OSError
            raise OSError(str(error)) from error
        raise
    _flush(folder)
    for old in there(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def there(folder: Path) -> list[Path]:
    """The checkpoints of a run, whole or not, the newest first."""
    found = folder.iterdir() if folder.is_dir() else ()
    named = [path for path in found if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(named, key=lambda path: int(path.name.partition("-")[2]), reverse=True)


def read(place: Path) -> tuple[dict[str, Any], State]:
    """What a checkpoint says of itself, and the state; ValueError, in words, where it is not whole."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        lines = [line.partition("  ") for line in (place / CHECKSUMS).read_text("utf-8").splitlines()]
        sums = {name: total for total, _, name in lines}
        contents = {name: (place / name).read_bytes() for name in (ARRAYS, STATE)}
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != sums.get(name):
                raise ValueError(f"{place / name} is damaged: its checksum is another")
        told = json.loads(contents[STATE])
        if told["about"]["format"] != FORMAT:
            raise ValueError(f"{place} is of another version: format {told['about']['format']}, here {FORMAT}")
        return told["about"], State(int(told["about"]["step"]), told["state"], load(contents[ARRAYS]))
    except (OSError, UnicodeError, json.JSONDecodeError, SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{place} is damaged: {error}") from error


def newest(folder: Path, world_digest: str, seed: int, origin: dict[str, Any], until: int) -> State | None:
    """The newest whole checkpoint of a run by this code at step `until` or before; None where there is none."""
    for place in there(folder / FOLDER):
        try:
            about, state = read(place)
        except ValueError:
            continue
        same = about["digest"] == world_digest and about["seed"] == seed and about["origin"] == origin
        if same and state.t <= until:
            return state
    return None


def _sweep_up(folder: Path) -> None:
    """What a process that was killed while it wrote has left."""
    for left in folder.glob(".step-*"):
        shutil.rmtree(left, ignore_errors=True)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # folders cannot be flushed everywhere
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
