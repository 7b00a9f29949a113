"""Properties of what is read: what is written out comes back equal, what is wrong is told in lines."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecosystem import Scenario, network_files
from ecosystem.errors import LONGEST, InputError, one_line
from ecosystem.files import addresses, scenario_file, yaml_positions
from tests.good_scenario import GOOD

many = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def refusal(call, *words):
    """What a call gives, and the lines with which it refuses (none where it does not)."""
    try:
        return call(*words), ()
    except InputError as error:
        return None, error.lines


@many
@given(plain)
def test_data_written_as_yaml_is_printable_and_comes_back_as_it_was(data):
    text = yaml_positions.dump(data)
    assert all(c.isprintable() or c == "\n" for c in text)
    tree = yaml_positions.load(text)
    assert (tree.data, tree.faults) == (data, [])


@many
@given(
    question=texts, rate=st.integers(0, 10**9), temperature=st.floats(1e-3, 100), steps=st.integers(0, 10**7),
    keep=st.sampled_from(["step", "all"]) | st.integers(1, 10**6).map(lambda w: {"window": w}),
)  # fmt: skip
def test_a_scenario_written_out_reads_back_equal_and_with_the_same_digest(
    tmp_path, question, rate, temperature, steps, keep
):
    (tmp_path / "good.yaml").write_text(GOOD)
    changes = {"question": question, "humans.0.rate": rate, "corpus.keep": keep, "steps": steps, "claims": []}
    spec = Scenario.from_file(tmp_path / "good.yaml").with_(changes | {"models.0.learner.temperature": temperature})
    again = Scenario.from_file(spec.to_file(tmp_path / "again.yaml"))
    assert again == spec
    assert again.digest == spec.digest
    assert scenario_file.read(spec.plain()) == spec


@many
@given(texts)
def test_a_set_is_understood_or_refused_in_a_line(text):
    change, lines = refusal(addresses.parsed, text)
    assert all(line.isprintable() for line in lines)
    assert lines or change.address == text.partition("=")[0].strip()


@many
@given(plain)
def test_a_value_set_is_the_value_that_is_written(value):
    written = yaml_positions.dump([value]).strip()
    assert addresses.parsed(f"a.b={written}").value == [value]


@many
@given(st.text(max_size=200) | st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_one_line_is_one_line_and_what_can_be_seen_stays(text):
    line = one_line(text)
    assert line.isprintable()
    assert line == text or not text.isprintable()
    assert len(one_line(text * 1000)) <= 12 * (LONGEST + 5)


labels = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(str.strip).filter(bool)
edges = st.lists(st.tuples(labels, labels, st.floats(1e-6, 1e6)), min_size=1, max_size=12)


@many
@given(edges)
def test_an_edge_list_of_any_labels_is_the_graph_that_was_written(tmp_path, edges):
    cells = ('"{}","{}",{!r}\n'.format(*(c.replace('"', '""') for c in edge[:2]), edge[2]) for edge in edges)
    (tmp_path / "e.csv").write_text("reader,author,weight\n" + "".join(cells), encoding="utf-8")
    graph, wanted = network_files.load(tmp_path / "e.csv"), nx.DiGraph()
    for reader, author, weight in edges:
        before = wanted.get_edge_data(reader, author, {"weight": 0.0})["weight"]
        wanted.add_edge(reader, author, weight=before + weight)
    assert list(graph.nodes) == list(wanted.nodes)
    assert dict(graph.edges) == dict(wanted.edges)


@many
@given(content=st.binary(max_size=300), name=st.sampled_from(["e.csv", "e.gml", "e.graphml"]))
def test_bytes_are_a_graph_or_refused_in_a_line(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    graph, lines = refusal(network_files.load, tmp_path / name)
    assert len(lines) == (graph is None)
    assert all(line.isprintable() for line in lines)


DAMAGE = [
    b"",
    b"&a;",
    b"\0",
    b"<node/>",
    b"<!DOCTYPE a>",
    b"nan",
    b"-1",
    b"1e999",
    b"[",
    b"]",
    b"<graph>",
    b'"',
    b"\xff",
]
GRAPHML = b"""<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="w" for="edge" attr.name="weight"
attr.type="double"/><graph edgedefault="directed"><node id="0"/><node id="1"/><edge source="0" target="1"><data
key="w">2.5</data></edge></graph></graphml>"""
GML = b'graph [ directed 1 node [ id 0 label "a" ] node [ id 1 ] edge [ source 0 target 1 weight 2.5 ] ]'


@pytest.mark.parametrize("name, good", [("e.graphml", GRAPHML), ("e.gml", GML)])
@many
@given(data=st.data())
def test_a_damaged_graph_is_read_with_sound_weights_or_refused(tmp_path, name, good, data):
    at, cut = data.draw(st.integers(0, len(good))), data.draw(st.integers(0, 20))
    (tmp_path / name).write_bytes(good[:at] + data.draw(st.sampled_from(DAMAGE)) + good[at + cut :])
    graph, lines = refusal(network_files.load, tmp_path / name)
    assert len(lines) == (graph is None)
    assert graph is None or all(0 < weight <= 1e100 for _, _, weight in graph.edges(data="weight"))
