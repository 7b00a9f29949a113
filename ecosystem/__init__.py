"""An instrument for ecosystems of generative models: many models that publish to, and train from, one web.

    from ecosystem import Scenario, Ecosystem, run, replicate, compare, open_run

Names are loaded when first used, so that the command line starts at once.
"""

from __future__ import annotations

import importlib

from ecosystem import kernel_cache

kernel_cache.use()

_HOME = {
    "Scenario": "scenario", "Ecosystem": "model", "Frame": "frame", "Event": "frame",
    "run": "runs.runner", "replicate": "runs.runner", "replicate_until": "runs.enough", "compare": "runs.runner",
    "open_run": "runs.opened",
    "sweep": "runs.sweep", "open_sweep": "runs.sweep",
    "Learner": "interfaces", "HumanSource": "interfaces", "Writer": "interfaces", "Atoms": "interfaces",
    "Moments": "interfaces", "Modes": "interfaces", "Params": "interfaces", "defined_for": "interfaces",
    "Diverged": "interfaces", "Judge": "interfaces",
    "Verifier": "verifier", "Submitted": "verifier", "Sight": "verifier",
    "Policy": "policy", "Controls": "policy", "Outlook": "policy",
    "DocumentShape": "documents", "Documents": "documents", "Corpus": "corpus",
    "Streams": "streams", "Draws": "streams", "law": "theory", "NoLaw": "theory",
}  # fmt: skip

__version__ = "0.1.0"
__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'ecosystem' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ecosystem.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
