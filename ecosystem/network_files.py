"""Reading graphs from files: CSV edge lists, GraphML, GML.

Whatever is wrong with a file is said as a GraphError that names the file and, for CSV, the line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.parsers import expat

import networkx as nx

from ecosystem import file_size
from ecosystem.network import GraphError, Network, checked_weight, from_networkx

if TYPE_CHECKING:
    from ecosystem.scenario import Graph

Row = tuple[int, dict[str, str]]
"""Line number and cells by column."""


def read(graph: Graph, n: int) -> Network:
    """The network of a scenario's `graph.path` for n models."""
    path = Path(graph.path or "")
    loaded = _in_order(load(path))
    if graph.nodes is not None and graph.nodes > len(loaded):
        raise GraphError(f"{path}: graph.nodes must be at most the {len(loaded)} nodes of the file. Got {graph.nodes}.")
    if graph.nodes is not None:
        loaded = _most_read(loaded, graph.nodes)
    if len(loaded) != n:
        raise GraphError(
            f"{path}: the graph has {len(loaded)} nodes but the scenario has {n} models; "
            f"set models.*.count to {len(loaded)} in all, or graph.nodes to {n}."
        )
    return from_networkx(loaded, self_loops=graph.self_loops)


def load(path: Path) -> nx.DiGraph:
    """The graph of a file, edges from reader to author with a `weight`; undirected edges are read both ways."""
    readers = {".csv": _csv, ".graphml": _graphml, ".gml": _gml}
    if path.suffix.lower() not in readers:
        raise GraphError(f"{path}: a reading graph is a .csv edge list, .graphml or .gml file. Got {path.suffix!r}.")
    if not path.is_file():
        raise GraphError(f"{path}: no such file (graph.path).")
    try:
        loaded = readers[path.suffix.lower()](path)
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror}).") from None
    if not len(loaded):
        raise GraphError(f"{path}: no nodes.")
    return loaded


def _in_order(graph: nx.DiGraph) -> nx.DiGraph:
    """Nodes in ascending order where all labels are integers (each another one), else by first appearance."""
    try:
        number = {node: int(str(node)) for node in graph}
    except ValueError:
        return graph
    if len(set(number.values())) < len(number):
        return graph
    ordered = nx.DiGraph()
    ordered.add_nodes_from((node, graph.nodes[node]) for node in sorted(graph, key=number.__getitem__))
    ordered.add_edges_from(graph.edges(data=True))
    return ordered


def _most_read(graph: nx.DiGraph, k: int) -> nx.DiGraph:
    """The k nodes with most readers (other than themselves), most read first, and the links among them."""
    readers = {node: graph.in_degree(node) - graph.has_edge(node, node) for node in graph}
    smaller = nx.DiGraph()
    smaller.add_nodes_from((node, graph.nodes[node]) for node in sorted(graph, key=lambda node: -readers[node])[:k])
    smaller.add_edges_from((u, v, d) for u, v, d in graph.edges(data=True) if u in smaller and v in smaller)
    return smaller


def _csv(path: Path) -> nx.DiGraph:
    """Edge list with the columns reader, author and optionally weight; a pair given twice has its weights added.

    Nodes without edges: a file NAME_nodes.csv beside NAME_edges.csv, with the column `node`, names all nodes and their
    attributes; a node that it does not name is then a mistake.
    """
    nodes = path.with_name(path.name.replace("_edges", "_nodes"))
    named = _nodes(nodes) if nodes != path and nodes.is_file() else None
    graph = nx.DiGraph()
    for line, row in _rows(path, ("reader", "author")):
        for node in (row["reader"], row["author"]):
            if named is not None and node not in named:
                raise GraphError(f"{path}:{line}: node {node!r} does not stand in {nodes.name}.")
        _add(graph, row["reader"], row["author"], checked_weight(row.get("weight", 1.0), f"{path}:{line}"))
    graph.add_nodes_from((named or {}).items())
    return graph


def _nodes(path: Path) -> dict[str, dict[str, str]]:
    """Attributes of every node of a node list."""
    named: dict[str, dict[str, str]] = {}
    for line, row in _rows(path, ("node",)):
        if row["node"] in named:
            raise GraphError(f"{path}:{line}: node {row['node']!r} is given twice.")
        named[row["node"]] = {name: cell for name, cell in row.items() if name != "node"}
    return named


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), skipinitialspace=True)
    try:
        header = [name.strip() for name in reader.fieldnames or []]
        if len(set(header)) < len(header) or not set(needed) <= set(header):
            got = ", ".join(header)
            raise GraphError(f"{path}:1: the header must name {', '.join(needed)}, each once. Got {got!r}.")
        reader.fieldnames = header
        for row in reader:
            # a short row has None for what is missing, a long one None for a column
            if None in row or None in row.values() or not all(row[name].strip() for name in needed):
                raise GraphError(
                    f"{path}:{reader.line_num}: a row must give {', '.join(needed)} and have {len(header)} columns, "
                    "as the header has."
                )
            yield reader.line_num, {name: cell.strip() for name, cell in row.items()}
    except csv.Error as error:
        raise GraphError(f"{path}:{reader.line_num}: {error}.") from None


def _graphml(path: Path) -> nx.DiGraph:
    file_size.check(str(path), path.stat().st_size, file_size.GRAPH_TIMES, GraphError)
    _refuse_entities(path)
    try:
        loaded = nx.read_graphml(path)
    except OSError:
        raise
    except Exception as error:  # the XML parser's and networkx' own errors share no base class
        raise GraphError(f"{path}: not a GraphML file ({error}).") from None
    return _directed(loaded, path)


def _refuse_entities(path: Path) -> None:
    """A document type may define entities that blow up when they are read; no GraphML file needs one."""

    def refuse(*_: object) -> None:
        raise GraphError(f"{path}: a GraphML file must not declare a document type (<!DOCTYPE ...>).")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise GraphError(f"{path}: not a GraphML file ({error}).") from None


def _gml(path: Path) -> nx.DiGraph:
    """Nodes go by their `label` where each has one of its own, else by their `id`."""
    try:
        loaded = nx.parse_gml(_text(path).splitlines(), label="id")
    except GraphError:
        raise
    except Exception as error:
        raise GraphError(f"{path}: not a GML file ({error}).") from None
    labels = {node: data["label"] for node, data in loaded.nodes(data=True) if "label" in data}
    if len(set(labels.values())) == len(loaded):
        loaded = nx.relabel_nodes(loaded, labels)
    return _directed(loaded, path)


def _directed(loaded: nx.Graph, path: Path) -> nx.DiGraph:
    """Parallel edges become one with their weights added; an undirected edge is read both ways."""
    graph = nx.DiGraph()
    graph.add_nodes_from(loaded.nodes(data=True))
    for u, v, weight in loaded.to_directed(as_view=True).edges(data="weight", default=1.0):
        _add(graph, u, v, checked_weight(weight, f"{path}: edge {u} -> {v}"))
    return graph


def _add(graph: nx.DiGraph, reader, author, weight: float) -> None:
    before = graph.edges[reader, author]["weight"] if graph.has_edge(reader, author) else 0.0
    graph.add_edge(reader, author, weight=before + weight)


def _text(path: Path) -> str:
    file_size.check(str(path), path.stat().st_size, file_size.GRAPH_TIMES, GraphError)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GraphError(f"{path}: not UTF-8 at byte {error.start}.") from None
