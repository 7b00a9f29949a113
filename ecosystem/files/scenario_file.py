"""Scenario files: YAML read into a Scenario, and a Scenario written out again with every default.

Every mistake of a file is reported in one pass, each on a line `file:line:column: key: what is allowed; got what`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ecosystem import components
from ecosystem.errors import InputError, suggestion
from ecosystem.files import addresses, yaml_positions
from ecosystem.files.addresses import Change
from ecosystem.files.allowed import Mistake
from ecosystem.files.checks import GRAPH_KEYS
from ecosystem.files.rules import Judgement, arm_data, arm_mistakes, graph_defaults, judged
from ecosystem.files.yaml_positions import Tree
from ecosystem.interfaces import Component
from ecosystem.scenario import Graph, Scenario

SCENARIOS = components.ROOT / "scenarios"
SUFFIXES = (".yaml", ".yml", ".json")
MAX_LINES = 1000


def read(source: str | Path | Mapping, sets: Iterable[str | Change] = (), **changes: Any) -> Scenario:
    """The scenario of a file, of a name (`scenarios/NAME.yaml`) or of plain data.

    `sets` are changes as the command line has them, 'humans.0.rate=10'; further keywords change keys by address.
    InputError holds a line for each mistake. Code in the file's folder and in the current one can be named by it.
    """
    asked: list[Change | str] = [*sets]
    asked += [Change(address, plain_value(value)) for address, value in changes.items()]
    if isinstance(source, Mapping):
        return _scenario(_Source("", Tree(plain_value(source)), Path.cwd()), asked)
    file = locate(source)
    components.make_importable(Path.cwd(), file.parent.absolute())
    return _scenario(_Source(_label(source, file), _loaded(file, _label(source, file)), file.parent), asked)


def locate(source: str | Path) -> Path:
    """The file of a scenario given by path or by name."""
    path, known = Path(source), names()
    if not isinstance(source, str) or path.suffix in SUFFIXES or path.name != source:
        return path
    if source in known:
        return SCENARIOS / f"{source}.yaml"
    if not path.exists():
        hint = suggestion(source, known)
        raise InputError(f"Unknown scenario '{source}'.{hint} Available: {', '.join(known)}; or give a file.")
    return path


def names() -> list[str]:
    """Names of the scenarios that come with the project."""
    return sorted(file.stem for file in SCENARIOS.glob("*.yaml"))


def question(name: str) -> str:
    """The question of a scenario, also of one that is wrong elsewhere."""
    data = yaml_positions.load((SCENARIOS / f"{name}.yaml").read_text(encoding="utf-8", errors="replace")).data
    return str(data.get("question", "")) if isinstance(data, dict) else ""


def plain(spec: Scenario) -> dict[str, Any]:
    """A scenario as plain data (JSON knows all of it), every default written out, keys in the order of the classes."""
    data = plain_value(spec)
    return data | {"graph": _graph(data["graph"])}


def to_yaml(spec: Scenario) -> str:
    """A scenario as a file; what it says reads back equal."""
    return yaml_positions.dump(plain(spec))


def change(spec: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """The scenario with values put at addresses: {'humans.people.rate': 20}. Everything is checked anew."""
    asked = [Change(address, plain_value(value)) for address, value in changes.items()]
    return _scenario(_Source("", Tree(_sparse(spec)), Path.cwd()), asked)


def arm(spec: Scenario, name: str) -> Scenario:
    """The scenario of an arm, its changes applied, without arms and claims; `base` is the unchanged one."""
    known = ["base", *spec.arms]
    if name not in known:
        hint = suggestion(name, known)
        raise InputError(f"Unknown arm '{name}' of {spec.name}.{hint} Available: {', '.join(known)}.")
    return read(arm_data(_sparse(spec), plain_value(spec.arms.get(name, {}))))


def plain_value(value: Any, defaults: bool = True) -> Any:
    """Any value of a scenario as plain data; without `defaults`, what goes with a `kind` is left out where it is usual.

    Everything else stays: a community named by default is still addressed by its name.
    """
    if isinstance(value, BaseModel):
        own_kind = "kind" in type(value).model_fields  # a tokenizer's
        kind = {"kind": components.kind_of(value)} if isinstance(value, Component) and not own_kind else {}
        kept = defaults or not isinstance(value, (Component, Graph))
        return kind | {
            name: plain_value(getattr(value, name), defaults)
            for name, field in type(value).model_fields.items()
            if kept or getattr(value, name) != field.get_default(call_default_factory=True)
        }
    if isinstance(value, Mapping):
        return {str(key): plain_value(inner, defaults) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(inner, defaults) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return value.tolist() if hasattr(value, "tolist") else value


def _graph(graph: dict[str, Any]) -> dict[str, Any]:
    """The keys that a kind of graph uses, its defaults written out."""
    return {"kind": graph["kind"], **graph_defaults(graph["kind"]), **{k: v for k, v in graph.items() if v is not None}}


def _sparse(spec: Scenario) -> dict[str, Any]:
    """A scenario as plain data without defaults, so that a key such as graph.kind can be changed alone."""
    data = plain_value(spec, defaults=False)
    usual = graph_defaults(spec.graph.kind)
    graph = {k: v for k, v in data.get("graph", {}).items() if k == "kind" or usual.get(k) != v}
    return data | ({"graph": graph} if graph else {})


def _graph_alone(data: Any, path: yaml_positions.Path) -> Any:
    """Where another kind of graph was chosen, what only the old kind used goes."""
    graph = data.get("graph") if isinstance(data, dict) and path == ("graph", "kind") else None
    if not isinstance(graph, dict):
        return data
    used = {"kind", "self_loops", *GRAPH_KEYS.get(graph["kind"] if isinstance(graph["kind"], str) else "", {})}
    foreign = {key for keys in GRAPH_KEYS.values() for key in keys} - used
    return data | {"graph": {key: value for key, value in graph.items() if key not in foreign}}


class _Source:
    """Where plain data came from: a file's label and positions, its folder, and who changed what since."""

    def __init__(self, label: str, tree: Tree, folder: Path):
        self.label, self.tree, self.folder = label, tree, folder
        self.changed: dict[yaml_positions.Path, str] = {}

    def put(self, asked: Change | str) -> str | None:
        """Applies a change (or a text PATH=VALUE); what is wrong with it as such, or None."""
        data = self.tree.data if isinstance(self.tree.data, dict) else {}
        try:
            change = asked if isinstance(asked, Change) else addresses.parsed(asked)
            path = addresses.located(data, change)
        except InputError as error:
            return str(error)
        value = _absolute(change.value, path, self.folder, Path.cwd())
        self.tree.data = _graph_alone(addresses.put(data, path, value), path)
        self.tree.unreadable -= {p for p in self.tree.unreadable if p[: len(path)] == path}
        self.changed = {p: at for p, at in self.changed.items() if p[: len(path)] != path} | {path: change.label}
        return None

    def line(self, mistake: Mistake, key: str | None = None) -> str:
        """The line that reports a mistake; `key` is named in place of the path's own address."""
        address = addresses.dotted(mistake.path) if key is None else key
        named = f"{address}: {mistake.text}" if address else mistake.text
        for path, label in self.changed.items():
            inside = mistake.path[: len(path)] == path
            above = path[: len(mistake.path)] == mistake.path and mistake.path not in self.tree.values
            if inside or above:
                return f"{label}: {mistake.text if mistake.path == path else named}" if label else named
        if not self.label:
            return named
        line, column = self.position(mistake.path, mistake.key)
        return f"{self.label}:{line}:{column}: {named}"

    def position(self, path: yaml_positions.Path, key: bool = False) -> tuple[int, int]:
        """Where an item stands, or the nearest thing around it."""
        if key and path in self.tree.keys:
            return self.tree.keys[path]
        while path and path not in self.tree.values:
            path = path[:-1]
        return self.tree.values.get(path, (1, 1))


def _scenario(source: _Source, asked: Iterable[Change | str]) -> Scenario:
    faults = [(f.position, f"{source.label}:{f.position[0]}:{f.position[1]}: " + _named(f)) for f in source.tree.faults]
    if source.tree.data is None and not faults:
        faults = [((1, 1), f"{source.label}:1:1: must be a mapping with world and models; got nothing")]
    if source.tree.data is None:
        raise InputError([line for _, line in faults])
    source.tree.data = _absolute(source.tree.data, (), source.folder)
    wrong_sets = [line for line in map(source.put, asked) if line is not None]
    unreadable = source.tree.unreadable
    judgement = judged(source.tree.data, unreadable)
    placed = faults + [(source.position(m.path, m.key), source.line(m)) for m in judgement.mistakes]
    placed += _arm_lines(source, judgement)
    lines = [*wrong_sets, *dict.fromkeys(line for _, line in sorted(placed, key=lambda p: p[0]))]
    if lines or judgement.spec is None:
        more = [f"... and {len(lines) - MAX_LINES:,} more"] if len(lines) > MAX_LINES else []
        raise InputError([*lines[:MAX_LINES], *more])
    return judgement.spec


def _arm_lines(source: _Source, judgement: Judgement):
    if not isinstance(source.tree.data, dict):
        return
    for name, address, mistake in arm_mistakes(source.tree.data, judgement, source.tree.unreadable):
        place = ("arms", name, address)
        key = f"arms.{name}: {addresses.dotted(mistake.path)}"
        yield source.position(place), source.line(Mistake(place, mistake.text), key)


def _named(fault: yaml_positions.Fault) -> str:
    return f"{addresses.dotted(fault.path)}: {fault.text}" if fault.path else fault.text


def _absolute(data: Any, at: yaml_positions.Path, folder: Path, other: Path | None = None) -> Any:
    """Relative paths made absolute, from the file's folder (or, where nothing lies there, from another).

    They stand under keys called `path` of the world, of what communities write, of the graph and of what measures need,
    also in arms.
    """
    if isinstance(data, dict):
        return {key: _absolute(inner, (*at, key), folder, other) for key, inner in data.items()}
    if isinstance(data, list):
        return [_absolute(inner, (*at, i), folder, other) for i, inner in enumerate(data)]
    place = addresses.dotted(at).split(".")
    key = place[-2] if place[-1].isdigit() and len(place) > 1 else place[-1]
    if key == "model" and {"learner", "reference", "verifiers"} & set(place) and isinstance(data, str) and data:
        return _model_folder(data, [folder, other or folder])
    if not isinstance(data, str) or not data or not (key == "path" or key.endswith("_path")):
        return data
    if not {"world", "writes", "graph", "measure"} & set(place[:-1]):
        return data
    found = folder / data
    if other is not None and not found.exists() and (other / data).exists():
        found = other / data
    return str(found.resolve())


def _model_folder(name: str, folders: list[Path]) -> str:
    """The `model` of a learner or verifier: the folder of that name if there is one, else a hub id unless a path."""
    found = next((folder / name for folder in folders if os.path.isdir(folder / name)), None)
    return str((found or folders[0] / name).resolve()) if found or name.startswith(("/", "./", "../")) else name


def _loaded(file: Path, label: str) -> Tree:
    try:
        with open(file, "rb") as opened:
            raw = opened.read(yaml_positions.MAX_BYTES + 1)
    except IsADirectoryError:
        raise InputError(f"{label}: must be a scenario file; got a folder.") from None
    except OSError as error:
        raise InputError(f"{label}: {(error.strerror or str(error)).lower()}.") from None
    if len(raw) > yaml_positions.MAX_BYTES:
        raise InputError(f"{label}: a scenario file has at most {yaml_positions.MAX_BYTES:,} bytes; got more.")
    try:
        return yaml_positions.load(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise InputError(f"{label}:{line}:{column}: must be UTF-8; got the byte 0x{raw[error.start]:02x}") from None


def _label(source: str | Path, file: Path) -> str:
    """The file as its user wrote it; a scenario given by name by its place, seen from here."""
    if Path(source) == file:
        return str(source)
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
