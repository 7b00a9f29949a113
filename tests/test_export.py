"""Tables written out: the same rows to the last digit in every format, whole files or none, from any state of a run."""

from __future__ import annotations

import csv
import importlib.util
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.runs import export as exported
from ecosystem.runs import provenance
from ecosystem.runs.opened import open_run
from ecosystem.runs.runner import replicate, run
from ecosystem.runs.sweep import sweep
from ecosystem.runs.sweep_design import grid

ODD = 'two\nlines, a "quote", =1+1 and \x07'


def tiny(**more):
    plain = {
        "name": "tiny",
        "steps": 3,
        "metrics": ["within_diversity", "between_similarity", "human_share_read"],
        "world": {"kind": "zipf", "items": 20},
        "humans": [{"name": "people", "rate": 6}],
        "models": [{"name": "small", "count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
        "record": {"pairs": True, "documents": "all"},
    }
    return read(plain | more)


def wrong(row, columns, frame, i):
    """The columns of a CSV row that do not say, to the last digit, what a frame's row i says."""
    return [name for name, text in zip(columns, row, strict=True) if not says(text, frame[name][i])]


def says(text, value):
    if pd.isna(value):
        return text == ""
    return text == value if isinstance(value, str) else float(text) == value


def rows_of(file: Path) -> tuple[list[str], list[list[str]]]:
    with file.open(newline="", encoding="utf-8") as opened:
        columns, *rows = csv.reader(opened)
    return columns, rows


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two arms of different metrics, two seeds; an event with a text that is awkward to write."""
    spec = tiny(arms={"other": {"humans.people.rate": 1, "metrics": ["within_diversity", "tail_coverage"]}})
    made = replicate(spec, 2, arms=("base", "other"), out=tmp_path_factory.mktemp("out"))
    with sqlite3.connect(made.folder / "base" / "seed-001" / "run.db") as db:
        db.execute("INSERT INTO events VALUES (2, 1, 'told', ?)", (ODD,))
        db.execute("UPDATE agents SET within_diversity = NULL WHERE step = 2 AND agent = 1")
    return open_run(made.folder)


def test_csv_has_every_row_of_every_table_to_the_last_digit(study, tmp_path):
    files = study.export("csv", tmp_path / "out")
    assert [f.name for f in files] == [f"{t}.csv" for t in ("steps", "agents", "pairs", "documents", "events")]
    for file in files:
        columns, rows = rows_of(file)
        frame = study.frame(file.stem)
        assert (columns, len(rows)) == (list(frame.columns), len(frame))
        assert [wrong(row, columns, frame, i) for i, row in enumerate(rows) if wrong(row, columns, frame, i)] == []
    columns, rows = rows_of(files[-1])
    assert [row[columns.index("detail")] for row in rows] == [ODD]


def test_a_digit_less_would_be_seen(study, tmp_path):
    """Negative control of the test above: a value written to fifteen digits is not the value."""
    frame = study.frame("steps")
    row = ["" if pd.isna(frame[name][1]) else str(frame[name][1]) for name in frame.columns]
    assert wrong(row, list(frame.columns), frame, 1) == []
    row[3] = f"{frame.within_diversity[1]:.15g}"
    assert wrong(row, list(frame.columns), frame, 1) == ["within_diversity"]


def test_parquet_reads_back_as_the_frames(study, tmp_path):
    pytest.importorskip("pyarrow")
    for file in study.export("parquet", tmp_path):
        frame = study.frame(file.stem)
        found = pd.read_parquet(file)
        assert list(found.columns) == list(frame.columns)
        for name in frame.columns:
            assert [None if pd.isna(v) else v for v in found[name]] == [None if pd.isna(v) else v for v in frame[name]]


def test_netcdf_reads_back_as_the_labelled_arrays(study, tmp_path):
    xr = pytest.importorskip("xarray")
    files = {file.stem: file for file in study.export("netcdf", tmp_path)}
    assert sorted(files) == ["documents", "events", "metrics", "pairs"]
    with xr.open_dataset(files["metrics"], engine="scipy") as found:
        assert found.attrs["scenario_digest"] == study.spec.digest
        found = found.load()
    expected = study.to_xarray()
    assert set(found) == set(expected)
    for name in expected:
        xr.testing.assert_equal(found[name].astype(expected[name].dtype), expected[name])
    with xr.open_dataset(files["events"], engine="scipy") as events:
        assert events["detail"].values.tolist() == [ODD]


def test_a_number_that_netcdf_cannot_hold_is_not_rounded(tmp_path):
    pytest.importorskip("xarray")
    made = run(tiny(steps=1), seed=2**40 + 1, out=tmp_path)
    study = open_run(made.folder.parent.parent)
    study.export("netcdf", tmp_path / "fits")
    import xarray as xr

    with xr.open_dataset(tmp_path / "fits" / "metrics.nc", engine="scipy") as found:
        assert found["seed"].values.tolist() == [float(2**40 + 1)]
    made = run(tiny(steps=1), seed=2**60 + 1, out=tmp_path / "more")
    with pytest.raises(InputError, match=r"netcdf: seed holds whole numbers above 2\^53; choose parquet or csv"):
        open_run(made.folder.parent.parent).export("netcdf")
    assert list((made.folder.parent.parent / "export").iterdir()) == []


def test_one_run_is_exported_without_labels_into_its_own_folder(study):
    one = open_run(study.folder / "other" / "seed-000")
    files = one.export("csv")
    assert files[0] == one.folder / "export" / "steps.csv"
    assert rows_of(files[0])[0] == ["step", "within_diversity", "tail_coverage"]
    assert open_run(study.folder).steps.equals(study.steps)  # the new folder is taken for no run


def test_tables_of_a_run_that_goes_on_end_at_the_same_step(tmp_path):
    made = run(tiny(), out=tmp_path)
    told = provenance.read(made.folder)
    provenance.write(made.folder, told | {"status": "running", "end": None})
    with sqlite3.connect(made.folder / "run.db") as db:  # as if the last step had come after the first table was read
        db.execute("DELETE FROM steps WHERE step = 3")
    for file in open_run(made.folder).export("csv", tmp_path / "out"):
        columns, rows = rows_of(file)
        assert max(int(row[columns.index("step")]) for row in rows) == 2


def test_a_sweep_is_one_table(tmp_path):
    found = sweep(tiny(), grid({"humans.people.rate": [1, 6]}), seeds=2, out=tmp_path)
    (file,) = exported.export(found, "csv", tmp_path / "out")
    columns, rows = rows_of(file)
    assert columns[:3] == ["point", "humans.people.rate", "seed"]
    assert [float(row[columns.index("within_diversity")]) for row in rows] == found.table["within_diversity"].tolist()


def test_what_stops_a_file_leaves_the_old_one(study, tmp_path, monkeypatch):
    file = study.export("csv", tmp_path)[0]
    before = file.read_bytes()

    def broken(path, table):
        path.write_text("half a ta")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exported, "_csv", broken)
    with pytest.raises(provenance.OutputError, match="No space left on device"):
        study.export("csv", tmp_path)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("kind, library", [("parquet", "pyarrow"), ("netcdf", "xarray")])
def test_a_missing_library_is_one_line(study, tmp_path, monkeypatch, capsys, kind, library):
    found = importlib.util.find_spec
    hidden = lambda name, *more: None if name == library else found(name, *more)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    assert main(["export", str(study.folder), "--format", kind, "--to", str(tmp_path / "x")]) == 2
    told = capsys.readouterr()
    assert told.err == f"{library} is not installed; install it with: pip install 'model-ecosystem[data]'\n"
    assert not (tmp_path / "x").exists()


def test_the_command_prints_the_files(study, tmp_path, capsys):
    assert main(["export", str(study.folder), "--format", "csv", "--to", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "steps.csv")
    assert all(Path(line).is_file() for line in lines)


@pytest.mark.parametrize(
    "words, says",
    [
        (["nowhere"], "nowhere: no such folder."),
        (
            ["{study}", "--format", "parqet"],
            "--format: must be one of parquet, csv, netcdf, transformers; got 'parqet' (did you mean 'parquet'?)",
        ),
    ],
)
def test_wrong_words_are_one_line_and_status_2(study, capsys, words, says):
    assert main(["export", *(word.format(study=study.folder) for word in words)]) == 2
    assert capsys.readouterr().err == says + "\n"


def test_a_folder_that_cannot_be_written_is_status_1(study, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["export", str(study.folder), "--format", "csv", "--to", str(tmp_path / "file" / "in")]) == 1
    assert "cannot be written" in capsys.readouterr().err
