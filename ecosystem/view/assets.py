"""Has the page everything it needs on this machine? Solara would fetch what it lacks from the net, or stay blank."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

NEEDED = ("solara", "ipyvue", "ipyvuetify", "altair")  # altair: mesa.visualization imports it
INSTALL = "pip install 'model-ecosystem[viz]'"


def problem() -> str | None:
    """What is missing for the page and how to mend it, in one sentence; None: nothing is."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return f"The page needs {', '.join(missing)}; install with: {INSTALL}."
    for name in ("ipyvue", "ipyvuetify"):
        version = importlib.metadata.version(name)
        if int(version.split(".")[0]) >= 3:
            return f"Mesa's controls need {name} below 3 and {version} is installed; install with: {INSTALL}."
    folder, files = asset_folder(), asset_files()
    absent = [name for name in files if not (folder / name).is_file()]
    if absent:
        return f"The page's own files are not all here ({absent[0]} is not in {folder}); install with: {INSTALL}."
    return None


def asset_folder() -> Path:
    """Where Solara looks for what a page loads."""
    return Path(sys.prefix) / "share" / "solara" / "cdn"


def asset_files() -> list[str]:
    """Files, by their names in that folder, that the installed Solara's page loads first."""
    spec = importlib.util.find_spec("solara.server")
    assert spec is not None
    assert spec.submodule_search_locations
    page = Path(spec.submodule_search_locations[0]) / "templates" / "solara.html.j2"
    text = page.read_text(encoding="utf-8")
    bundle = re.search(r"\{\{cdn\}\}/(@widgetti/solara-vuetify-app@[\d.]+)/dist/", text)
    loader = re.search(r"\{\{cdn\}\}/(requirejs@[\d.]+/require\.js)", text)
    major = importlib.metadata.version("ipywidgets").split(".")[0]
    if bundle is None or loader is None:
        return []
    names = f"main{major}.css", "fonts.css", f"solara-vuetify-app{major}.min.js"
    return [*(f"{bundle[1]}/dist/{name}" for name in names), loader[1]]
