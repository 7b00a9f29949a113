"""Is this installation whole? The package name `agents` is also taken by the distribution openai-agents.

Depending on how both were installed, theirs hides ours or overwrites it, and neither pip nor Python says a word. So the
place of `agents` and a marker line in it are looked at, without importing anything.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARKER = "marker: model-ecosystem agents"
REMEDY = (
    "Another distribution, probably openai-agents, installs a package of that name. Install this project from its "
    "checkout into an environment of its own (`make run` does) or `pip uninstall openai-agents`, then install it anew."
)


def problem(root: Path = ROOT) -> str | None:
    """What is wrong with the installation and how to mend it, in one line; None when all is well."""
    ours = root / "agents" / "__init__.py"
    if not ours.is_file() or MARKER not in ours.read_text(encoding="utf-8", errors="replace"):
        return f"{ours.parent} is not the package `agents` of this project. {REMEDY}"
    if not (root / "scenarios").is_dir():
        return f"The folder `scenarios` does not lie beside {root / 'ecosystem'}; install this project anew."
    spec = importlib.util.find_spec("agents")
    if spec is None or spec.origin is None or Path(spec.origin).resolve() != ours.resolve():
        found = spec.origin if spec is not None else "nothing"
        return f"`agents` must be {ours}. Python finds {found} instead. {REMEDY}"
    return None
