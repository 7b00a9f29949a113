"""Reading graphs from files: what is read, in which order, and how a mistake is told."""

from __future__ import annotations

import csv
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from ecosystem import machine
from ecosystem.network import GraphError, Network, build
from ecosystem.network_files import load
from ecosystem.scenario import Graph


def read(path: Path, n: int, **keys) -> Network:
    return build(Graph(kind="file", path=str(path), **keys), n, np.random.default_rng(0))


def written(folder: Path, text: str | bytes, name: str = "web_edges.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def weights(network: Network) -> dict[tuple, float]:
    """{(reader's label, author's label): weight}."""
    matrix = network.matrix().tocoo()
    labels = [str(label) for label in network.labels]
    ends = zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True)
    return {(labels[i], labels[j]): w for i, j, w in ends}


def example() -> nx.DiGraph:
    graph = nx.gnp_random_graph(12, 0.25, seed=3, directed=True)
    nx.set_edge_attributes(graph, {edge: {"weight": 0.25 * (1 + i)} for i, edge in enumerate(graph.edges)})
    graph.add_edge(4, 4, weight=7.0)
    return graph


@pytest.mark.parametrize("suffix", ["csv", "graphml", "gml"])
def test_a_graph_comes_back_from_a_file_as_it_was(tmp_path, suffix):
    graph, path = example(), tmp_path / f"web.{suffix}"
    if suffix == "csv":
        rows = [f"{u},{v},{w}" for u, v, w in graph.edges(data="weight")]
        path.write_text("\n".join(["reader,author,weight", *rows]))
    else:
        getattr(nx, f"write_{suffix}")(graph, path)
    network = read(path, 12)
    assert np.array_equal(network.matrix().toarray(), nx.to_numpy_array(graph, nodelist=range(12)))


def test_the_first_column_reads_the_second(tmp_path):
    path = written(tmp_path, "reader,author\nann,bob\nbob,cai\n")
    assert weights(read(path, 3)) == {("ann", "bob"): 1, ("bob", "cai"): 1}
    swapped = written(tmp_path, "author, weight, reader\nann, 2, bob\nbob, 3, cai\n", "swapped.csv")
    assert weights(read(swapped, 3)) == {("bob", "ann"): 2, ("cai", "bob"): 3}


def test_integer_labels_are_matched_in_ascending_order(tmp_path):
    path = written(tmp_path, "reader,author\n10,9\n9,-2\n-2,100\n")
    assert read(path, 4).labels == ("-2", "9", "10", "100")


def test_other_labels_are_matched_by_first_appearance(tmp_path):
    path = written(tmp_path, "reader,author\n10,9\n9,b\nb,a\n")
    assert read(path, 4).labels == ("10", "9", "b", "a")


def test_labels_that_are_the_same_number_stay_two_nodes(tmp_path):
    path = written(tmp_path, "reader,author\n2,1\n01,2\n")
    assert read(path, 3).labels == ("2", "1", "01")


def test_quoted_cells_may_hold_commas_and_line_ends(tmp_path):
    path = written(tmp_path, '﻿reader,author\r\n"a, b","c\nd"\r\n"x\u2028y",  z \r\n\r\n')
    assert weights(read(path, 4)) == {("a, b", "c\nd"): 1, ("x\u2028y", "z"): 1}


def test_a_pair_given_twice_has_its_weights_added(tmp_path):
    path = written(tmp_path, "reader,author,weight\na,b,1\nb,a,4\na,b,2.5\n")
    assert weights(read(path, 2)) == {("a", "b"): 3.5, ("b", "a"): 4}


def test_a_node_list_beside_it_adds_attributes_and_nodes_without_edges(tmp_path):
    written(tmp_path, "node,town\n3,Oslo\n1,Bern\n2,Rome\n", "web_nodes.csv")
    network = read(written(tmp_path, "reader,author\n3,1\n"), 3)
    assert network.labels == ("1", "2", "3")
    assert network.attributes["town"].tolist() == ["Bern", "Rome", "Oslo"]
    assert network.degree_N().tolist() == [0, 0, 1]
    assert network.to_networkx().nodes[1] == {"town": "Rome", "label": "2"}


@pytest.mark.parametrize(("k", "labels"), [(2, ("c", "b")), (3, ("c", "b", "a")), (5, ("c", "b", "a", "e", "d"))])
def test_the_k_nodes_with_most_readers_come_most_read_first(tmp_path, k, labels):
    text = "reader,author\na,b\na,c\nb,c\nc,a\nd,c\nd,b\na,e\nd,d\n"  # its own reader does not count for d
    network = read(written(tmp_path, text), k, nodes=k)
    assert network.labels == labels
    whole = {("a", "b"), ("a", "c"), ("b", "c"), ("c", "a"), ("d", "c"), ("d", "b"), ("a", "e"), ("d", "d")}
    assert set(weights(network)) == {(u, v) for u, v in whole if u in labels and v in labels}


@pytest.mark.parametrize(("self_loops", "weight"), [(None, (5, None)), (True, (5, 1)), (False, (None, None))])
def test_loops_of_a_file_stay_unless_it_is_said(tmp_path, self_loops, weight):
    path = written(tmp_path, "reader,author,weight\na,a,5\na,b,1\n")
    found = weights(read(path, 2, self_loops=self_loops))
    assert (found.get(("a", "a")), found.get(("b", "b"))) == weight


def test_an_undirected_file_is_read_both_ways(tmp_path):
    graph = nx.karate_club_graph()
    for suffix in ("graphml", "gml"):
        getattr(nx, f"write_{suffix}")(graph, tmp_path / f"club.{suffix}")
        matrix = read(tmp_path / f"club.{suffix}", 34).matrix().toarray()
        assert np.array_equal(matrix, nx.to_numpy_array(graph))


def test_parallel_edges_of_a_file_have_their_weights_added(tmp_path):
    graph = nx.MultiDiGraph([("a", "b", {"weight": 2.0}), ("a", "b", {"weight": 0.5}), ("b", "a")])
    for suffix in ("graphml", "gml"):
        getattr(nx, f"write_{suffix}")(graph, tmp_path / f"many.{suffix}")
        assert weights(read(tmp_path / f"many.{suffix}", 2)) == {("a", "b"): 2.5, ("b", "a"): 1}


def gml(*nodes: str, edges: str = "") -> str:
    return "graph [ directed 1 " + " ".join(f"node [ {node} ]" for node in nodes) + edges + " ]"


def test_gml_nodes_go_by_their_label_where_each_has_its_own(tmp_path):
    edge = " edge [ source 0 target 1 ]"
    for nodes, expected in (
        (('id 0 label "Åse"', 'id 1 label "5"'), ("Åse", "5")),
        (("id 0 label 9", "id 1 label 5"), ("5", "9")),
        (('id 0 label "same"', 'id 1 label "same"'), ("0", "1")),
        (('id 0 name "label"', "id 1"), ("0", "1")),
    ):
        network = read(written(tmp_path, gml(*nodes, edges=edge), "web.gml"), 2)
        assert tuple(map(str, network.labels)) == expected
        assert network.matrix().nnz == 1


FAULTS = {
    "reader,author,weight\na,b,1\nb,a,-2\n": r":3: a reading weight must be a number above 0, at most 1e100. Got '-2'",
    "reader,author,weight\na,b,nan\n": r":2: a reading weight must be a number above 0, at most 1e100. Got 'nan'",
    "reader,author,weight\na,b,0\n": r":2: a reading weight must be a number above 0, at most 1e100. Got '0'",
    "reader,author,weight\na,b,\n": r":2: a reading weight must be a number above 0, at most 1e100. Got ''",
    "reader,author,weight\na,b\n": r":2: a row must give reader, author and have 3 columns",
    "reader,author\na,b\n\nb,a,1\n": r":4: a row must give reader, author and have 2 columns",
    "reader,author\na,\n": r":2: a row must give reader, author",
    "from,to\na,b\n": r":1: the header must name reader, author, each once. Got 'from, to'",
    "reader,author,author\na,b,c\n": r":1: the header must name reader, author, each once",
    "": r":1: the header must name reader, author, each once. Got ''",
    "reader,author\n": r": no nodes",
    b"reader,author\na,\xff\n": r": not UTF-8 at byte 16",
    'reader,author\n"a,b\n': r":2: ",
}


@pytest.mark.parametrize("text", FAULTS, ids=range(len(FAULTS)))
def test_a_fault_in_an_edge_list_is_told_with_its_line(tmp_path, text):
    path = written(tmp_path, text)
    with pytest.raises(GraphError, match="web_edges.csv" + FAULTS[text]):
        read(path, 2)


def test_faults_of_a_node_list_are_told_with_their_line(tmp_path):
    path = written(tmp_path, "reader,author\na,b\nb,c\n")
    for text, fault in (
        ("node\na\nb\n", "web_edges.csv:3: node 'c' does not stand in web_nodes.csv"),
        ("node\na\nb\na\n", "web_nodes.csv:4: node 'a' is given twice"),
        ("name\na\n", "web_nodes.csv:1: the header must name node"),
        ("node,town\na\n", "web_nodes.csv:2: a row must give node and have 2 columns"),
    ):
        written(tmp_path, text, "web_nodes.csv")
        with pytest.raises(GraphError, match=fault):
            read(path, 3)


def test_a_file_that_does_not_fit_says_what_would(tmp_path):
    path = written(tmp_path, "reader,author\na,b\n")
    with pytest.raises(GraphError, match=r"has 2 nodes but the scenario has 3 models; set models.*count to 2"):
        read(path, 3)
    with pytest.raises(GraphError, match=r"graph.nodes must be at most the 2 nodes of the file. Got 3"):
        read(path, 3, nodes=3)
    with pytest.raises(GraphError, match="no such file"):
        read(tmp_path / "none.csv", 3)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(GraphError, match="no such file"):
        read(tmp_path / "folder.csv", 3)
    with pytest.raises(GraphError, match=r"a .csv edge list, .graphml or .gml file. Got '.txt'"):
        read(written(tmp_path, "", "web.txt"), 3)


BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<graphml><graph edgedefault="directed"><node id="&b;"/></graph></graphml>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_graphml_file_that_declares_entities_is_refused(tmp_path, encoding):
    text = BOMB.replace('"1.0"', f'"1.0" encoding="{encoding}"')
    with pytest.raises(GraphError, match="must not declare a document type"):
        read(written(tmp_path, text.encode(encoding), "bomb.graphml"), 1)


@pytest.mark.parametrize("name", ["web.graphml", "web.gml"])
@pytest.mark.parametrize("text", [b"", b"nothing", b"<graphml><graph>", b"graph [ node [ id 0 ] edge [ source 0 ] ]"])
def test_what_is_no_graph_is_refused_by_the_name_of_the_file(tmp_path, name, text):
    with pytest.raises(GraphError, match=name):
        read(written(tmp_path, text, name), 1)


def test_weights_of_other_files_are_checked_too(tmp_path):
    text = gml("id 0", "id 1", edges=" edge [ source 0 target 1 weight -1.5 ]")
    with pytest.raises(GraphError, match=r"web.gml: edge 0 -> 1: a reading weight must be a number above 0.*Got -1.5"):
        read(written(tmp_path, text, "web.gml"), 2)


@pytest.mark.parametrize(
    ("name", "nodes", "links"), [("polblogs", 1490, 19_015), ("congress", 475, 13_289), ("wikispeedia", 4598, 119_879)]
)
def test_real_networks_are_read_whole_and_in_the_right_direction(shared_data, name, nodes, links):
    path = shared_data / "networks" / f"{name}_edges.csv"
    network = read(path, nodes)
    with path.open() as file:
        rows = [(int(row["reader"]), int(row["author"])) for row in csv.DictReader(file)]
    assert network.matrix().nnz == len(rows) == links
    number = {int(label): i for i, label in enumerate(network.labels)}
    assert list(number) == sorted(number)
    listed = {(number[reader], number[author]) for reader, author in rows}
    assert listed == set(zip(*(ends.tolist() for ends in network.matrix().nonzero()), strict=True))
    assert network.audience_N().max() == max(np.bincount([author for _, author in rows]))


def test_the_most_read_blogs_are_dense_as_published(shared_data):
    network = read(shared_data / "networks" / "polblogs_edges.csv", 30, nodes=30, self_loops=False)
    assert network.matrix().nnz == 231  # the table in the data's README


@pytest.mark.parametrize("suffix", [".csv", ".gml", ".graphml"])
def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch, suffix):
    (tmp_path / f"g{suffix}").write_text("reader,author\n" + "1,2\n" * 300)
    monkeypatch.setattr(machine, "memory", lambda: 64 * 1024)
    with pytest.raises(GraphError, match=rf"g\{suffix}: must have at most 1 KiB, .* got 1 KiB\. Give a part of it"):
        load(tmp_path / f"g{suffix}")
