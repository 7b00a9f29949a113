"""Runs read back: graphs, frames and arrays, from any folder of a study."""

from __future__ import annotations

import networkx as nx
import pytest

from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.network import from_networkx
from ecosystem.runs import graphml
from ecosystem.runs.findings import findings
from ecosystem.runs.opened import Run, Study, open_run
from ecosystem.runs.runner import replicate, run


def tiny(**more):
    plain = {
        "name": "tiny",
        "steps": 4,
        "seed": 3,
        "metrics": ["within_diversity", "between_similarity", "human_share_read"],
        "world": {"kind": "zipf", "items": 20},
        "humans": [{"name": "people", "rate": 6}],
        "models": [{"name": "small", "count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
    }
    return read(plain | more)


def test_the_graph_reads_back_with_weights_and_attributes(tmp_path):
    odd = nx.DiGraph()
    odd.add_nodes_from([('a <b> & "c"', {"side": "left", "score": 1}), ("\u00e9\x07", {"side": "right"}), ("z", {})])
    odd.add_weighted_edges_from([('a <b> & "c"', "z", 0.1), ("z", "z", 3.0), ("\u00e9\x07", "z", 1 / 3)])
    network = from_networkx(odd)
    columns = {k: v.tolist() for k, v in network.attributes.items()} | {"label": [str(x) for x in network.labels]}
    graphml.write(tmp_path / "g.graphml", network, columns, "a & b")
    found = nx.read_graphml(tmp_path / "g.graphml", node_type=int)
    assert sorted(found.edges(data="weight")) == [(0, 2, 0.1), (1, 2, 1 / 3), (2, 2, 3.0)]
    assert [found.nodes[i].get("side") for i in range(3)] == ["left", "right", None]
    assert [found.nodes[i]["label"] for i in range(3)] == ['a <b> & "c"', "\u00e9", "z"]
    assert found.nodes[0]["score"] == 1
    assert found.graph["rule"] == "a & b"


def test_the_graph_of_a_run_is_its_reading_graph(tmp_path):
    made = run(tiny(graph={"kind": "ring", "self_loops": True}), out=tmp_path)
    assert sorted(made.graph.edges) == [(0, 0), (0, 1), (1, 1), (1, 2), (2, 0), (2, 2)]
    assert made.graph.nodes[1]["group_name"] == "small"
    assert made.graph.nodes[1]["humans"] == "people"
    assert made.graph.nodes[1]["readers"] == 2


def test_where_everyone_reads_everyone_the_file_says_so_and_lists_no_million_edges(tmp_path):
    group = {"count": 600, "publish": 1, "read": 1, "learner": {"kind": "categorical"}}
    made = run(tiny(steps=0, models=[group], metrics=["within_diversity"]), out=tmp_path)
    assert made.graph.number_of_nodes() == 600
    assert made.graph.number_of_edges() == 0
    assert "kind: complete" in made.graph.graph["rule"]
    assert "359,400 edges are not written out" in made.graph.graph["rule"]


def test_any_folder_of_a_study_opens(tmp_path):
    spec = tiny(arms={"fewer": {"humans.people.rate": 1}})
    made = replicate(spec, [2, 0], arms=("base", "fewer"), out=tmp_path)
    assert made.arms == ("base", "fewer")
    assert made.seeds == (0, 2)
    assert isinstance(open_run(made.folder / "fewer" / "seed-000"), Run)
    assert open_run(made.folder / "fewer").arms == ("fewer",)
    for folder in (made.folder, made.folder.parent):
        found = open_run(folder)
        assert isinstance(found, Study)
        assert found.steps.equals(made.steps)
        assert found.spec == spec
    assert list(made.frame("agents").columns[:4]) == ["arm", "seed", "step", "agent"]
    assert len(made.agents) == 2 * 2 * 5 * 3


def test_folders_without_a_run_are_named(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_run(tmp_path / "nothing")
    with pytest.raises(InputError, match="is not a run folder"):
        open_run(tmp_path)
    run(tiny(), out=tmp_path)
    run(tiny(steps=2), out=tmp_path)
    with pytest.raises(InputError, match="holds 2 studies"):
        open_run(tmp_path / "tiny")
    provenance_of = next(tmp_path.rglob("provenance.json"))
    provenance_of.write_text("{")
    with pytest.raises(InputError, match="not a JSON file"):
        _ = open_run(provenance_of.parent).status


def test_runs_become_labelled_arrays(tmp_path):
    pytest.importorskip("xarray")
    study = replicate(tiny(arms={"fewer": {"humans.people.rate": 1}}), 2, arms=("base", "fewer"), out=tmp_path)
    arrays = study.to_xarray()
    assert dict(arrays.sizes) == {"arm": 2, "seed": 2, "step": 5, "agent": 3}
    assert arrays["within_diversity"].dims == ("arm", "seed", "step", "agent")
    assert arrays["between_similarity"].dims == ("arm", "seed", "step")
    means = study.steps.set_index(["arm", "seed", "step"])["within_diversity"]
    assert arrays["within_diversity"].mean("agent").sel(arm="fewer", seed=1, step=3).item() == pytest.approx(
        means["fewer", 1, 3]
    )
    assert arrays["group_name"].sel(agent=2).item() == "small"
    assert "agent" in open_run(study.folder / "base" / "seed-000").to_xarray().dims


def test_results_show_themselves_in_a_notebook(tmp_path):
    study = replicate(tiny(), 2, out=tmp_path)
    assert "within_diversity" in study._repr_html_()
    assert "complete" in study.every[0]._repr_html_()


def test_runs_on_other_data_are_not_averaged_with_new_ones(tmp_path):
    path = tmp_path / "links.csv"
    spec = tiny(graph={"kind": "file", "path": str(path)})
    path.write_text("reader,author\n0,1\n1,2\n2,0\n")
    replicate(spec, 3, out=tmp_path / "out")
    path.write_text("reader,author\n0,2\n1,2\n2,0\n")
    replicate(spec, 2, out=tmp_path / "out")
    study = open_run(replicate(spec, 2, out=tmp_path / "out").folder)
    assert study.seeds == (0, 1)
    assert [run.seed for run in study.outdated] == [2]
    assert set(study.summary["n"]) == {2}
    assert any("Left out: 1 earlier run made with other code, libraries or data" in told for told in findings(study))


def test_a_damaged_database_is_named_and_the_run_made_again(tmp_path):
    made = run(tiny(), out=tmp_path)
    numbers = made.steps.within_diversity.tolist()
    database = made.folder / "run.db"
    database.write_bytes(b"nothing of the kind" * 400)
    with pytest.raises(InputError, match=r"run\.db: cannot be read .*; remove .*seed-003 and run it again"):
        _ = Run(made.folder).steps
    assert run(tiny(), out=tmp_path).steps.within_diversity.tolist() == numbers


def test_a_metric_that_was_not_measured_cannot_be_plotted(tmp_path):
    made = run(tiny(steps=0), out=tmp_path)
    line = "tiny has no metric 'within_diversty'. Did you mean 'within_diversity'? It measured within_diversity, "
    with pytest.raises(InputError, match=line.replace("?", r"\?")):
        made.plot("within_diversty")
    assert made.plot("within_diversity").axes
