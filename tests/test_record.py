"""The run folder: what is in it, and that no way of dying spoils it."""

from __future__ import annotations

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.model import Ecosystem
from ecosystem.runs import provenance, record, rows
from ecosystem.runs.opened import Run, open_run
from ecosystem.runs.record import Recorder
from ecosystem.runs.runner import run

ROOT = Path(__file__).resolve().parent.parent
TINY = {
    "name": "tiny",
    "steps": 4,
    "seed": 3,
    "metrics": ["within_diversity", "between_similarity", "human_share_read"],
    "world": {"kind": "zipf", "items": 20},
    "humans": [{"name": "people", "rate": 6}],
    "models": [{"name": "small", "count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
}


def tiny(**more):
    return read(TINY | more)


def columns_of(folder: Path, table: str) -> list[str]:
    with sqlite3.connect(folder / "run.db") as db:
        return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def test_a_run_lies_where_the_contract_says_and_holds_its_files(tmp_path):
    spec = tiny()
    made = run(spec, out=tmp_path)
    assert made.folder == tmp_path / "tiny" / spec.digest / "base" / "seed-003"
    assert sorted(p.name for p in made.folder.iterdir()) == [
        "graph.graphml", "provenance.json", "run.db", "scenario.yaml",
    ]  # fmt: skip
    beside = ["asked.json", "base", "scenario.yaml", "summary.csv"]
    assert sorted(p.name for p in made.folder.parent.parent.iterdir()) == beside


def test_tables_have_the_columns_of_the_contract(tmp_path):
    folder = run(tiny(record={"documents": "all", "pairs": True}), out=tmp_path).folder
    assert columns_of(folder, "steps") == ["step", "within_diversity", "between_similarity", "human_share_read"]
    assert columns_of(folder, "agents") == [
        "step", "agent", "group_name", "kind", "within_diversity", "human_share_read",
    ]  # fmt: skip
    assert columns_of(folder, "pairs") == ["step", "agent", "other", "similarity"]
    documents = ["document", "step", "author", "author_kind", "depth", "parent", "content"]
    assert columns_of(folder, "documents") == documents
    assert columns_of(folder, "judgements") == ["document", "step", "verifier", "gate", "reader", "verdict"]
    assert columns_of(folder, "events") == ["step", "agent", "kind", "detail"]


def test_frames_hold_what_was_measured(tmp_path):
    spec = tiny(record={"documents": "all", "pairs": True})
    made, world = run(spec, out=tmp_path), Ecosystem(spec)
    for step in range(5):
        frame, agents = world.frame, made.agents[made.agents["step"] == step]
        assert made.steps.iloc[step].to_dict() == {"step": step, **frame.values}
        assert agents["agent"].tolist() == [0, 1, 2]
        assert agents["within_diversity"].tolist() == frame.agents["within_diversity"].tolist()
        pairs = made.pairs[made.pairs["step"] == step].pivot(index="agent", columns="other", values="similarity")
        off = ~np.eye(3, dtype=bool)
        assert np.array_equal(pairs.to_numpy()[off], frame.pairs[off])
        if step:
            documents = made.documents[made.documents["step"] == step]
            assert documents["content"].tolist() == frame.documents[0].content.tolist()
            assert documents["document"].tolist() == frame.documents[0].document.tolist()
            assert documents["author_kind"].tolist() == ["model"] * 24 + ["human"] * 6
            assert set(documents["author"][24:]) == {3}
        world.step()


def test_documents_of_steps_that_are_not_measured_are_recorded_too(tmp_path):
    made = run(tiny(record={"documents": "all", "every": 3}), out=tmp_path)
    assert made.steps["step"].tolist() == [0, 3, 4]
    assert made.documents.groupby("step").size().to_dict() == dict.fromkeys([1, 2, 3, 4], 30)


def test_vectors_are_recorded_as_json_lists(tmp_path):
    learner = {"kind": "gaussian"}
    spec = tiny(world={"kind": "gaussian", "dimensions": 2}, models=[{"count": 2, "publish": 3, "learner": learner}])
    made = run(spec.with_(**{"record.documents": "all", "metrics": ["within_diversity"]}), out=tmp_path)
    assert np.array([json.loads(text) for text in made.documents["content"]]).shape == (4 * (2 * 3 + 6), 2)


def test_token_documents_are_recorded_as_text():
    world = SimpleNamespace(shape=SimpleNamespace(kind="tokens"), show=lambda content: ["\u00e9t\u00e9"] * len(content))
    assert rows.contents(np.zeros((2, 4), np.int32), world) == ["\u00e9t\u00e9", "\u00e9t\u00e9"]


def test_a_share_of_documents_is_chosen_document_by_document(tmp_path):
    half = run(tiny(steps=40, record={"documents": 0.5}), out=tmp_path).documents
    more = run(tiny(steps=60, record={"documents": 0.5}), out=tmp_path).documents
    less = run(tiny(steps=40, record={"documents": 0.25}), out=tmp_path).documents
    assert half["document"].tolist() == more[more["step"] <= 40]["document"].tolist()
    assert set(less["document"]) < set(half["document"])
    low, high = stats.binom.ppf([5e-7, 1 - 5e-7], 40 * 30, 0.5)  # false alarm: 1e-6
    assert low <= len(half) <= high
    assert not low <= len(less) <= high
    other_seed = run(tiny(steps=40, record={"documents": 0.5}), seed=4, out=tmp_path).documents
    assert set(half["document"]) != set(other_seed["document"])


def test_the_scenario_of_a_run_gives_the_same_numbers_again(tmp_path):
    spec = tiny(arms={"fewer": {"humans.people.rate": 1}})
    first = run(spec, seed=7, arm="fewer", out=tmp_path / "a")
    again = run(read(first.folder / "scenario.yaml"), out=tmp_path / "b")
    assert again.seed == 7
    assert again.steps.equals(first.steps)
    assert not again.steps.equals(run(spec, seed=7, out=tmp_path / "c").steps)


def test_what_is_not_a_number_is_null_and_infinity_is_kept(tmp_path):
    world = Ecosystem(tiny())
    values = world.frame.values | {"within_diversity": math.nan, "between_similarity": -math.inf}
    world.frame = replace(world.frame, values=values)
    recorder = Recorder(tmp_path / "base" / "seed-000", world)
    recorder.write(world)
    recorder.close("complete")
    with sqlite3.connect(recorder.folder / "run.db") as db:
        assert db.execute("SELECT within_diversity, between_similarity FROM steps").fetchall() == [(None, -math.inf)]
    assert math.isnan(Run(recorder.folder).steps["within_diversity"][0])
    assert Run(recorder.folder).steps["between_similarity"][0] == -math.inf


def test_a_frame_is_written_once(tmp_path):
    world = Ecosystem(tiny())
    recorder = Recorder(tmp_path / "base" / "seed-000", world)
    for _ in range(3):
        recorder.write(world)
    recorder.close("complete")
    assert len(Run(recorder.folder).steps) == 1


def test_metrics_whose_names_differ_in_case_only_are_refused(tmp_path):
    world = Ecosystem(tiny())
    world.frame = replace(world.frame, values=world.frame.values | {"Within_Diversity": 0.0})
    with pytest.raises(InputError, match="'within_diversity' cannot be recorded"):
        Recorder(tmp_path / "base" / "seed-000", world)
    assert not any(tmp_path.iterdir())


def test_a_run_may_be_read_while_it_is_written(tmp_path):
    world = Ecosystem(tiny())
    recorder = Recorder(tmp_path / "d" / "base" / "seed-000", world)
    recorder.write(world)
    with sqlite3.connect(recorder.folder / "run.db") as reader:
        assert reader.execute("SELECT count(*) FROM agents").fetchone() == (3,)
        world.step()
        recorder.write(world)
    assert len(open_run(tmp_path / "d").steps) == 2
    assert open_run(recorder.folder).status == "running"
    recorder.close("complete")


def test_a_finished_database_is_one_plain_file(tmp_path):
    folder = run(tiny(), out=tmp_path).folder
    versions = (folder / "run.db").read_bytes()[18:20]  # of the file format: 2 says that a write-ahead log is needed
    assert versions == b"\x01\x01"
    assert not list(folder.glob("run.db-*"))


KILLED = """
import sys
from ecosystem.runs.runner import run
from ecosystem.files.scenario_file import read
run(read(sys.argv[1]), out=sys.argv[2])
"""


def test_a_killed_run_leaves_whole_steps_and_can_be_read_and_made_again(tmp_path):
    spec = tiny(steps=1_000_000, record={"documents": "all"})
    spec.to_file(tmp_path / "long.yaml")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path / "long.yaml", tmp_path / "out"], cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    folder = tmp_path / "out" / "tiny" / spec.digest / "base" / "seed-003"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (folder.is_dir() and len(Run(folder).steps) > 20):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = open_run(folder)
    assert killed.status == "running"
    steps = killed.steps["step"].tolist()
    assert steps == list(range(len(steps)))
    assert len(steps) > 20
    assert (killed.agents.groupby("step").size() == 3).all()
    assert (killed.documents.groupby("step").size() == 30).all()
    assert killed.graph.number_of_nodes() == 3
    assert open_run(folder.parent.parent).summary["n"].max() == 1
    Recorder(folder, Ecosystem(tiny())).close("complete")
    assert open_run(folder).status == "complete"


@pytest.mark.skipif(record.run_folder.fcntl is None, reason="no file locks on this system")
def test_two_runs_do_not_write_into_one_folder(tmp_path):
    spec = tiny()
    folder = tmp_path / "tiny" / spec.digest / "base" / "seed-003"
    recorder = Recorder(folder, Ecosystem(spec))
    with pytest.raises(InputError, match="is being written by another run"):
        run(spec, out=tmp_path)
    recorder.close("interrupted")
    assert run(spec, out=tmp_path).status == "complete"


def test_provenance_says_how_a_run_came_about(tmp_path):
    told = run(tiny(), out=tmp_path, command="ecosystem run tiny").provenance
    assert told["status"] == "complete"
    assert (told["seed"], told["arm"], told["command"]) == (3, "base", "ecosystem run tiny")
    assert {"python", "numpy", "mesa", "scikit-learn"} <= set(told["versions"])
    assert told["start"] <= told["end"]
    assert told["wall_seconds"] > 0
    assert told["peak_memory_bytes"] > 1_000_000
    assert told["device"] == "cpu"
    assert told["threads"] >= 1


def test_the_folder_of_a_pretrained_model_is_data(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_text("weights")
    plain = {"models": [{"learner": {"kind": "transformer", "model": str(tmp_path / "model")}}]}
    assert [Path(entry["path"]).name for entry in provenance.data_files(plain)] == ["model.safetensors"]
    assert provenance.data_files({"models": [{"learner": {"model": "some/model"}}]}) == []


def test_data_files_are_named_with_their_digests(tmp_path):
    edges = tmp_path / "web_edges.csv"
    edges.write_text("reader,author\n0,1\n1,2\n2,0\n")
    (tmp_path / "web_nodes.csv").write_text("node\n0\n1\n2\n")
    made = run(tiny(graph={"kind": "file", "path": str(edges)}), out=tmp_path)
    data = {Path(entry["path"]).name: entry["sha256"] for entry in made.provenance["data"]}
    assert set(data) == {"web_edges.csv", "web_nodes.csv"}
    edges.write_text("reader,author\n0,1\n1,2\n2,1\n")
    os.utime(edges, ns=(1, 1))
    now = {Path(e["path"]).name: e["sha256"] for e in provenance.data_files(made.spec.plain())}
    assert now["web_edges.csv"] != data["web_edges.csv"]
    assert now["web_nodes.csv"] == data["web_nodes.csv"]
