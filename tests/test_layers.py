"""Imports point one way, ecosystem <- agents <- scenarios, and the command line starts without heavy libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {"ecosystem": {"agents", "scenarios", "tests"}, "agents": {"scenarios", "tests"}}
HEAVY = ("torch", "mesa", "matplotlib", "numba", "pandas", "transformers")


def sources(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def imported(path: Path) -> list[str]:
    """Full names of what a file imports, wherever in it, `*` included; relative names are resolved."""
    names = []
    here = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) + 1 - node.level] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            names += [f"{module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package):
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in sources(package)
        for name in imported(path)
        if name.split(".")[0] in FORBIDDEN[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["ecosystem", "agents"])
def test_nothing_is_imported_by_wildcard(package):
    assert [str(path) for path in sources(package) for name in imported(path) if name.endswith(".*")] == []


@pytest.mark.parametrize("text", ["import agents.humans.zipf", "def f():\n    from agents import humans as h"])
def test_an_import_against_the_layers_would_be_seen(tmp_path, monkeypatch, text):
    """Negative control of the two tests above."""
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "ecosystem").mkdir()
    (tmp_path / "ecosystem" / "bad.py").write_text(text)
    with pytest.raises(AssertionError, match=r"bad\.py"):
        test_imports_point_one_way("ecosystem")


def test_scenarios_hold_no_logic():
    folder = ROOT / "scenarios"
    assert [path.name for path in folder.rglob("*.py") if path.name != "__init__.py"] == []


@pytest.mark.parametrize("module", ["ecosystem", "ecosystem.cli"])
def test_the_command_line_starts_without_heavy_libraries(module):
    says = f"import {module}, sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
