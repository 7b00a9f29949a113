"""Every page of docs/ and the README works as it stands: files are written, Python and commands are run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """How every page fares, as futures: most of the time is commands that start, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {page: pool.submit(followed, page, tmp_path_factory.mktemp(page.stem)) for page in PAGES}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_page_works_as_it_stands(page, outcomes):
    if page.name == "clusters.md":
        pytest.importorskip("ray", reason="the extra [scale] is not installed")
    assert outcomes[page].result() > 0


def followed(page: Path, folder: Path) -> int:
    """Does what a page says, in order; how many things it says to do (one at least)."""
    done = 0
    for language, title, body in BLOCK.findall(page.read_text()):
        if title:
            (folder / title).write_text(body)
        elif language == "python":
            work(folder, sys.executable, "-c", body)
        elif language == "sh":
            for line in body.replace("\\\n", " ").splitlines():
                if line.startswith("ecosystem "):
                    run = f'"{sys.executable}" -m ecosystem "$@"'
                    work(folder, "bash", "-c", f"set -e; ecosystem() {{ {run}; }}; {line}")
        else:
            continue
        done += 1
    return done


def work(folder: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
