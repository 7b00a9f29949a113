"""What the JSON files of results folders say, as types: nobody relies on a file that somebody has changed.

Which keys must be there is each reader's own rule; here a key that is there has the type it was written with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecosystem.errors import InputError, one_line

Named = dict[str, Any]
Between = Annotated[tuple[float, float, bool], Field(strict=False)]  # JSON has lists only
Range = Annotated[tuple[float, float, bool, bool], Field(strict=False)]
Place = Annotated[str, Field(pattern=r"^sweep-[0-9a-f]{12}$")]  # of a folder beside this one


class Shape(BaseModel):
    """Keys of a file with their types; others may stand beside them."""

    model_config = ConfigDict(strict=True, extra="allow")


class Data(Shape):
    """A file that was read."""

    path: str
    bytes: int
    sha256: str


class Origin(Shape):
    """What numbers rest on."""

    versions: dict[str, str] = {}
    code: str = ""
    data: list[Data] = []
    device: str = ""


class Provenance(Origin):
    """provenance.json of a run."""

    scenario: str = ""
    scenario_digest: str = ""
    arm: str = ""
    seed: int = 0
    steps: int = 0
    status: str = ""
    reason: str = ""
    command: str = ""
    start: str = ""
    end: str | None = None
    wall_seconds: float | None = None
    peak_memory_bytes: int | None = None
    platform: str = ""
    processor: str = ""
    vectors: list[str] = []
    processors: int | None = None
    device_name: str = ""
    threads: int | None = None
    thread_settings: dict[str, str] = {}
    blas: list[str] = []
    kernel_settings: dict[str, str] = {}
    git: Named | None = None
    resumed: list[Named] = []


class Sought(Shape):
    """The design of a boundary."""

    between: Between
    event: str


class Sampled(Shape):
    """The design of a sample."""

    points: int
    draw: int
    ranges: dict[str, Range]


class Sweep(Shape):
    """sweep.json of a sweep."""

    scenario: str = ""
    scenario_digest: str = ""
    kind: Literal["grid", "list", "latin", "sobol", "morris", "boundary"] = "grid"
    keys: list[str] = []
    design: Named = {}
    at: Literal["end"] | list[int] = "end"
    metrics: list[str] = []
    origin: Origin = Origin()
    command: str = ""


class Search(Shape):
    """One of the searches of a curve."""

    point: Named
    folder: Place


class Curve(Shape):
    """curve.json of a boundary in two keys."""

    scenario: str = ""
    scenario_digest: str = ""
    keys: list[str] = []
    key: str = ""
    between: Between = (0.0, 1.0, False)
    event: str = ""
    precision: float = Field(1.0, gt=0)
    most: int = 0
    searches: list[Search] = []
    origin: Origin = Origin()
    command: str = ""


DESIGNS: dict[str, type[Shape]] = {"boundary": Sought, "latin": Sampled, "sobol": Sampled, "morris": Sampled}


def read(path: Path, needed: Iterable[str], shape: type[Shape]) -> dict[str, Any]:
    """What a file says; InputError, in one line, where it lacks a key or one has another type."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file ({error}).") from None
    lacks = [key for key in needed if key not in told] if isinstance(told, dict) else list(needed)
    if lacks:
        raise InputError(f"{path}: was written by another version; it lacks {', '.join(lacks)}.")
    if fault := wrong(told, shape):
        raise InputError(f"{path}: is damaged, or written by another version ({fault}).")
    return told


def wrong(told: Any, shape: type[Shape]) -> str:
    """The first key of another type, what it must be and what it is; '' where there is none."""
    try:
        found = shape.model_validate(told)
        if isinstance(found, Sweep) and found.kind in DESIGNS:
            DESIGNS[found.kind].model_validate(found.design)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        return one_line(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}; got {first['input']!r}")
    return ""
