"""What tests share: real data where it is, and small worlds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real texts and networks: $ECOSYSTEM_DATA, or ../shared/data beside this checkout."""
    folder = Path(os.environ.get("ECOSYSTEM_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "networks").is_dir():
        pytest.skip(f"no real data at {folder}; set ECOSYSTEM_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    """Every test begins on one thread of the processor, wherever the one before computed."""
    from ecosystem import machine

    machine.use(machine.Machine())


@pytest.fixture
def small_world() -> Callable:
    """Makes a small scenario of categorical models; every part can be given."""
    from agents.humans.zipf import Zipf
    from agents.learners.categorical import Categorical
    from ecosystem.scenario import Community, Graph, Group, Scenario

    def made(**parts) -> Scenario:
        group = Group(name="models", count=5, publish=7, read=9, learner=Categorical())
        given = dict(
            world=Zipf(items=20), humans=(Community(rate=6),), models=(group,), steps=4,
            graph=Graph(kind="ring", self_loops=True), metrics=("within_diversity", "human_share_read", "depth"),
        )  # fmt: skip
        return Scenario(**(given | parts))

    return made

@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard():
    """A shell may have its background jobs ignore Ctrl-C, and their children with them; tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
