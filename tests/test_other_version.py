"""A results folder written by another version is one clear line, whichever command looks at it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from ecosystem.cli import main
from ecosystem.runs.runner import replicate
from ecosystem.runs.sweep import sweep
from ecosystem.runs.sweep_design import grid
from ecosystem.runs.told import Curve, wrong


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from agents.humans.zipf import Zipf
    from agents.learners.categorical import Categorical
    from ecosystem.scenario import Community, Group, Scenario

    group = Group(name="models", count=2, publish=3, read=4, learner=Categorical())
    spec = Scenario(
        name="old", world=Zipf(items=5), humans=(Community(rate=6),), models=(group,), steps=1,
        metrics=("within_diversity",),
    )  # fmt: skip
    out = tmp_path_factory.mktemp("made")
    return replicate(spec, 1, out=out).folder, sweep(spec, grid({"humans.0.rate": [1]}), out=out).folder


@pytest.fixture
def study(made, tmp_path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "study"))


@pytest.fixture
def swept(made, tmp_path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / "sweep"))


def changed(path: Path, **keys) -> None:
    """A JSON file with other keys; None takes a key away."""
    told = json.loads(path.read_text()) | keys
    path.write_text(json.dumps({key: value for key, value in told.items() if value is not None}))


def lacks_a_table(study: Path) -> None:
    with sqlite3.connect(study / "base" / "seed-000" / "run.db") as db:
        db.execute("DROP TABLE events")


def lacks_what_a_run_says(study: Path) -> None:
    changed(study / "base" / "seed-000" / "provenance.json", status=None)


def has_an_unknown_key(study: Path) -> None:
    for path in (study / "scenario.yaml", study / "base" / "seed-000" / "scenario.yaml"):
        path.write_text(path.read_text() + "telepathy: {kind: strong}\n")


OLD = {
    lacks_a_table: "was written by another version of this program (no such table: events); run it again",
    lacks_what_a_run_says: "was written by another version of this program (it lacks status)",
    has_an_unknown_key: "does not fit this version of the program: ",
}


@pytest.mark.parametrize("command", [["report"], ["view", "--no-browser"]], ids=lambda words: words[0])
@pytest.mark.parametrize("old, line", OLD.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_report_and_view_say_so_in_one_line(study, command, old, line, capsys):
    old(study)
    assert main([command[0], str(study), *command[1:]]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert str(study) in said


@pytest.mark.parametrize("status", ["complete", "interrupted"])
def test_runs_of_another_version_are_made_anew_and_the_command_says_so(made, tmp_path, capsys, status):
    (tmp_path / "outputs" / "old").mkdir(parents=True)
    study = Path(shutil.copytree(made[0], tmp_path / "outputs" / "old" / made[0].name))
    file = study / "base" / "seed-000" / "provenance.json"
    words = ["run", str(study / "scenario.yaml"), "--out", str(tmp_path / "outputs")]
    assert main(words) == 0
    assert capsys.readouterr().err == ""
    changed(file, code="other", status=status)
    assert main(words) == 0
    assert capsys.readouterr().err == f"{study} holds 1 run of another version (of code); made anew.\n"
    assert json.loads(file.read_text())["code"] != "other"


def test_a_sweep_of_another_version_is_left_alone_and_still_has_a_page(swept, capsys):
    changed(swept / "sweep.json", origin=json.loads((swept / "sweep.json").read_text())["origin"] | {"code": "other"})
    assert main(["report", str(swept)]) == 0
    capsys.readouterr()
    changed(swept / "sweep.json", kind=None)
    assert main(["report", str(swept)]) == 2
    assert capsys.readouterr().err == (
        f"{swept / 'sweep.json'}: was written by another version; it lacks kind.\n"
    )


def test_a_sweep_whose_results_have_another_form_is_one_line(swept, capsys):
    changed(swept / "sweep.json", metrics=["a_new_one"])
    assert main(["report", str(swept)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{swept / 'sweep.db'}: cannot be read (no such column: r.a_new_one")


def test_a_sweep_is_not_played_back_and_the_line_says_what_helps(swept, capsys):
    assert main(["view", str(swept), "--no-browser"]) == 2
    assert capsys.readouterr().err == (
        f"{swept} is the folder of a sweep, not of a run; `ecosystem report` makes its page.\n"
    )


OTHER_TYPES = [
    {"seed": "x"}, {"arm": ["a"]}, {"versions": 3}, {"data": [{}]}, {"wall_seconds": "a"}, {"resumed": 3}, {"git": 3},
    {"command": ["a"]}, {"steps": 1.5}, {"status": True},
]  # fmt: skip


@pytest.mark.parametrize("command", [["report"], ["export"], ["resume"]], ids=lambda words: words[0])
@pytest.mark.parametrize("keys", OTHER_TYPES, ids=lambda keys: next(iter(keys)))
def test_what_a_run_says_of_itself_in_another_type_is_one_line(study, command, keys, capsys):
    path = study / "base" / "seed-000" / "provenance.json"
    changed(path, **keys)
    assert main([command[0], str(study), *command[1:]]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    if command != ["resume"]:  # that says at once that the folder is not called by its digest
        assert said.startswith(f"{path}: is damaged, or written by another version of this program ({next(iter(keys))}")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"keys": 3}, "keys: input should be a valid list; got 3"),
        ({"keys": ["b"]}, "its points are of humans.0.rate; sweep.json names b."),
        ({"keys": []}, "its points are of humans.0.rate; sweep.json names nothing."),
        ({"kind": "x"}, "kind: input should be 'grid', 'list'"),
        ({"kind": "sobol"}, "points: field required"),
        ({"kind": "boundary", "design": {"between": [0, 1, False], "event": "x"}}, "a boundary has one key and"),
        ({"design": 3}, "design: input should be a valid dictionary; got 3"),
        ({"origin": {"versions": []}}, "origin.versions: input should be a valid dictionary; got []"),
        ({"at": "then"}, "at.literal['end']: input should be 'end'; got 'then'"),
    ],
)  # fmt: skip
def test_what_a_sweep_says_of_itself_in_another_type_is_one_line(swept, keys, says, capsys):
    changed(swept / "sweep.json", **keys)
    assert main(["report", str(swept)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(str(swept))
    assert says in said


@pytest.mark.parametrize("folder", ["../../etc", "sweep-0123456789ab/..", 3])
def test_a_curve_takes_no_searches_from_elsewhere(folder):
    told = {"searches": [{"point": {}, "folder": folder}]}
    assert wrong(told, Curve).startswith("searches.0.folder: ")
    assert wrong({"searches": [{"point": {}, "folder": "sweep-0123456789ab"}]}, Curve) == ""
