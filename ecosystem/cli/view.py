"""The commands about looking: view, doctor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ecosystem.cli.options import Arms, Seed
from ecosystem.errors import InputError


def view(
    target: Annotated[
        str, typer.Argument(metavar="[NAME|FILE|RUN]", help="A scenario by name or file, or a run's folder.")
    ] = "baseline",
    arm: Arms = None,
    seed: Seed = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, metavar="N", help="Default: a free one.")] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="This machine alone unless given.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,
) -> int:
    """Opens a page: of a scenario to play with, or of a recorded run to play back.

    A recorded run becomes one file, replay.html in its folder, which needs neither a server nor a network.
    """
    if Path(target).is_dir():
        return _replay(target, arm or [], seed, browser)
    if arm or seed is not None:
        raise InputError("--arm and --seed: go with the folder of a run; a live page has its own controls for them.")
    from ecosystem.scenario import Scenario
    from ecosystem.view import launch

    Scenario.from_file(target)  # wrong input is told before a server starts
    launch.show(_named(target), host, port, browser)
    return 0


def doctor() -> int:
    """Says what is installed and what is missing; 1 where something is."""
    import importlib.metadata
    import platform

    from ecosystem.view import assets

    print(f"Python {platform.python_version()} at {sys.executable}")
    for name in ("mesa", "torch", "transformers", "networkx", "numpy", "pandas", "numba"):
        print(f"{name} {importlib.metadata.version(name)}")
    wrong = assets.problem()
    print(wrong or f"The page: all of it is on this machine ({assets.asset_folder()}).")
    return int(wrong is not None)


def _replay(folder: str, arms: list[str], seed: int | None, browser: bool) -> int:
    import webbrowser

    from ecosystem.view import replay

    path = replay.write(folder, arms, seed)
    print(path)
    if browser:
        webbrowser.open(path.absolute().as_uri())
    return 0


def _named(target: str) -> str:
    """A file by its whole path, so that the server finds it wherever it runs."""
    return str(Path(target).absolute()) if Path(target).is_file() else target
