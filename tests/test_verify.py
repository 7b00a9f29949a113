"""A run is what its folder says: made anew it is equal to the last digit, and whatever is changed in it is found."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ecosystem.cli import main
from ecosystem.files.scenario_file import read
from ecosystem.runs import checkpoints, integrity, provenance
from ecosystem.runs.opened import open_run
from ecosystem.runs.runner import RunFailed, replicate, run
from ecosystem.runs.sweep import open_sweep, sweep
from ecosystem.runs.sweep_design import grid
from ecosystem.runs.verify import drawn, verify
from ecosystem.runs.verify_sweep import verify_sweep

FAILING = """
def fails(world):
    if world.t == {step}:
        raise RuntimeError("enough")
    return 0.0
"""


def tiny(folder, **more):
    """A web that writes into every table that a world of items has."""
    links = Path(folder) / "links.csv"
    links.write_text("reader,author\n0,1\n1,2\n2,0\n0,2\n")
    plain = {
        "name": "tiny",
        "steps": 5,
        "seed": 3,
        "metrics": ["within_diversity", "human_share_read", "policy_cost"],
        "world": {"kind": "zipf", "items": 20},
        "humans": [{"name": "people", "rate": 6}],
        "models": [{"name": "small", "count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
        "graph": {"kind": "file", "path": str(links)},
        "verifiers": [{"kind": "detector", "false_positive_rate": 0.2, "false_negative_rate": 0.3}],
        "policies": [{"kind": "human_floor", "floor": 0.5}],
        "record": {"pairs": True, "documents": "all", "every": 2},
        "arms": {"more": {"humans.people.rate": 20}},
    }
    return read(plain | more)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return replicate(tiny(folder), 2, arms=("base", "more"), out=folder / "out").folder


@pytest.fixture
def copy(made, tmp_path):
    """A copy of the study to be tampered with."""
    return Path(shutil.copytree(made, tmp_path / "study"))


def sql(folder, statement, *given):
    with sqlite3.connect(folder / "run.db") as db:
        assert db.execute(statement, given).rowcount > 0


def replaced(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_what_was_made_is_equal_made_anew(made):
    verdicts = list(verify(open_run(made)))
    assert [v.about for v in verdicts[:4]] == ["base/seed-000", "base/seed-001", "more/seed-000", "more/seed-001"]
    assert all(v.holds and not v.notes for v in verdicts), [str(v) for v in verdicts]
    assert all("equal: steps 0 to 5" in v.says and " in 8 tables" in v.says for v in verdicts[:2])
    assert len(verdicts) == 5


def test_files_alone_are_whole(made):
    assert [integrity.faults(run) for run in open_run(made).every] == [[]] * 4


FLIPPED = "UPDATE {0} SET {1} = {1} * (1 + 3e-16) WHERE step = 4"  # at most the last two bits


@pytest.mark.parametrize(
    "table, column, says",
    [
        ("agents", "within_diversity", "agents, step 4, agent 0, kind 'categorical', within_diversity: recorded 0."),
        ("steps", "within_diversity", "steps, step 4, within_diversity: recorded 0."),
        ("pairs", "similarity", "pairs, step 4, agent 0, other 1, similarity: recorded 0."),
        ("ledger", "cost", "ledger, step 4, kind 'human', cost: recorded 1"),
    ],
)
def test_a_flipped_digit_is_found_where_it_is(copy, table, column, says):
    folder = copy / "base" / "seed-000"
    sql(folder, FLIPPED.format(table, column))
    assert integrity.faults(open_run(folder)) == []  # files alone cannot tell
    (verdict,) = verify(open_run(folder))
    assert verdict.faults[0].startswith(says), verdict
    assert ", made anew " in verdict.faults[0]


@pytest.mark.parametrize(
    "statement, says",
    [
        ("UPDATE documents SET content = content + 1 WHERE document = 17", "documents, step "),
        ("UPDATE judgements SET verdict = 1 - verdict WHERE step = 3", "judgements, step 3, document "),
        ("UPDATE verifiers SET unjudged = unjudged + 1 WHERE step = 2", "verifiers, step 2, verifier 'verifier', "),
        ("INSERT INTO events VALUES (2, 1, 'told', 'a tale\x1b[2J')", "events, step 2, agent 1, kind 'told': this "),
        ("DELETE FROM judgements WHERE rowid = 5", "judgements, step 1, "),
        ("DELETE FROM documents WHERE document = (SELECT max(document) FROM documents)", "documents, step 5, "),
    ],
)
def test_any_other_row_is_compared_too(copy, statement, says):
    folder = copy / "more" / "seed-001"
    sql(folder, statement)
    (verdict,) = verify(open_run(folder))
    assert verdict.faults[0].startswith(says), verdict
    assert str(verdict).isprintable()


@pytest.mark.parametrize(
    "statement, says",
    [
        ("DELETE FROM steps WHERE step = 2", "steps: step 2 is missing"),
        ("DELETE FROM steps WHERE step = 5", "steps: step 5 is missing"),
        ("INSERT INTO steps SELECT * FROM steps WHERE step = 2", "steps: step 2 stands there more than once"),
        ("UPDATE steps SET step = 3 WHERE step = 2", "steps: step 2 is missing"),
        ("DELETE FROM agents WHERE step = 4 AND agent = 1", "agents: step 4 must have one row for each of the 3"),
        ("UPDATE agents SET agent = 7 WHERE step = 4 AND agent = 1", "agents: step 4 must have one row"),
        ("UPDATE agents SET kind = 'ngram' WHERE agent = 1", "agents: model 1 must be small of kind categorical; got"),
        ("DELETE FROM pairs WHERE step = 0 AND agent = 1", "pairs: step 0 must have 6 rows; got 4"),
        ("UPDATE documents SET document = 3 WHERE document = 4", "documents: 1 of "),
        ("UPDATE judgements SET step = 9 WHERE rowid = 1", "judgements: holds a row of step 9; the last step is 5"),
        ("UPDATE agents SET within_diversity = 0.5 WHERE step = 4 AND agent = 1", "steps: within_diversity at step 4"),
    ],
)
def test_rows_that_do_not_go_together_are_found_in_the_files_alone(copy, statement, says):
    folder = copy / "base" / "seed-000"
    sql(folder, statement)
    (verdict,) = verify(open_run(folder), anew=False)
    assert verdict.faults[0].startswith(f"run.db: {says}"), verdict
    (verdict,) = verify(open_run(folder))
    assert not verdict.holds


def cut(file):
    file.write_bytes(file.read_bytes()[:-3000])


SPOILT = {
    "run.db: ": lambda f: cut(f / "run.db"),
    "run.db: is not there, though the run is complete": lambda f: (f / "run.db").unlink(),
    "scenario.yaml: its seed is 1; provenance.json says 0": lambda f: replaced(f / SCENARIO, "seed: 0", "seed: 1"),
    "scenario.yaml: its digest is ": lambda f: replaced(f / SCENARIO, "rate: 6", "rate: 7"),
    "humans.0.rate: must be ": lambda f: replaced(f / SCENARIO, "rate: 6", "rate: six"),
    "scenario.yaml: its seed is 0; provenance.json says 2": lambda f: replaced(f / TOLD, '"seed": 0', '"seed": 2'),
    "provenance.json: status must be one of": lambda f: replaced(f / TOLD, '"complete"', '"done"'),
    "provenance.json: was written by another version": lambda f: (f / TOLD).write_text("{}"),
    "provenance.json: lacks code": lambda f: replaced(f / TOLD, '"code"', '"cod"'),
    "provenance.json: not a JSON file": lambda f: (f / TOLD).write_text("{"),
    "(a list, not an object)": lambda f: (f / TOLD).write_text("[]"),
    "graph.graphml: no such file or directory": lambda f: (f / "graph.graphml").unlink(),
    "graph.graphml: must be whole and have a node for each of the 3 models": lambda f: cut(f / "graph.graphml"),
}
SCENARIO, TOLD = "scenario.yaml", "provenance.json"


@pytest.mark.parametrize("says", SPOILT)
def test_a_spoilt_file_is_found_in_the_files_alone(copy, says):
    folder = copy / "base" / "seed-000"
    SPOILT[says](folder)
    (verdict,) = verify(open_run(folder), anew=False)
    assert any(says in fault for fault in verdict.faults), verdict
    assert "\n" not in verdict.faults[0]
    (verdict,) = verify(open_run(folder))
    assert not verdict.holds


def test_a_run_that_cannot_be_read_does_not_hide_the_others(copy):
    (copy / "base" / "seed-001" / TOLD).write_text("{")
    verdicts = list(verify(open_run(copy), anew=False))
    assert [v.about for v in verdicts if v.holds] == ["base/seed-000", "more/seed-000", "more/seed-001"]
    assert verdicts[1].about == "base/seed-001"
    assert "not a JSON file" in verdicts[1].faults[0]


def test_another_graph_is_found(copy):
    replaced(copy / "base" / "seed-001" / "graph.graphml", 'source="0" target="1"', 'source="1" target="0"')
    (verdict,) = verify(open_run(copy / "base" / "seed-001"))
    assert verdict.faults == ("graph.graphml: is not the graph of this scenario and seed",)


def test_data_that_changed_or_went_are_named(tmp_path):
    folder = run(tiny(tmp_path), out=tmp_path / "out").folder
    (tmp_path / "links.csv").write_text("reader,author\n0,1\n1,2\n2,1\n0,2\n")
    (verdict,) = verify(open_run(folder))
    assert any(fault.startswith(f"data: {tmp_path / 'links.csv'} has changed since") for fault in verdict.faults)
    assert "graph.graphml: is not the graph of this scenario and seed" in verdict.faults
    (tmp_path / "links.csv").unlink()
    (verdict,) = verify(open_run(folder))
    assert f"data: {tmp_path / 'links.csv'} is not there any more" in verdict.faults
    assert verdict.faults[-1].startswith("cannot be made anew: ")


def test_what_lies_beside_the_runs_is_looked_at(copy):
    replaced(copy / "scenario.yaml", "rate: 6", "rate: 7")
    summary = copy / "summary.csv"
    first = summary.read_text().splitlines()[1]
    replaced(summary, first, first.replace("0.", "1.", 1))
    *_, beside = verify(open_run(copy), anew=False)
    assert beside.faults[0].startswith("scenario.yaml: is not the scenario of base/seed-000")
    shutil.copy(copy / "base" / "seed-000" / "scenario.yaml", copy / "scenario.yaml")
    *_, beside = verify(open_run(copy), anew=False)
    assert beside.faults[0].startswith("Unknown arm 'more' of tiny.")


def test_a_summary_of_other_numbers_is_found(copy):
    lines = (copy / "summary.csv").read_text().splitlines(keepends=True)
    fields = lines[3].split(",")
    fields[3] = repr(float(fields[3]) + 0.001)
    (copy / "summary.csv").write_text("".join([*lines[:3], ",".join(fields), *lines[4:]]))
    *_, beside = verify(open_run(copy), anew=False)
    assert beside.faults == ("summary.csv: does not say what the runs say; `ecosystem run` writes it anew",)


def test_the_first_steps_alone_are_compared_where_asked(copy):
    folder = copy / "base" / "seed-000"
    sql(folder, FLIPPED.format("pairs", "similarity"))
    (verdict,) = verify(open_run(folder), steps=3)
    assert verdict.holds
    assert verdict.says.startswith("equal: steps 0 to 2, ")
    (verdict,) = verify(open_run(folder), steps=4)
    assert verdict.faults[0].startswith("pairs, step 4, ")


def test_a_sample_of_runs_is_always_the_same_one(made):
    verdicts = list(verify(open_run(made), sample=2, anew=False))
    assert len(verdicts) == 3
    assert "2 of 4 runs looked at" in verdicts[-1].says
    assert [v.about for v in verdicts] == [v.about for v in verify(open_run(made), sample=2, anew=False)]
    assert drawn(range(5), 9) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("key, value", [("numpy", "1.0"), ("torch", None)])
def test_other_versions_are_named_and_equality_is_not_promised(copy, key, value):
    folder = copy / "base" / "seed-000"
    told = provenance.read(folder)
    now = told["versions"].pop(key)
    told["versions"] |= {} if value is None else {key: value}
    told["vectors"], told["blas"] = ["avx"], ["openblas Other"]
    provenance.write(folder, told)
    (verdict,) = verify(open_run(folder), steps=0)
    assert verdict.holds
    (note,) = verdict.notes
    assert note.startswith(f"equality is not promised: {key} {value or 'none'} then, {now} now; vectors avx then, ")
    assert "; blas openblas Other then, " in note


def test_a_run_that_did_not_end_is_compared_as_far_as_it_went(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "ends_badly.py").write_text(FAILING.format(step=4))
    (tmp_path / "ends_at_once.py").write_text(FAILING.format(step=0))
    for module, says in (("ends_badly", "equal: steps 0 to 2, "), ("ends_at_once", "nothing is recorded")):
        spec = tiny(tmp_path, metrics=["within_diversity", f"{module}:fails"], name=module)
        with pytest.raises(RunFailed):
            run(spec, out=tmp_path / "out")
        (verdict,) = verify(open_run(tmp_path / "out" / module / spec.digest / "base" / "seed-003"))
        assert verdict.holds, verdict
        assert verdict.says.startswith(says)
        assert "(the run is failed)" in verdict.says


@pytest.fixture(params=[1, 3], ids=lambda every: f"every {every}")
def stopped(tmp_path, monkeypatch, request):
    """A run that failed at step 5, or 6 where every third is recorded, and has kept its states of the two before."""
    every, step = request.param, {1: 5, 3: 6}[request.param]
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"ends_at_{step}.py").write_text(FAILING.format(step=step))
    spec = tiny(tmp_path, metrics=["within_diversity", f"ends_at_{step}:fails"], steps=9, record={"every": every})
    with pytest.raises(RunFailed):
        run(spec, out=tmp_path / "out", checkpoint=0)
    folder = tmp_path / "out" / "tiny" / spec.digest / "base" / "seed-003"
    names = [place.name for place in checkpoints.there(folder / "checkpoints")]
    assert names == [f"step-00000{step - 1}", f"step-00000{step - 2}"]
    return folder


def test_checkpoints_are_checked_by_their_sums(stopped):
    assert integrity.faults(open_run(stopped)) == []
    place = checkpoints.there(stopped / "checkpoints")[1]
    cut(place / "arrays.safetensors")
    (fault,) = integrity.faults(open_run(stopped))
    assert fault.startswith("checkpoints: ")
    assert f"{place.name}/arrays.safetensors is damaged: its checksum is another" in fault


def test_a_checkpoint_of_another_state_is_found_even_with_its_sums_set_right(stopped):
    (verdict,) = verify(open_run(stopped))
    assert verdict.holds, verdict
    place = checkpoints.there(stopped / "checkpoints")[0]
    weights = load_file(place / "arrays.safetensors")
    name = min(name for name in weights if weights[name].nbytes)
    weights[name].reshape(-1).view(np.uint8)[0] ^= 1  # one bit
    save_file(weights, place / "arrays.safetensors")
    sums = [
        f"{hashlib.sha256((place / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("arrays.safetensors", "state.json")
    ]
    (place / "checksums").write_text("".join(sums))
    assert integrity.faults(open_run(stopped)) == []
    (verdict,) = verify(open_run(stopped))
    assert verdict.faults == (f"checkpoints: {place.name} holds another state than is made anew: {name}",)


def test_a_run_that_was_killed_is_compared_as_far_as_it_went(copy):
    folder = copy / "base" / "seed-000"
    told = provenance.read(folder)
    provenance.write(folder, told | {"status": "running", "end": None})
    with sqlite3.connect(folder / "run.db") as db:
        for table in ("steps", "agents", "pairs", "documents", "judgements", "verifiers", "ledger", "events"):
            db.execute(f"DELETE FROM {table} WHERE step > 2")
    (verdict,) = verify(open_run(folder))
    assert verdict.holds, verdict
    assert verdict.says.startswith("equal: steps 0 to 2, ")
    assert "(the run is running)" in verdict.says


def test_nothing_is_left_behind_and_nothing_is_changed(copy, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    before = {path: path.read_bytes() for path in sorted(copy.rglob("*")) if path.is_file()}
    assert all(verdict.holds for verdict in verify(open_run(copy)))
    assert {path: path.read_bytes() for path in sorted(copy.rglob("*")) if path.is_file()} == before
    assert list((tmp_path / "scratch").iterdir()) == []


def test_cells_of_a_sweep_are_made_anew(tmp_path):
    spec = tiny(tmp_path, arms={}, record={})
    found = sweep(spec, grid({"humans.people.rate": [1, 6]}), seeds=2, at=[0, 3], out=tmp_path / "out")
    verdict = verify_sweep(found)
    assert verdict.holds, verdict
    assert verdict.says == "equal: 4 of 4 complete cells made anew"
    assert verify_sweep(found, sample=1).says == "equal: 1 of 4 complete cells made anew"
    with sqlite3.connect(found.folder / "sweep.db") as db:
        db.execute("UPDATE results SET within_diversity = within_diversity * (1 + 3e-16) WHERE point = 1 AND step = 3")
    faults = verify_sweep(open_sweep(found.folder)).faults
    assert faults[0] == "table.csv: does not say what sweep.db says; `ecosystem sweep` writes it anew"
    assert faults[1].startswith("point 1, seed 0, step 3, within_diversity: recorded 0.")
    assert len(faults) == 3
    told = json.loads((found.folder / "sweep.json").read_text())
    (found.folder / "sweep.json").write_text(json.dumps(told | {"scenario_digest": "0"}))
    assert verify_sweep(open_sweep(found.folder), anew=False).faults[0].startswith("scenario.yaml: its digest is ")


def test_the_command_says_it_in_lines_and_by_its_status(copy, capsys):
    assert main(["verify", str(copy), "--steps", "3", "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("base/seed-000: equal: steps 0 to 2, ")
    sql(copy / "more" / "seed-001", FLIPPED.format("agents", "within_diversity"))
    assert main(["verify", str(copy / "more"), "--quiet"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("more/seed-000: equal: ")
    assert lines[1].startswith("more/seed-001: DIFFERENT: agents, step 4, agent 0, ")
    assert main(["verify", str(copy), "--files", "--quiet"]) == 0


@pytest.mark.parametrize(
    "words, says",
    [
        (["nowhere"], "nowhere: no such folder."),
        (["{study}", "--device", "tpu"], "--device: must be cpu or cuda; got 'tpu'"),
    ],
)
def test_wrong_words_are_one_line_and_status_2(made, capsys, words, says):
    assert main(["verify", *(word.format(study=made) for word in words)]) == 2
    assert capsys.readouterr().err == says + "\n"
