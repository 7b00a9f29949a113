"""Provenance says all that a run rests on, and what a run folder holds makes the same numbers again, from anywhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from ecosystem.cli import main
from ecosystem.runs import computer
from ecosystem.runs.computer import blas, vectors
from ecosystem.runs.opened import open_run
from ecosystem.runs.record import COLUMNS

ROOT = Path(__file__).resolve().parent.parent
ITEMS = """\
name: items
steps: 3
seed: 5
metrics: [within_diversity, human_share_read, depth]
world: {kind: zipf, items: 20}
humans: [{rate: 6}]
models: [{name: m, count: 3, publish: 7, read: 9, learner: {kind: categorical}}]
graph: {kind: file, path: data/links.csv}
verifiers: [{kind: detector, false_positive_rate: 0.1, false_negative_rate: 0.2}]
record: {documents: 0.5}
"""
TEXTS = """\
name: texts
steps: 2
metrics: [within_diversity, human_divergence]
world: {kind: text, path: data/people.txt, tokenizer: {kind: word}, length: 8}
humans: [{rate: 6}]
models: [{name: m, count: 2, publish: 4, read: 6, learner: {kind: ngram}}]
measure: {prompts: {path: data/prompts.txt, count: 2, answers: 2, every: 1}}
record: {documents: all}
arms: {other: {world.path: data/others.txt}}
"""
VECTORS = """\
name: vectors
steps: 2
metrics: [within_diversity, between_similarity]
world: {kind: gaussian}
humans: [{rate: 6}]
models: [{name: m, count: 3, publish: 7, read: 9, learner: {kind: vae, updates: 4}}]
policies: [{kind: human_floor, floor: 0.5}]
record: {pairs: true}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with scenarios whose data lie beside them, under relative paths."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "links.csv").write_text("reader,author\n0,1\n1,2\n2,0\n0,2\n")
    pairs = [(a, b) for a in ("cat", "dog", "owl") for b in ("man", "fox")]
    lines = [f"the {a} sees a {b} and {a} tells the {b} of it .\n\n" for a, b in pairs]
    (folder / "data" / "people.txt").write_text("".join(lines * 4))
    (folder / "data" / "others.txt").write_text("".join(line.replace("sees", "hears") for line in lines * 4))
    (folder / "data" / "prompts.txt").write_text("the cat\nthe dog\n")
    for text in (ITEMS, TEXTS, VECTORS):
        (folder / f"{text.split()[1]}.yaml").write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


@pytest.mark.parametrize("name, arm", [("items", "base"), ("texts", "base"), ("texts", "other"), ("vectors", "base")])
def test_the_scenario_of_a_run_folder_gives_the_same_numbers_from_anywhere(project, tmp_path, monkeypatch, name, arm):
    assert main(["run", str(project / f"{name}.yaml"), "--out", str(tmp_path / "first"), "--quiet"]) == 0
    (first,) = (tmp_path / "first" / name).glob(f"*/{arm}/seed-*")
    monkeypatch.chdir(first)  # where no relative path of the scenario leads to its data
    assert main(["run", "scenario.yaml", "--out", str(tmp_path / "again"), "--quiet"]) == 0
    (again,) = (tmp_path / "again" / name).glob("*/base/seed-*")
    for table in COLUMNS:
        one, other = open_run(first).frame(table), open_run(again).frame(table)
        assert one.equals(other), table
    assert len(open_run(again).steps) > 2


def test_provenance_names_all_that_the_numbers_rest_on(project, tmp_path):
    words = [sys.executable, "-m", "ecosystem", "run", "items.yaml", "--out", str(tmp_path / "out"), "--quiet"]
    chosen = {"OPENBLAS_CORETYPE": "Haswell"} if "openblas" in blas()[0] and "avx2" in vectors() else {}
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", **chosen}
    subprocess.run(words, cwd=project, check=True, env=environment, capture_output=True)
    (folder,) = (tmp_path / "out" / "items").glob("*/base/seed-005")
    run = open_run(folder)
    told = run.provenance
    assert told["scenario_digest"] == run.spec.digest == folder.parent.parent.name
    assert (told["seed"], told["threads"] >= 1, told["thread_settings"]) == (5, True, {"OMP_NUM_THREADS": "1"})
    assert told["command"] == f"ecosystem run items.yaml --out {tmp_path / 'out'} --quiet"
    assert told["kernel_settings"] == chosen
    assert told["blas"] == ["openblas Haswell"] if chosen else told["blas"]
    assert told["processor"]
    assert told["device_name"] == told["processor"]
    links = project / "data" / "links.csv"
    digest = hashlib.sha256(links.read_bytes()).hexdigest()
    assert told["data"] == [{"path": str(links), "bytes": links.stat().st_size, "sha256": digest}]
    if (ROOT / ".git").exists():
        words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        assert told["git"]["commit"] == subprocess.run(words, capture_output=True, text=True).stdout.strip()


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e", *words], check=True)


def test_a_checkout_says_whether_its_sources_are_those_of_the_commit(tmp_path, monkeypatch):
    assert computer.commit(tmp_path) is None
    computer.commit.cache_clear()
    (tmp_path / "ecosystem").mkdir()
    (tmp_path / "ecosystem" / "a.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "notes.txt").write_text("of no matter to any number")
    monkeypatch.setenv("GIT_DIR", str(ROOT / ".git"))  # as in a hook of another repository
    clean = computer.commit(tmp_path)
    computer.commit.cache_clear()
    assert clean["changed"] is False
    (tmp_path / "ecosystem" / "new.py").write_text("2\n")
    assert computer.commit(tmp_path) == clean | {"changed": True}
    computer.commit.cache_clear()
