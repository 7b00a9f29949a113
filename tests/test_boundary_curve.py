"""A boundary in two keys: it follows the law, each search goes on where it stood, and what is wrong is said."""

from __future__ import annotations

import json
import math
import re

import pandas as pd
import pytest

from ecosystem.cli import main
from ecosystem.report import curve_page
from ecosystem.report.curve_figure import curve
from ecosystem.runs import boundary_along, sweep_cells, workers
from ecosystem.runs.boundary_along import along
from ecosystem.runs.boundary_curve import open_curve
from ecosystem.runs.sweep_design import grid
from ecosystem.scenario import Scenario
from ecosystem.theory.laws import selection_threshold

KEPT = "verifiers.checker.probabilities"
SWEEP = ["sweep", "tipping_point", "--design", "boundary", "--set", "models.students.count=10"]
SOUGHT = [*SWEEP, "--vary", "world.exponent=0.1:3.0", "--event", "tail_coverage < 0.5", "--precision", "0.1"]
VALUES = "[0.2, 0.9],[0.5, 0.9],[0.01, 0.9]"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Three verifiers, of which the last lets so few errors pass that there is no boundary."""
    out = tmp_path_factory.mktemp("curve")
    assert main([*SOUGHT, "--vary", f"{KEPT}={VALUES}", "--out", str(out), "--quiet"]) == 0
    return open_curve(next(out.glob("tipping_point/curve-*")))


def exponent_of(error: float) -> float:
    """The generator is wrong with chance 1 / (1 + 2^-exponent)."""
    return math.log2(error / (1 - error))


def test_the_curve_follows_the_law_at_both_points(found):
    """Law 9: the error rate that students survive is 1 / (1 + psi/phi), phi and psi what a verifier keeps.

    False alarm: an interval misses what is true in one of 20 searches, one of two in one of 10; seeds are fixed.
    Negative control: neither interval holds the law at the other point, nor at that of a verifier in between.
    """
    table = found.table
    for row, phi in enumerate((0.2, 0.5)):
        low, high = table["low"][row], table["high"][row]
        assert low <= exponent_of(selection_threshold(0.9, phi)) <= high
        assert high - low <= 0.2 * (1 + 1e-9)
        for other in {0.2, 0.5, 0.3} - {phi}:
            assert not low <= exponent_of(selection_threshold(0.9, other)) <= high


def test_the_table_says_what_was_found_and_what_it_took(found):
    table = pd.read_csv(found.folder / "table.csv", keep_default_na=False)
    assert list(table) == [
        KEPT, "estimate", "low", "high", "more_likely", "runs", "grid_runs", "note", "search",
    ]  # fmt: skip
    assert table[KEPT].tolist() == ["[0.2, 0.9]", "[0.5, 0.9]", "[0.01, 0.9]"]
    assert table["more_likely"].tolist() == ["above", "above", ""]
    assert table["estimate"][2] == ""
    assert table["note"].tolist()[:2] == ["", ""]
    assert table["note"][2] == "no boundary between 0.1 and 3: tail_coverage < 0.5 in 0 of 4 runs at these two"
    assert table["runs"].sum() == sum(len(sweep.table) for sweep in found.sweeps)
    assert (table["runs"] < table["grid_runs"] / 3).all()
    assert all((found.folder.parent / name / "sweep.db").is_file() for name in table["search"])


def test_asked_again_nothing_is_run_and_the_same_is_said(found, monkeypatch, capsys):
    monkeypatch.setattr(sweep_cells, "measured", nothing_may_run)
    before = (found.folder / "table.csv").read_text()
    assert main([*SOUGHT, "--vary", f"{KEPT}={VALUES}", "--out", str(found.folder.parents[1])]) == 0
    said = capsys.readouterr()
    folder, *lines = said.out.splitlines()
    assert folder == str(found.folder)
    assert [line.partition(": ")[0] for line in lines] == [
        f"{KEPT} = [0.2, 0.9]", f"{KEPT} = [0.5, 0.9]", f"{KEPT} = [0.01, 0.9]",
    ]  # fmt: skip
    assert "tail_coverage < 0.5 is as likely as not at world.exponent = 2." in lines[0]
    assert "(a grid of this precision: 120)" in lines[0]
    assert "no boundary between 0.1 and 3" in lines[2]
    assert f"the table: {found.folder / 'table.csv'}; a page of it: ecosystem report {found.folder}" in said.err
    assert (found.folder / "table.csv").read_text() == before


def test_fewer_values_are_a_curve_of_their_own_made_of_the_same_searches(found, monkeypatch):
    monkeypatch.setattr(sweep_cells, "measured", nothing_may_run)
    spec = Scenario.from_file("tipping_point").with_({"models.students.count": 10})
    how = ("world.exponent", (0.1, 3.0), "tail_coverage < 0.5", 0.1)
    less = along(spec, grid({KEPT: [[0.5, 0.9]]}), *how, out=found.folder.parents[1])
    assert less.folder != found.folder
    assert less.rows() == found.rows()[1:2]


def nothing_may_run(*_):
    raise AssertionError("everything is there")


def test_the_page_has_the_curve_its_table_and_its_searches(found, capsys):
    assert main(["report", str(found.folder)]) == 0
    text = (found.folder / "report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(found.folder / "report.html")
    assert "no boundary between 0.1 and 3: tail_coverage &lt; 0.5 in 0 of 4 runs" in text
    assert "a grid of this precision at these values takes 360" in text
    shown = curve_page.content(found)
    assert [row["likely"] for row in shown["curve"]["rows"]] == ["above", "above", ""]
    assert len(shown["searches"]) == 2
    assert shown["missing"] == ""
    assert curve_page.content(open_curve(found.folder)) == shown


def test_the_table_is_exported_and_verified(found, tmp_path, capsys):
    assert main(["export", str(found.folder), "--format", "parquet", "--to", str(tmp_path)]) == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), found.table)
    assert main(["verify", str(found.folder), "--sample", "1", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{found.folder.name}: its table is that of the searches"
    written = (found.folder / "table.csv").read_text()
    (found.folder / "table.csv").write_text(written.replace("above", "below", 1))
    assert main(["verify", str(found.folder), "--files", "--quiet"]) == 1
    (found.folder / "table.csv").write_text(written)
    assert main(["resume", str(found.folder)]) == 2
    assert "is a sweep; run its command again" in capsys.readouterr().err


HOW = ("humans.0.rate", (0, 1000), "within_diversity > 0.5", 40.0)
TIPS = {10: 200, 20: 500, 30: 5000, 40: -5}  # read: the rate from which the event happens


@pytest.fixture
def tipping(small_world, monkeypatch):
    """A world in which the event happens from a known rate on, without any luck."""
    monkeypatch.setattr(sweep_cells, "measured", steps_up)
    return small_world()


def steps_up(spec, seed, at):
    return [(4, (float(spec.humans[0].rate >= TIPS[spec.models[0].read]), 0.0, 0.0))]


READ = grid({"models.0.read": [10, 20, 30, 40]})


def test_arrows_point_to_where_a_boundary_may_lie(tipping, tmp_path):
    """Known at 200 and 500; above the bounds where it never happens, below where it always does."""
    found = along(tipping, READ, *HOW, out=tmp_path)
    ax = curve(found).axes[0]
    points = {line.get_marker(): line for line in ax.lines if line.get_marker() in "o^v"}
    dots = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "o")
    assert [x for x, _ in dots] == [10, 20]
    assert [y for _, y in dots] == pytest.approx([200, 500], abs=40)
    assert (points["^"].get_xdata()[0], points["v"].get_xdata()[0]) == (30, 40)
    assert [text.get_text() for text in ax.texts] == [
        "within_diversity > 0.5\nlikely above", "within_diversity > 0.5\nunlikely below",
    ]  # fmt: skip
    fewer = along(tipping, grid({"models.0.read": [10]}), "humans.0.rate", (0, 1000), "within_diversity < 0.5", 40.0,
                  out=tmp_path)  # fmt: skip
    assert [text.get_text().rpartition("\n")[2] for text in curve(fewer).axes[0].texts] == [
        "unlikely above", "likely below",
    ]  # fmt: skip


def test_values_that_are_no_numbers_stand_in_a_row(tipping, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_cells, "measured", lambda s, *_: [(4, (float(s.humans[0].rate > 300), 0.0, 0.0))])
    for key, values in (("graph.kind", ["ring", "complete"]), ("graph.self_loops", [True, False])):
        found = along(tipping, grid({key: values}), *HOW, out=tmp_path)
        ax = curve(found).axes[0]
        assert [label.get_text() for label in ax.get_xticklabels()] == [str(value) for value in values]
        assert found.table["estimate"].tolist() == pytest.approx([300, 300], abs=40)


def test_where_no_boundary_is_known_and_where_several_keys_vary_there_is_a_page_all_the_same(tipping, tmp_path):
    """Crosses where no side can be told; over two other keys a table and no curve."""
    nowhere = along(tipping, grid({"models.0.read": [30, 40]}), *HOW, out=tmp_path)
    assert [line.get_xdata()[0] for line in curve(nowhere).axes[0].lines if line.get_marker() == "x"] == [30, 40]
    assert "At 0 read = 30 and 0 read = 40 both ends" in curve_page.write(nowhere.folder).read_text(encoding="utf-8")
    both = along(tipping, grid({"models.0.read": [10, 20], "graph.kind": ["ring", "complete"]}), *HOW, out=tmp_path)
    assert curve(both) is None
    assert both.table["estimate"].tolist() == pytest.approx([200, 200, 500, 500], abs=40)
    text = curve_page.write(both.folder).read_text(encoding="utf-8")
    assert "at 0 read = 20, graph kind = " in text
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)


def test_two_processes_find_the_same(found, tmp_path):
    vary = ["--vary", f"{KEPT}={VALUES}", "--out", str(tmp_path), "--jobs", "2", "--quiet"]
    assert main([*SOUGHT, *vary]) == 0
    again = open_curve(next(tmp_path.glob("tipping_point/curve-*")))
    assert (again.folder / "table.csv").read_text() == (found.folder / "table.csv").read_text()


def test_stopped_and_run_again_only_what_is_missing_is_run(tipping, tmp_path, monkeypatch):
    whole, made = along(tipping, READ, *HOW, out=tmp_path / "whole"), []

    def stopping(spec, seed, at):
        made.append((spec.models[0].read, seed))
        if made.count((20, 7)) == 1 and made[-1] == (20, 7):
            raise KeyboardInterrupt
        return steps_up(spec, seed, at)

    monkeypatch.setattr(sweep_cells, "measured", stopping)
    with pytest.raises(KeyboardInterrupt):
        along(tipping, READ, *HOW, out=tmp_path / "broken")
    broken = open_curve(next(tmp_path.glob("broken/*/curve-*")))
    assert [place.note for place in broken.places] == [
        "", "not finished, 7 runs so far: the same command goes on", "not begun yet", "not begun yet",
    ]  # fmt: skip
    assert "3 of 4 searches have not ended" in curve_page.write(broken.folder).read_text(encoding="utf-8")
    again = along(tipping, READ, *HOW, out=tmp_path / "broken")
    assert again.rows() == whole.rows()
    assert len(made) == whole.table["runs"].sum() + 1  # none but the one that was stopped was made twice


def test_a_run_that_fails_is_said_and_tried_again_the_next_time_the_others_are_found(tmp_path, monkeypatch, capsys):
    measured, told = sweep_cells.measured, ["--vary", f"{KEPT}=[0.2, 0.9],[0.5, 0.9]", "--out", str(tmp_path)]

    def failing(spec, seed, at):
        if seed == 5 and spec.plain()["verifiers"][0]["probabilities"][0] == 0.2:
            raise ArithmeticError("no luck")
        return measured(spec, seed, at)

    monkeypatch.setattr(sweep_cells, "measured", failing)
    assert main([*SOUGHT, *told]) == 1
    said = capsys.readouterr()
    assert f"failed: {KEPT} = [0.2, 0.9]: a run failed: seed 5: ArithmeticError: no luck" in said.err
    assert f"{KEPT} = [0.5, 0.9]: tail_coverage < 0.5 is as likely as not" in said.out
    found = open_curve(said.out.splitlines()[0])
    assert "no luck" in found.table["note"][0]
    assert found.table["runs"].tolist()[0] == 5
    assert "no luck" in curve_page.write(found.folder).read_text(encoding="utf-8")
    monkeypatch.setattr(sweep_cells, "measured", measured)
    assert main([*SOUGHT, *told]) == 0
    assert found.folder == open_curve(capsys.readouterr().out.splitlines()[0]).folder
    assert open_curve(found.folder).table["note"].tolist() == ["", ""]


def test_the_death_of_a_process_stands_in_the_folder_of_its_search(tipping, tmp_path, monkeypatch):
    def stopping(spec, seed, at):
        if seed == 3:
            raise KeyboardInterrupt
        return steps_up(spec, seed, at)

    def dying(work, tasks, *_):
        for task in tasks:
            with pytest.raises(KeyboardInterrupt):
                work(task, lambda _: None)
            yield workers.Died(task, -9)

    monkeypatch.setattr(sweep_cells, "measured", stopping)
    monkeypatch.setattr(boundary_along.workers, "deal", dying)
    found = along(tipping, grid({"models.0.read": [10, 20]}), *HOW, out=tmp_path, jobs=2)
    assert [note.partition(" (")[0] for note in found.table["note"]] == [
        "a run failed: seed 3: its process ended with exit code -9",
        "a run failed: seed 3: its process ended with exit code -9",
    ]  # fmt: skip


RANGE, EVENT = "world.exponent=1.0:2.2", ("--event", "tail_coverage < 0.5", "--precision", "0.1")
FORM = "--design boundary: takes one range KEY=LOW:HIGH, in which the boundary is sought, and at most one other key *"
MISTAKES = {
    ("--vary", RANGE, "--vary", "models.1.read=5:9", *EVENT): f"{FORM}; got two ranges",
    ("--vary", "world.exponent=1,2", "--vary", "models.1.read=5,9", *EVENT): f"{FORM}; got no range",
    ("--vary", RANGE, "--vary", "steps=2,3", "--vary", "models.1.read=5,9", *EVENT): f"{FORM}; got 3 keys",
    EVENT: f"{FORM}; got no --vary",
    ("--vary", RANGE, "--vary", "steps=2,3", *EVENT[:2]): "--precision X: must be given with --design boundary*",
    ("--vary", RANGE, "--vary", "steps=2,3", *EVENT[2:]): "event: must be METRIC < NUMBER or METRIC > NUMBER; got ''",
    ("--vary", RANGE, *EVENT, "--jobs", "2"): "--jobs: a boundary in one key is sought run after run in this process*",
    ("--vary", RANGE, *EVENT, "--seeds", "4"): "--seeds: does not go with --design boundary*",
    ("--vary", RANGE, *EVENT, "--rows", "a.csv"): "--rows: does not go with --design boundary*",
    ("--vary", f"{RANGE}:log", *EVENT): "world.exponent: a boundary is sought on the key's own scale*; leave out :log",
    ("--vary", RANGE, "--vary", f"{KEPT}.0=0.1,2", *EVENT): "*verifiers.0.probabilities.0: must be * 0 to 1; got 2",
    ("--vary", RANGE, "--vary", "steps=2,2", *EVENT): "steps: each value once; got 2 twice",
    ("--vary", "models.students.read=100:300", "--vary", "models.1.read=100,200", *EVENT[:2], "--precision", "10"):
        "models.1.read: makes no difference where models.students.read is given; vary another key",
}  # fmt: skip


@pytest.mark.parametrize("arguments, line", MISTAKES.items(), ids=str)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*SWEEP, *arguments, "--quiet"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    start, *others = line.split("*")
    assert said.startswith(start)
    assert said.endswith(others[-1] if others else line)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_ends_in_one_line_that_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_cells, "measured", stopped)
    assert main([*SOUGHT, "--vary", f"{KEPT}={VALUES}", "--out", str(tmp_path)]) == 130
    where = tmp_path / "tipping_point"
    said = f"Interrupted; every run that had ended is kept in {where}. The same command goes on.\n"
    assert capsys.readouterr().err == said


def test_a_folder_of_another_version_or_damaged_is_one_line(tipping, tmp_path, capsys):
    found = along(tipping, grid({"models.0.read": [10]}), *HOW, out=tmp_path)
    told = json.loads((found.folder / "curve.json").read_text())
    for text in ("{", json.dumps({k: v for k, v in told.items() if k != "searches"})):
        (found.folder / "curve.json").write_text(text)
        assert main(["report", str(found.folder)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
