"""YAML (JSON is YAML) read with positions: plain data, where each value and key stands, and what cannot be read.

Scalars follow the YAML 1.2 core schema, so `1e-3` is a number and `no` is text. The node tree is walked once, with
limits, so that no file can make it run away: depth, size, and aliases that refer to themselves or multiply.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

import yaml

Path = tuple[str | int, ...]
Position = tuple[int, int]

MAX_BYTES, MAX_DEPTH, MAX_VALUES, MAX_REPEATED = 10_000_000, 40, 1_000_000, 10_000
CORE = "tag:yaml.org,2002:"
PATTERNS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}
INFINITIES = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


@dataclass(frozen=True)
class Fault:
    """Something that cannot be read: where (line and column from 1), of which key, and why."""

    position: Position
    path: Path
    text: str


@dataclass
class Tree:
    """Data and where it stands: `values` and `keys` map the path of an item to its position and its key's.

    `unreadable` are the paths whose value could not be made (it is None in the data).
    """

    data: object = None
    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: set[Path] = field(default_factory=set)


class CoreLoader(yaml.SafeLoader):
    """PyYAML's composer with the implicit types of YAML 1.2 and a limit on depth."""

    yaml_implicit_resolvers: dict = {}
    depth = 0

    def compose_node(self, parent, index):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {MAX_DEPTH} deep", problem_mark=self.peek_event().start_mark
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class CoreDumper(yaml.SafeDumper):
    """Writes text so that both YAML 1.2 and YAML 1.1 read it as text."""

    yaml_implicit_resolvers = {key: list(value) for key, value in yaml.SafeDumper.yaml_implicit_resolvers.items()}

    def ignore_aliases(self, data):
        return True

    def represent_str(self, data):
        # PyYAML would write some line breaks as they are and read them as spaces; what cannot be seen is escaped
        style = None if data.isprintable() or data.replace("\n", "").isprintable() else '"'
        return self.represent_scalar(CORE + "str", data, style)


CoreDumper.add_representer(str, CoreDumper.represent_str)
for _tag, _pattern in PATTERNS.items():
    for _class in (CoreLoader, CoreDumper):
        _class.add_implicit_resolver(CORE + _tag, re.compile(rf"(?:{_pattern})\Z"), None)


def load(text: str) -> Tree:
    """The one document of a YAML text."""
    tree = Tree()
    if text.lstrip().startswith(("{", "[")):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, and holds no raw tab in its strings
    try:
        node = CoreLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        tree.faults.append(Fault((mark.line + 1, mark.column + 1) if mark else (1, 1), (), f"must be YAML; got {said}"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = error.position - (before.rfind("\n") + 1)
        said = f"the character U+{ord(text[error.position]):04X}"
        tree.faults.append(Fault((before.count("\n") + 1, column + 1), (), f"must be YAML; got {said}"))
    else:
        tree.data = _Walk(tree).value(node, ()) if node is not None else None
    return tree


def dump(data: object) -> str:
    """Data as YAML, keys in their order, small mappings and lists on one line."""
    text = yaml.dump(data, Dumper=CoreDumper, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    # what is not printable stands in double quotes, where it may be escaped: a terminal shows the file as it is
    return text if text.isascii() else "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    """As YAML writes a character in double quotes."""
    return f"\\u{ord(character):04X}" if ord(character) < 0x10000 else f"\\U{ord(character):08X}"


def scalar(text: str) -> object:
    """What a text such as `1e-3`, `[1, 2]` or `{kind: ring}` says, read as YAML; ValueError when it cannot be."""
    tree = load(text)
    if tree.faults:
        raise ValueError(tree.faults[0].text)
    return tree.data


class _Walk:
    """Turns nodes into data, noting positions and faults; an alias is a node met again."""

    def __init__(self, tree: Tree):
        self.tree, self.made, self.repeated = tree, 0, 0
        self.open: set[int] = set()
        self.met: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> object:
        if self.full:
            return None
        self.tree.values[path] = _position(node)
        self.made, self.repeated = self.made + 1, self.repeated + (id(node) in self.met)
        self.met.add(id(node))
        if self.full:
            limits = f"{MAX_VALUES:,} values, {MAX_REPEATED:,} of them through aliases"
            return self._fault(node, path, f"a scenario holds at most {limits}; got more")
        if id(node) in self.open:
            return self._fault(node, path, "an alias may not stand inside what it refers to; got one that does")
        if not node.tag.startswith(CORE) or node.tag[len(CORE) :] not in (*PATTERNS, "str", "map", "seq"):
            return self._fault(node, path, f"tags are not allowed; got {node.tag.replace(CORE, '!!')}")
        self.open.add(id(node))
        made = self._inside(node, path)
        self.open.discard(id(node))
        return made

    @property
    def full(self) -> bool:
        """Has the file reached the limit of what is read?"""
        return self.made > MAX_VALUES or self.repeated > MAX_REPEATED

    def _inside(self, node: yaml.Node, path: Path) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value) if not self.full]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict:
        made: dict[str, object] = {}
        for key_node, child in node.value:
            if self.full:
                break
            key = key_node.value
            if not isinstance(key, str):
                text = "a key must be text; got a list or a mapping"
                self.tree.faults.append(Fault(_position(key_node), path, text))
            elif key in made:
                text = f"a key may be given once; got it again (first on line {self.tree.keys[*path, key][0]})"
                self.tree.faults.append(Fault(_position(key_node), (*path, key), text))
            else:
                self.tree.keys[(*path, key)] = _position(key_node)
                made[key] = self.value(child, (*path, key))
        return made

    def _scalar(self, node: yaml.Node, path: Path) -> object:
        tag, text = node.tag[len(CORE) :], node.value
        try:
            return _typed(tag, text)
        except ValueError:
            return self._fault(node, path, f"must be readable as !!{tag}; got '{text[:40]}'")

    def _fault(self, node: yaml.Node, path: Path, text: str) -> object:
        self.tree.faults.append(Fault(_position(node), path, text))
        self.tree.unreadable.add(path)
        return None


def _typed(tag: str, text: str) -> object:
    if tag == "null":
        return None
    if tag == "bool":
        return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _refuse()
    if tag == "int":
        number = int(text, {"0o": 8, "0x": 16}.get(text[:2].lower(), 10))
        return number if abs(number) <= sys.float_info.max else _refuse()  # what reads on takes them for numbers
    if tag == "float":
        return float(INFINITIES.get(text.lower(), text))
    if any("\ud800" <= c <= "\udfff" for c in text):  # JSON writes characters beyond U+FFFF as two halves
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    return text


def _refuse():
    raise ValueError


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
