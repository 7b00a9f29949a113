"""Ray as an engine: two nodes on this machine give what one process gives, also when a worker and a node are killed."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import pandas as pd
import pytest
from ray_toys import Fatal

from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.runs import cluster as clusters
from ecosystem.runs import ray_shards
from ecosystem.runs.ray_tasks import NODE as NODE_GONE
from ecosystem.runs.ray_tasks import _Begun
from ecosystem.runs.runner import RunFailed, run
from ecosystem.runs.sweep import sweep
from ecosystem.runs.sweep_design import grid
from ecosystem.runs.workers import Died
from ecosystem.scenario import Group

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


def test_without_ray_a_line_names_the_extra(small_world, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"engine: ray is not installed; pip install .*\[scale\]"):
        sweep(small_world(), grid({"humans.0.rate": [3]}), engine="ray", out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words, says",
    [
        (["--engine", "rey"], "engine: must be local or ray; got 'rey'. Did you mean 'ray'?"),
        (["--address", "auto"], "address: is that of a Ray cluster and goes with engine ray; got 'auto'"),
        (["--engine", "ray", "--device", "cuda"], "device"),
    ],
)
def test_what_does_not_go_together_is_one_line(words, says, tmp_path, capsys):
    for command in (["run"], ["sweep", "--vary", "humans.0.rate=3"]):
        assert main([*command[:1], "baseline", *command[1:], "--steps", "1", "--out", str(tmp_path), *words]) == 2
        error = capsys.readouterr().err.strip()
        assert says in error
        assert "\n" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("reasons", "begun"), [("node", 10), ("process", 3), ("node process", 6)])
def test_a_lone_cell_is_not_begun_for_ever(reasons, begun):
    """Of nodes that go in turn with processes that end, six beginnings hold three ends of processes."""
    told = {"node": f"{NODE_GONE} (NodeDiedError)", "process": "its process on the cluster ended"}
    of, ends, times = _Begun(None), itertools.cycle(reasons.split()), 1
    while of.tried_again(Died(None, None, told["process" if (end := next(ends)) == "process" else "node"])):
        times += 1
    assert (times, end) == (begun, "process" if "process" in reasons else "node")


def test_shards_go_with_ray_and_without_jobs(small_world, tmp_path):
    with pytest.raises(InputError, match="shards: goes with engine ray; got 2"):
        run(small_world(), shards=2, out=tmp_path)
    pytest.importorskip("ray", reason="the extra [scale] is not installed")
    assert main(["run", "baseline", "--engine", "ray", "--jobs", "2", "--out", str(tmp_path)]) == 2


def test_without_a_number_there_are_no_more_shards_than_models(small_world, monkeypatch):
    monkeypatch.setattr("ecosystem.sharding.world.ShardedEcosystem", lambda spec, hire, shards: shards)
    spec = small_world()
    for cores, shards in ((spec.agents + 5, spec.agents), (1, 1)):
        assert ray_shards.founder(clusters.Cluster(None, cores), None)(spec) == shards


@pytest.fixture
def silent():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_cluster_that_cannot_be_reached_is_one_line(tmp_path, capsys, monkeypatch, silent):
    pytest.importorskip("ray", reason="the extra [scale] is not installed")
    monkeypatch.setattr(clusters, "JOINED", 3.0)
    asked = {
        "127.0.0.1:1": "no Ray cluster can be reached at 127.0.0.1:1: ",
        f"127.0.0.1:{silent}": "is no Ray cluster, or does not answer in time",
        "ray://127.0.0.1:10001": "must be auto, or HOST:PORT of a cluster's head; got 'ray://127.0.0.1:10001'",
    }
    for address, says in asked.items():
        words = ["sweep", "baseline", "--vary", "humans.0.rate=3", "--out", str(tmp_path), "--engine", "ray"]
        assert main([*words, "--address", address]) == 2
        error = capsys.readouterr().err.strip()
        assert error.startswith("address: ")
        assert says in error
        assert "\n" not in error
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster of two nodes on this machine, of one core each."""
    pytest.importorskip("ray", reason="the extra [scale] is not installed")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    soon = {"health_check_period_ms": 1000, "health_check_failure_threshold": 5}  # seconds, after which it is missed
    head = NODE | {"include_dashboard": False, "_system_config": soon}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(**NODE)
    yield made
    made.shutdown()


def workers_of(node) -> list[int]:
    """Processes of a node that run cells."""
    raylet, found = node.all_processes["raylet"][0].process.pid, []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            title = (place / "cmdline").read_bytes()
        except OSError:  # it has gone
            continue
        if parent == raylet and title.startswith(b"ray::run"):  # others are the node's own
            found.append(int(place.name))
    return found


def tables(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "run.db") as db:
        return list(db.iterdump())


def test_a_run_over_shards_of_a_cluster_is_the_local_run(small_world, two_nodes, tmp_path):
    spec = small_world(metrics=("within_diversity", "pooled_diversity", "depth")).with_(
        {"record.documents": "all", "models.0.learner.temperature": 0.8}
    )
    one = run(spec, out=tmp_path / "local")
    other = run(spec, out=tmp_path / "ray", engine="ray", shards=2, address=two_nodes.address)
    assert tables(one.folder) == tables(other.folder)
    assert len(tables(one.folder)) > 4 * 5


def test_the_loss_of_a_shard_ends_the_run_and_says_so(small_world, two_nodes, tmp_path):
    group = Group(name="models", count=4, publish=3, read=3, learner=Fatal(fatal=True))
    with pytest.raises(RunFailed, match=r"ShardLost: shard \d of 2 has ended"):
        run(small_world(models=(group,)), out=tmp_path, engine="ray", shards=2, address=two_nodes.address)


def test_a_cell_that_kills_its_worker_is_a_row_that_says_so(small_world, two_nodes, tmp_path):
    group = Group(name="models", count=2, publish=3, read=3, learner=Fatal())
    design = grid({"models.0.learner.fatal": [False, True]})
    found = sweep(small_world(models=(group,)), design, out=tmp_path, engine="ray", address=two_nodes.address)
    assert found.failed == [(1, 0, "its process on the cluster ended (WorkerCrashedError), 3 times")]
    assert len(found.table) == 2


def test_killed_workers_and_a_killed_node_change_nothing(small_world, two_nodes, tmp_path):
    """A worker is killed early in the sweep; then a whole node, of which the other does the rest."""
    group = Group(name="models", count=3, publish=4, read=5, learner=Fatal(seconds=0.01))
    spec, design = small_world(models=(group,)), grid({"humans.0.rate": list(range(1, 21))})
    killed, second = [], two_nodes.add_node(**NODE)

    def trouble(done: int, total: int, failed: int, seconds: float, cost: float) -> None:
        if done >= 5 and not killed:
            killed.extend(workers_of(two_nodes.head_node)[:1])
            for worker in killed:
                os.kill(worker, signal.SIGKILL)
        if done == 20:
            two_nodes.remove_node(second, allow_graceful=False)

    found = sweep(spec, design, 3, out=tmp_path / "ray", progress=trouble, engine="ray", address=two_nodes.address)
    local = sweep(spec, design, 3, out=tmp_path / "local")
    assert killed
    assert found.failed == []
    pd.testing.assert_frame_equal(found.table, local.table, check_exact=True)
    assert (found.folder / "table.csv").read_bytes() == (local.folder / "table.csv").read_bytes()
    assert len(found.table) == 60


def test_nodes_with_other_code_are_refused(small_world, two_nodes, tmp_path, monkeypatch):
    origin = clusters.provenance.origin

    def other(plain):  # what this process says of itself
        found = origin(plain)
        return found | {"code": "other", "versions": found["versions"] | {"numpy": "0.1"}}

    monkeypatch.setattr(clusters.provenance, "origin", other)
    with pytest.raises(InputError, match=r"engine: node [\d.]+ has other numpy, code than this machine"):
        sweep(small_world(), grid({"humans.0.rate": [3]}), out=tmp_path, engine="ray", address=two_nodes.address)
    assert not list(tmp_path.iterdir())
