"""Bad input, end to end: one clear line on standard error, exit status 2, nothing written; odd input that is fine."""

import os
import resource
import subprocess
import sys

import pytest

from ecosystem.cli import main
from ecosystem.runs.opened import open_run
from ecosystem.runs.provenance import data_files

SCENARIO = """\
name: odd
steps: 2
metrics: [within_diversity, between_similarity, tail_coverage, support, human_share_read, depth]
world: {{kind: zipf, items: 8}}
humans: [{{rate: 4}}]
models: [{{name: models, count: 3, publish: 4, read: 5, learner: {{kind: categorical}}}}]
graph: {graph}
arms: {arms}
"""

GML = "graph [ directed 1 node [ id 0 ] node [ id 1 ] node [ id 2 ] edge [ source 0 target {} ] ]"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the scenario with sets, a graph file and arms: (exit status, lines on standard error)."""
    monkeypatch.chdir(tmp_path)

    def told(*sets, graph="{kind: ring}", arms="{}", out="outputs"):
        (tmp_path / "odd.yaml").write_text(SCENARIO.format(graph=graph, arms=arms))
        words = [word for text in sets for word in ("--set", text)]
        status = main(["run", "odd.yaml", "--quiet", "--out", str(out), *words])
        return status, capsys.readouterr().err.splitlines()

    return told


def with_graph(tmp_path, name, content):
    """The graph section of a scenario with a graph file of that content."""
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"{{kind: file, path: {name}}}"


WEIGHT = "a reading weight must be a number above 0, at most 1e100"
GRAPHS = [
    ("e.csv", "reader,author\n", "no nodes"),
    ("e.csv", "", "e.csv:1: the header must name reader, author"),
    ("e.csv", "from,to\n0,1\n", "e.csv:1: the header must name reader, author, each once. Got 'from, to'"),
    ("e.csv", "reader,author\n0\n", "e.csv:2: a row must give reader, author"),
    ("e.csv", "reader,author\n0,1,9\n", "e.csv:2: a row must give reader, author and have 2 columns"),
    ("e.csv", "reader,author,weight\n0,1,1\n1,2,-2\n", f"e.csv:3: {WEIGHT}. Got '-2'"),
    ("e.csv", "reader,author,weight\n0,1,1\n1,2,nan\n", f"e.csv:3: {WEIGHT}. Got 'nan'"),
    ("e.csv", "reader,author,weight\n0,1,0\n1,2,0\n2,0,0\n", f"e.csv:2: {WEIGHT}. Got '0'"),
    ("e.csv", "reader,author,weight\n0,1,much\n", f"e.csv:2: {WEIGHT}. Got 'much'"),
    ("e.csv", "reader,author\n0,1\n1,0\n", "the graph has 2 nodes but the scenario has 3 models"),
    ("e.csv", "reader,author\n0,1\n1,2\n2,3\n", "the graph has 4 nodes but the scenario has 3 models"),
    ("e.csv", b"reader,author\n0,\xff\n", "not UTF-8"),
    ("e.gml", "graph [ node", "not a GML file"),
    ("e.gml", GML.format(7), "not a GML file"),
    ("e.graphml", "<graphml><graph>", "not a GraphML file"),
    ("e.txt", "0 1\n", "a reading graph is a .csv edge list, .graphml or .gml file. Got '.txt'"),
]


@pytest.mark.parametrize("name, content, says", GRAPHS, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(GRAPHS)])
def test_a_graph_file_that_is_wrong_is_told_by_one_line(run, tmp_path, name, content, says):
    status, err = run(graph=with_graph(tmp_path, name, content))
    assert (status, len(err)) == (2, 1), err
    assert says in err[0]
    assert name in err[0]
    assert not (tmp_path / "outputs").exists()


def test_an_edge_to_a_node_that_the_list_of_nodes_does_not_hold_is_refused(run, tmp_path):
    (tmp_path / "web_nodes.csv").write_text("node\n0\n1\n2\n")
    status, err = run(graph=with_graph(tmp_path, "web_edges.csv", "reader,author\n0,1\n1,9\n"))
    assert (status, len(err)) == (2, 1)
    assert "node '9' does not stand in web_nodes.csv" in err[0]


def test_a_missing_graph_file_or_too_many_nodes_is_refused(run, tmp_path):
    status, err = run(graph="{kind: file, path: nowhere.csv}")
    assert (status, len(err)) == (2, 1)
    assert "nowhere.csv: no such file" in err[0]
    graph = with_graph(tmp_path, "e.csv", "reader,author\n0,1\n1,2\n")
    status, err = run("graph.nodes=9", graph=graph)
    assert (status, len(err)) == (2, 1)
    assert "graph.nodes must be at most the 3 nodes" in err[0]


@pytest.mark.parametrize(
    "arms, says",
    [
        ("{late: {graph: {kind: file, path: nowhere.csv}}}", "nowhere.csv: no such file"),
        ("{late: {world: {kind: gaussian}}}", "reads items"),
        ("{late: {models.0.learner: {kind: gaussian}}}", "reads vectors"),
    ],
)
def test_an_arm_that_fits_no_world_is_found_before_the_first_run(run, tmp_path, arms, says):
    status, err = run(arms=arms)
    assert (status, len(err)) == (2, 1)
    assert err[0].startswith("arms.late: ")
    assert says in err[0]
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "sets, says",
    [
        (["models.0.count=0"], "models.0.count=0: must be a whole number from 1"),
        (["models=[]"], "models=[]: must be a list of at least 1"),
        (["humans=[]"], "humans=[]: must be a list of at least 1"),
        (["world.items=0"], "world.items=0: must be a whole number from 1"),
        (["models.0.read=0"], "models.0.read=0: must be a whole number from 1"),
        (["humans.0.rate=.nan"], "humans.0.rate=.nan: must be a whole number"),
        (["world.exponent=.inf"], "world.exponent=.inf: must be a number from 0"),
        (["models.0.learner.temperature=1e999"], "temperature=1e999: must be a number above 0"),
        (["humans.0.reach=[3]"], "must be the number of a model, from 0 to 2; got 3"),
        (["collapse={metric: support, below: .nan}"], "collapse.below: must be a number; got nan"),
        (["metrics=[mode_coverage]"], "is defined for vectors"),
        (["world.items=1"], "tail_coverage: no item is rare"),
    ],
)
def test_numbers_that_make_no_scenario_are_refused(run, tmp_path, sets, says):
    status, err = run(*sets)
    assert (status, len(err)) == (2, 1), err
    assert says in err[0]
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "sets",
    [
        ["steps=0"],
        ["humans.0.rate=0"],
        ["models.0.publish=0"],
        ["humans.0.rate=0", "models.0.publish=0"],
        ["world.items=1", "metrics=[within_diversity, between_similarity, differentiation, entropy, support]"],
        ["models.0.read=1"],
        ["models.0.count=1"],
        ["models.0.count=1", "graph={kind: hub}"],
        ["models.0.count=1", "graph={kind: small_world}"],
        ["models.0.count=1", "graph={kind: scale_free}"],
        ["models.0.count=1", "graph={kind: communities}"],
        ["humans.0.reach=0"],
        ["humans.0.reach=[]", "graph={kind: isolated}"],
        ["humans.0.reach=[]", "graph={kind: isolated}", "reading.unfed=self"],
        ["reading.replacement=false", "models.0.read=1000", "models.0.pretrain=5"],
        ["reading={draw: share, human_share: 1}", "humans.0.rate=0"],
        ["reading={draw: share, human_share: 0}"],
        ["corpus.keep={subsample: 1}"],
        ["record={every: 7, pairs: true, documents: 0.5}"],
        ["models.0={read: all, pretrain: 3, archive: true, learner: {kind: categorical}}"],
    ],
    ids=" ".join,
)
def test_what_is_odd_and_allowed_runs(run, tmp_path, sets):
    assert run(*sets) == (0, [])
    (study,) = (tmp_path / "outputs" / "odd").iterdir()
    steps = open_run(study).steps
    assert steps["step"].iloc[0] == 0
    assert steps["step"].iloc[-1] == (0 if "steps=0" in sets else 2)


def test_self_loops_and_isolated_readers_of_a_file_are_taken_as_they_are(run, tmp_path):
    (tmp_path / "web_nodes.csv").write_text("node,side\na,left\nb,right\nc,left\n")
    assert run(graph=with_graph(tmp_path, "web_edges.csv", "reader,author\na,a\na,b\n")) == (0, [])
    (study,) = (tmp_path / "outputs" / "odd").iterdir()
    edges = open_run(study / "base" / "seed-000").graph.edges
    assert sorted((int(u), int(v)) for u, v in edges if u in (0, 1, 2) and v in (0, 1, 2)) == [(0, 0), (0, 1)]


def test_a_model_that_may_not_go_unfed_ends_its_run(run, tmp_path):
    status, err = run("humans.0.reach=[0, 1]", "reading.unfed=error", graph="{kind: isolated}")
    assert (status, len(err)) == (1, 1)
    assert "Model 2 (models) has nothing to read in step 1" in err[0]


def test_an_output_folder_that_is_a_file_is_refused(run, tmp_path):
    (tmp_path / "taken").write_text("mine")
    status, err = run(out="taken")
    assert (status, len(err)) == (2, 1)
    assert "taken" in err[0]
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_without_permission_is_refused(run, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    status, err = run(out="locked")
    assert (status, len(err)) == (2, 1)
    assert list((tmp_path / "locked").iterdir()) == []


def test_wrong_input_is_told_before_an_output_folder_is_looked_at(run, tmp_path):
    (tmp_path / "taken").write_text("mine")
    _, err = run("steps=-1", out="taken")
    assert err == ["--set steps=-1: must be a whole number from 0 to 10,000,000; got -1"]


def test_a_disk_that_takes_nothing_is_found_before_anything_is_computed(tmp_path):
    (tmp_path / "odd.yaml").write_text(SCENARIO.format(graph="{kind: ring}", arms="{}"))
    done = subprocess.run(
        [sys.executable, "-m", "ecosystem", "run", str(tmp_path / "odd.yaml"), "--out", str(tmp_path / "outputs")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr
    assert not (tmp_path / "outputs").exists()


def test_a_fit_that_diverges_ends_its_run_in_one_line(run, tmp_path):
    status, err = run("models.0.learner={kind: 'tests.toys:Frail', fails: 2}")
    assert (status, len(err)) == (1, 1)
    says = "models.models: model 2 in step 2: the loss is not a finite number; lower learning_rate (now 9)"
    assert err[0].endswith(says)
    failed = open_run(next((tmp_path / "outputs" / "odd").glob("*/base/seed-*")))
    assert failed.provenance["reason"] == says
    assert failed.steps["step"].tolist() == [0, 1]


def test_a_device_that_is_not_there_is_refused(run, tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run()
    for command in (["run", "odd.yaml"], ["compare", "odd.yaml", "--arms", "base,a"], ["check", "odd.yaml"]):
        status = main([*command, "--device", "cuda", "--out", "elsewhere"])
        err = capsys.readouterr().err.splitlines()
        assert (status, len(err)) == (2, 1)
        assert err[0].startswith("--device: torch ")
        assert err[0].endswith("sees no CUDA device on this machine; choose cpu")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_a_file_without_end_is_no_file(run, tmp_path):
    for sets in (["graph={kind: file, path: /dev/zero}"], ["world={kind: text, path: /dev/zero}"]):
        status, err = run(*sets)
        assert (status, len(err)) == (2, 1), err
    assert not (tmp_path / "outputs").exists()
    assert data_files({"path": "/dev/zero"}) == []
