"""Does a scenario fit a world? What can only be told once human writing is open and its kind of document known."""

from __future__ import annotations

import os

import numpy as np

from ecosystem import metrics
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.interfaces import Writer
from ecosystem.metrics.collapse import definition, metric_of
from ecosystem.scenario import Scenario


class WorldError(InputError):
    """A scenario that fits no world: says which key and why."""


def check(spec: Scenario, writers: list[Writer]) -> None:
    """WorldError where communities, learners, measures and the world's documents do not go together."""
    shape = writers[0].shape
    for community, writer in zip(spec.humans, writers, strict=True):
        if writer.shape != shape:
            raise WorldError(
                f"humans.{community.name}.writes: every community writes documents of one shape, {shape}; "
                f"got {writer.shape}."
            )
    for group in spec.models:
        if shape.kind not in group.learner.reads:
            raise WorldError(
                f"models.{group.name}: a {type(group.learner).__name__} reads {', '.join(group.learner.reads)}; "
                f"this world writes {shape.kind}."
            )
    _check_metrics(spec, shape)
    _check_memory(spec, shape)


def _check_memory(spec: Scenario, shape: DocumentShape) -> None:
    """A lower bound of what a step holds, diets and what is published, against the machine's memory."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not told by this system
        return
    document = shape.empty(1).nbytes
    for group in spec.models:
        read = max(group.pretraining, 0 if group.read == "all" else int(group.read))
        needed = group.count * (read * (document + 8) + group.publish * (document + 12))
        if needed > there:
            raise WorldError(
                f"models.{group.name}: {group.count:,} models reading {read:,} and writing {group.publish:,} documents "
                f"need at least {needed / 2**30:,.0f} GiB of memory; this machine has {there / 2**30:,.0f} GiB."
            )


def _check_metrics(spec: Scenario, shape: DocumentShape) -> None:
    looked_at = [] if spec.collapse is None else [metric_of(spec.collapse)]
    communities = [c.name for c in spec.humans]
    for name in [*spec.metrics, *looked_at]:
        kinds, community = metrics.kinds(name), name.partition("@")[2]
        if kinds is not None and shape.kind not in kinds:
            raise WorldError(
                f"metrics: {name!r} is defined for {', '.join(kinds)}; this world writes {shape.kind}."
            )
        if community and community not in communities:
            raise WorldError(f"metrics: {name!r}: the communities are {', '.join(communities)}.")
    if "collapsed" in spec.metrics and spec.collapse is None:
        raise WorldError("metrics: 'collapsed' needs a definition; add collapse: {definition: tail} or another.")


def check_start(spec: Scenario, first: np.ndarray | float) -> None:
    """WorldError where a definition of collapse has nothing to start from at step 0 (`first`: its metric then)."""
    if spec.collapse is None or np.isfinite(first).all():
        return
    rule = definition(spec.collapse)
    raise WorldError(
        f"collapse: {spec.collapse.definition or rule.metric!r} compares {rule.metric}, which is not finite for "
        f"{int((~np.isfinite(first)).sum())} of {spec.agents} models at step 0 (who cannot write all that humans write "
        "diverges from them without bound); choose another definition, such as tail, or a learner that smooths."
    )
