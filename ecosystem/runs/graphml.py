"""A reading network as GraphML, written as a stream: networkx would first build every edge as an object.

Where readers share one list ('everyone reads everyone') edges may be many more than what describes them. Above
MAX_EDGES the file then holds the nodes and says the rule in words (graph attribute `rule`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape, quoteattr

from ecosystem.errors import InputError
from ecosystem.network import Network

if TYPE_CHECKING:
    import networkx as nx

MAX_EDGES = 200_000
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
TYPES = ((bool, "boolean"), (int, "long"), (float, "double"), (str, "string"))
UNPRINTABLE = {c: None for c in [*range(32), 0xFFFE, 0xFFFF] if c not in (9, 10, 13)}  # not allowed in XML


def write(path: Path, network: Network, attributes: Mapping[str, Sequence[Any]], rule: str) -> None:
    """Nodes 0 .. N-1 with `attributes` (N values each, None: absent) and edges reader -> author with their weight."""
    whole = network.degree_N().sum() <= MAX_EDGES or not network.shared
    columns = {name: (_type(values), values) for name, values in attributes.items()}
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD + '<key id="w" for="edge" attr.name="weight" attr.type="double"/>\n')
        file.write('<key id="r" for="graph" attr.name="rule" attr.type="string"/>\n')
        for i, (name, (kind, _)) in enumerate(columns.items()):
            file.write(f'<key id="n{i}" for="node" attr.name={_quoted(name)} attr.type="{kind}"/>\n')
        file.write(f'<graph edgedefault="directed">\n<data key="r">{_text(_told(rule, network, whole))}</data>\n')
        file.writelines(_nodes(network.n, columns))
        if whole:
            file.writelines(_edges(network))
        file.write("</graph>\n</graphml>\n")


def read(path: Path) -> nx.DiGraph:
    """The graph of a file, nodes by number; InputError, in one line, where it is none."""
    import networkx as nx

    try:
        return nx.read_graphml(path, node_type=int)
    except (OSError, ParseError, nx.NetworkXError, ValueError, KeyError, IndexError, StopIteration) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({said}); remove {path.parent} and run it again.") from None


def readable(path: Path) -> bool:
    """Whether a file is a whole graph."""
    try:
        read(path)
    except InputError:
        return False
    return True


def _told(rule: str, network: Network, whole: bool) -> str:
    return rule if whole else f"{rule}; its {network.degree_N().sum():,} edges are not written out"


def _nodes(n: int, columns: dict[str, tuple[str, Sequence[Any]]]) -> Iterator[str]:
    for i in range(n):
        data = "".join(
            f'<data key="n{c}">{_value(values[i], kind)}</data>'
            for c, (kind, values) in enumerate(columns.values())
            if values[i] is not None
        )
        yield f'<node id="{i}">{data}</node>\n'


def _edges(network: Network) -> Iterator[str]:
    matrix = network.matrix().tocoo()
    for reader, author, weight in zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True):
        yield f'<edge source="{reader}" target="{author}"><data key="w">{weight!r}</data></edge>\n'


def _type(values: Sequence[Any]) -> str:
    """The narrowest GraphML type of a column."""
    there = [v for v in values if v is not None]
    return next((name for kind, name in TYPES if there and all(type(v) is kind for v in there)), "string")


def _value(value: Any, kind: str) -> str:
    return str(value).lower() if kind == "boolean" else _text(str(value))


def _text(text: str) -> str:
    return escape(text.translate(UNPRINTABLE))


def _quoted(text: str) -> str:
    return quoteattr(str(text).translate(UNPRINTABLE))
