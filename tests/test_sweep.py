"""Sweeps: the same numbers as single runs, resumable at any moment, in bounded memory, with mistakes in one line."""

from __future__ import annotations

import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecosystem.cli import main, progress
from ecosystem.errors import InputError
from ecosystem.runs import sweep as sweeps
from ecosystem.runs import sweep_cells, workers
from ecosystem.runs.runner import run
from ecosystem.runs.sweep import open_sweep, sweep
from ecosystem.runs.sweep_design import grid, latin, listed, morris, sobol
from ecosystem.scenario import Scenario

ROOT = Path(__file__).resolve().parent.parent
METRICS = ["within_diversity", "human_share_read", "depth"]


def test_a_cell_holds_what_a_run_of_its_own_measures(small_world, tmp_path):
    spec = small_world()
    found = sweep(spec, grid({"humans.0.rate": [3, 30]}), seeds=[2, 5], at=[1, 4], out=tmp_path).table
    assert list(found.columns) == ["point", "humans.0.rate", "seed", "status", "reason", "step", *METRICS]
    alone = run(spec.with_({"humans.0.rate": 30}), seed=5, out=tmp_path).steps.set_index("step")
    cell = found[(found["humans.0.rate"] == 30) & (found["seed"] == 5)].set_index("step")
    assert (cell[METRICS].to_numpy() == alone.loc[[1, 4], METRICS].to_numpy()).all()
    assert len(found) == 8


def test_every_point_has_the_luck_of_the_same_seeds(small_world, tmp_path):
    """A key that no number of a world depends on changes nothing; other seeds do."""
    found = sweep(small_world(), grid({"measure.rare_below": [0.01, 0.2]}), seeds=3, out=tmp_path).table
    one, other = (found[found["point"] == point][METRICS].to_numpy() for point in (0, 1))
    assert (one == other).all()
    assert len(np.unique(one[:, 0])) == 3


def test_workers_find_what_one_process_finds(small_world, tmp_path):
    design = grid({"humans.0.rate": [3, 6, 30], "models.0.read": [5, 9]})
    alone, dealt = (sweep(small_world(), design, seeds=4, jobs=jobs, out=tmp_path / str(jobs)) for jobs in (1, 2))
    pd.testing.assert_frame_equal(alone.table, dealt.table, check_exact=True)
    assert (alone.folder / "table.csv").read_bytes() == (dealt.folder / "table.csv").read_bytes()


def test_only_missing_cells_are_run(small_world, tmp_path, monkeypatch):
    spec, design, made = small_world(), grid({"humans.0.rate": [3, 6]}), []
    measured = sweep_cells.measured
    monkeypatch.setattr(sweep_cells, "measured", lambda *a: made.append(a[1]) or measured(*a))
    sweep(spec, design, seeds=2, out=tmp_path)
    sweep(spec, design, seeds=3, out=tmp_path)  # more seeds: only those
    sweep(spec, design, seeds=3, out=tmp_path)
    assert made == [0, 1, 0, 1, 2, 2]


def small_sweep(out: Path, jobs: int) -> sweeps.Sweep:
    """120 cells of a world that comes with the project."""
    spec = Scenario.from_file("baseline").with_({"steps": 8, "models.0.count": 10})
    return sweep(spec, grid({"humans.0.rate": [1, 5, 20], "models.0.read": [10, 20]}), 20, jobs=jobs, out=out)


def test_killed_at_any_moment_and_run_again_the_table_is_that_of_an_unbroken_sweep(tmp_path):
    """SIGKILL reaches the parent in the middle, three times; the last attempt ends by itself."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    wait = np.random.default_rng(3)
    counts = []
    for jobs in (2, 1, 2):
        asked = f"from test_sweep import Path, small_sweep; small_sweep(Path('broken'), {jobs})"
        process = subprocess.Popen([sys.executable, "-c", asked], cwd=tmp_path, env=environment)
        before = cells_there(tmp_path / "broken")
        while process.poll() is None and cells_there(tmp_path / "broken") < before + 1 + wait.integers(20):
            time.sleep(0.003)
        time.sleep(wait.uniform(0, 0.01))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts.append(cells_there(tmp_path / "broken"))
    assert 0 < counts[0] < counts[1] <= counts[2]
    assert counts[0] < 120  # it was broken off indeed
    broken, whole = (small_sweep(tmp_path / name, 1) for name in ("broken", "whole"))
    assert (broken.folder / "table.csv").read_bytes() == (whole.folder / "table.csv").read_bytes()
    pd.testing.assert_frame_equal(broken.table, whole.table, check_exact=True)
    assert len(broken.table) == 120


def cells_there(out: Path) -> int:
    for file in out.glob("*/sweep-*/sweep.db"):
        try:
            with sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True) as db:
                return db.execute("SELECT count(*) FROM cells").fetchone()[0]
        except sqlite3.OperationalError:  # being made
            return 0
    return 0


def test_a_cell_that_fails_is_a_row_that_says_why(small_world, tmp_path, monkeypatch):
    measured = sweep_cells.measured

    def failing(spec, seed, at):
        if spec.humans[0].rate == 6 and seed == 1:
            raise ArithmeticError("no such luck")
        return measured(spec, seed, at)

    monkeypatch.setattr(sweep_cells, "measured", failing)
    design = grid({"humans.0.rate": [3, 6]})
    found = sweep(small_world(), design, seeds=2, out=tmp_path)
    failed = found.table[found.table["status"] == "failed"]
    assert len(found.table) == 4
    assert failed[["humans.0.rate", "seed"]].to_numpy().tolist() == [[6, 1]]
    assert failed["reason"].item().startswith("ArithmeticError: no such luck (")
    assert failed[METRICS].isna().all(axis=None)
    monkeypatch.undo()
    assert len(sweep(small_world(), design, seeds=2, out=tmp_path).failed) == 1  # it stays until asked for
    assert sweep(small_world(), design, seeds=2, out=tmp_path, again=True).failed == []


def test_a_point_that_cannot_be_is_a_row_too(small_world, tmp_path):
    """The first rows of a list are looked at before anything runs; those far down fail by themselves."""
    rows = [{"models.0.read": 5 + i} for i in range(201)] + [{"models.0.read": -1}]
    assert "models.0.read: must be" in sweep(small_world(steps=0), listed(rows), out=tmp_path).failed[0][2]


def dying(chunk, tell):
    """A worker that dies at one cell, whoever gets it."""
    for found in sweep_cells.run(chunk):
        if found.point == 5 and found.seed == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        tell(found)


def test_the_death_of_a_worker_is_the_failure_of_one_cell(small_world, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_cells, "at_work", dying)
    design = grid({"humans.0.rate": list(range(1, 25))})
    found = sweep(small_world(), design, seeds=2, jobs=2, out=tmp_path)
    assert [cell[:2] for cell in found.failed] == [(5, 1)]
    assert "exit code -9" in found.failed[0][2]
    assert len(found.table) == 48


def process_id(_task, tell):
    tell(os.getpid())


def test_workers_are_replaced_after_so_many_tasks():
    told = [e.message for e in workers.deal(process_id, iter(range(6)), 1, each=2) if isinstance(e, workers.Told)]
    assert [told.index(pid) for pid in told] == [0, 0, 2, 2, 4, 4]


def test_memory_of_the_parent_does_not_grow_with_the_cells(small_world, tmp_path, monkeypatch):
    """From 100 to 1,000 cells by less than 30 KB, which caches of bounded size take; a list of rows would hold 130."""
    monkeypatch.setattr(sweep_cells, "measured", lambda spec, seed, at: [(4, (float(seed), 1.0, 2.0))])
    sweep(small_world(), grid({"humans.0.rate": [1, 2]}), seeds=2, out=tmp_path / "warm")

    def held(points: int, keep: bool = False) -> int:
        """Bytes gained from the first cell to the last, garbage collected."""
        kept: list = []
        now: list[int] = []

        def progress(*told) -> None:
            if told[0] in (0, told[1]):
                gc.collect()
                now.append(tracemalloc.get_traced_memory()[0])
            if keep:
                kept.append(told)

        design = grid({"humans.0.rate": range(1, points + 1)})
        tracemalloc.start()
        sweep(small_world(), design, seeds=5, out=tmp_path / f"{points}{keep}", progress=progress)
        tracemalloc.stop()
        return now[1] - now[0]

    few = held(20)
    assert held(200) - few < 30_000
    assert held(200, keep=True) - few > 100_000  # and a list of rows would be seen


def test_results_of_another_version_are_left_alone(small_world, tmp_path):
    found = sweep(small_world(), grid({"humans.0.rate": [3]}), out=tmp_path)
    told = json.loads((found.folder / "sweep.json").read_text())
    told["origin"]["code"] = "other"
    (found.folder / "sweep.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=r"holds results of another version \(of code\); give another --out"):
        sweep(small_world(), grid({"humans.0.rate": [3]}), out=tmp_path)


def test_a_folder_that_is_being_written_is_left_alone(small_world, tmp_path):
    from ecosystem.runs import folder as run_folder

    found = sweep(small_world(), grid({"humans.0.rate": [3]}), out=tmp_path)
    handle = run_folder.lock(found.folder)
    with pytest.raises(InputError, match="is being written by another run"):
        sweep(small_world(), grid({"humans.0.rate": [3]}), out=tmp_path)
    run_folder.unlock(handle)


READ = ("--vary", "models.0.read=5:9")
MISTAKES = {
    ("--vary", "humans.people.raet=1"): "humans.0.raet: the keys allowed here * got 'raet' (did you mean 'rate'?)",
    ("--vary", "models.readerz.read=5"): "models.readerz.read: the items of models are 0 (readers); * 'readers'?)",
    ("--vary", "models.0.read=5,-3"): "models.0.read: must be a whole number from 1 to *; got -3",
    ("--vary", "models.0.read="): "--vary models.0.read=: must be PATH=A,B,C or PATH=LOW:HIGH",
    (*READ, *READ): "--vary models.0.read=5:9: models.0.read is given twice",
    ("--vary", "models.0.read=[]"): "models.0.read: must be a whole number *; got []",
    ("--vary", "models.0.read=5,5"): "models.0.read: each value once; got 5 twice",
    (): "A design needs at least one key that varies; got none.",
    ("--vary", "steps=9:2", "--design", "latin"): "steps: the lower bound must come first *; got 9:2",
    ("--vary", "steps=0:2:log", "--design", "latin"): "steps: a range in logarithms must begin above 0; got 0:2:log",
    ("--vary", "steps=5,9", "--design", "latin"): "steps: needs a range LOW:HIGH or LOW:HIGH:log; got [5, 9]",
    READ: "--vary models.0.read: a grid needs values A,B,C; got a range",
    (*READ, "--design", "sobol", "--points", "7"): "points: of a Sobol design must be a power of two *; got 7 (try 8)",
    (*READ, "--design", "gird"): "--design: must be one of *; got 'gird'. Did you mean 'grid'?",
    (*READ, "--design", "boundary"): "event: must be METRIC < NUMBER or METRIC > NUMBER; got ''",
    ("--vary", "seed=1,2"): "seed: cannot vary within a sweep (seeds are given beside the design)",
    ("--vary", "models.0.read=5", "--at", "50"): "at: must be 'end' or steps from 0 to 40; got 50",
    ("--rows", "nothing.csv"): "nothing.csv: cannot be read (No such file or directory)",
}


@pytest.mark.parametrize("arguments, line", MISTAKES.items(), ids=str)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "baseline", *arguments, "--quiet"]) == 2
    start, _, end = line.partition("*")
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(start)
    assert said.endswith(end)
    assert list(tmp_path.iterdir()) == []


def test_the_command_reads_points_from_a_file(tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("humans.people.rate,graph.kind\n1,ring\n20,complete\n")
    given = ["--rows", str(tmp_path / "rows.csv"), "--steps", "2", "--at", "0,2", "--out", str(tmp_path / "out")]
    assert main(["sweep", "baseline", *given, "--set", "graph={kind: ring}", "--quiet"]) == 0
    table = open_sweep(capsys.readouterr().out.strip()).table
    assert table[["humans.people.rate", "graph.kind", "step"]].to_numpy().tolist() == [
        [1, "ring", 0], [1, "ring", 2], [20, "complete", 0], [20, "complete", 2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name, text, line",
    [
        ("rows.csv", "a,a\n1,2\n", "rows.csv:1: the header must name each key once; got a, a"),
        ("rows.csv", "a,b\n1,2\n3\n", "rows.csv:3: must have 2 values, one a key; got 1"),
        ("rows.csv", "a,b\n", "The list of points is empty; give at least one row."),
        ("rows.yaml", "a: 1", "rows.yaml: must be a list of mappings, each a point; got {a: 1}"),
        ("rows.yaml", "[{a: 1}, {b: 1}]", "Row 2 must have the keys a; got b"),
    ],
)
def test_a_mistake_in_a_file_of_points_is_one_line(name, text, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    assert main(["sweep", "baseline", "--rows", name, "--quiet"]) == 2
    assert capsys.readouterr().err == line + "\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_ranges_are_filled_evenly():
    """Each tenth of a Latin hypercube has its point; whole numbers come all alike; nothing lies outside."""
    points = list(latin({"a": (0.0, 1.0), "b": (1, 5), "c": (1.0, 1000.0, "log")}, 10).points())
    assert sorted(int(10 * point["a"]) for point in points) == list(range(10))
    assert sorted(point["b"] for point in points) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert sum(point["c"] < 1000**0.5 for point in points) == 5
    assert sobol({"a": (0.0, 1.0), "b": (1, 5)}, 8).size == 8 * 4
    assert morris({"a": (0.0, 1.0), "b": (1, 5)}, 8).size == 8 * 3


def test_progress_tells_what_everything_has_cost_so_far_also_what_an_earlier_sweep_did(tmp_path):
    """Of metrics with the cost of a run so far its last value counts, once a run."""
    bought = {"policies": [{"kind": "schedule", "periods": [{"begins": 1, "bought": {"people": 10}}]}]}
    spec = Scenario.from_file("baseline").with_(
        {"steps": 2, "models.0.count": 4, "metrics": ["depth", "total_cost"], "claims": [], **bought}
    )
    told = []
    sweep(spec, grid({"humans.0.rate": [3, 6]}), seeds=2, out=tmp_path, progress=lambda *now: told.append(now))
    costs = open_sweep(next(tmp_path.glob("*/sweep-*"))).table["total_cost"]
    assert (costs > 0).all()
    assert told[-1][4] == pytest.approx(costs.sum())
    assert [done for done, *_ in told] == [0, 1, 2, 3, 4]
    sweep(spec, grid({"humans.0.rate": [3, 6]}), seeds=3, out=tmp_path, progress=lambda *now: told.append(now))
    assert told[5][4] == pytest.approx(costs.sum())
    assert told[5][3] == pytest.approx(told[4][3], abs=1e-5)
    words = progress.spent_words(*told[5][2:5])
    assert words.endswith(f"cost {costs.sum():,.0f}")
    assert "cost" not in progress.spent_words(0, 1.0, float("nan"))


@pytest.mark.parametrize("design", [[], ["--design", "boundary", "--event", "depth > 1", "--precision", "1"]])
def test_an_interrupt_ends_in_one_line_that_says_how_to_go_on(design, tmp_path, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_cells, "measured", stopped)
    vary = "models.0.read=5:50" if design else "models.0.read=5,9"
    assert main(["sweep", "baseline", "--vary", vary, *design, "--out", str(tmp_path)]) == 130
    where = tmp_path / "baseline"
    said = f"Interrupted; every run that had ended is kept in {where}. The same command goes on.\n"
    assert capsys.readouterr().err == said
