"""Every page of docs/ and the README works as it stands: files are written, Python and commands are run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_page_works_as_it_stands(page, tmp_path):
    for language, title, body in BLOCK.findall(page.read_text()):
        if title:
            (tmp_path / title).write_text(body)
        elif language == "python":
            work(tmp_path, sys.executable, "-c", body)
        elif language == "sh":
            for line in body.replace("\\\n", " ").splitlines():
                if line.startswith("ecosystem "):
                    work(
                        tmp_path,
                        "bash",
                        "-c",
                        f'set -e; ecosystem() {{ "{sys.executable}" -m ecosystem "$@"; }}; {line}',
                    )


def work(folder: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
