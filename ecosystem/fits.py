"""Does a scenario fit a world? What can only be told once human writing is open and its kind of document known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ecosystem import memory, metrics
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError, suggestion
from ecosystem.interfaces import Writer
from ecosystem.metrics.collapse import definition, metric_of
from ecosystem.policy import WHOM
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams
from ecosystem.text import encoders, prompts
from ecosystem.travel import understands

Needs = Callable[[Scenario, DocumentShape], list[memory.Need]]


class WorldError(InputError):
    """A scenario that fits no world: says which key and why."""


def check(spec: Scenario, writers: list[Writer], needs: Needs = memory.needs) -> None:
    """WorldError where communities, learners, measures and the world's documents do not go together; TooLarge where
    this machine cannot hold what `needs` says."""
    shape = writers[0].shape
    for community, writer in zip(spec.humans, writers, strict=True):
        if writer.shape != shape:
            raise WorldError(
                f"humans.{community.name}.writes: every community writes documents of one shape, {shape}; "
                f"got {writer.shape}."
            )
    for group in spec.models:
        if not understands(group.learner, shape):
            foreign = " that stand for no text" if shape.kind == "tokens" else ""
            raise WorldError(
                f"models.{group.name}: a {type(group.learner).__name__} reads {', '.join(group.learner.reads)}; "
                f"this world writes {shape.kind}{foreign}."
            )
        if group.questions is not None and shape.grammar is None:
            owner = f"models.{group.name}.questions"
            raise WorldError(f"{owner}: goes with worlds of facts; this world writes {shape.kind}.")
    _check_metrics(spec, shape)
    _check_prompts(spec, writers)
    encoders.check(spec.measure.encoder)
    _check_verifiers(spec, shape)
    _check_policies(spec, writers)
    memory.check(needs(spec, shape))
    memory.check_people(spec, shape)


def _check_metrics(spec: Scenario, shape: DocumentShape) -> None:
    looked_at = [] if spec.collapse is None else [metric_of(spec.collapse)]
    known = {"community": [c.name for c in spec.humans], "verifier": [v.name for v in spec.verifiers]}
    for name in [*spec.metrics, *looked_at]:
        kinds, one, key = (
            metrics.kinds(name),
            name.partition("@")[2],
            metrics.of_whom(metrics.find(name.partition("@")[0])),
        )
        if kinds is not None and not {*shape.kinds} & {*kinds}:
            raise WorldError(f"metrics: {name!r} is defined for {', '.join(kinds)}; this world writes {shape.kind}.")
        if one and key is not None and one not in known[key]:
            raise WorldError(f"metrics: {name!r}: after @ stands a {key}: {', '.join(known[key]) or 'there is none'}.")
    needing = [name for name in spec.metrics if name == "collapsed" or metrics.follows(name) == "collapse"]
    if needing and spec.collapse is None:
        raise WorldError(f"metrics: {needing[0]!r} needs a definition; add collapse: {{definition: tail}} or another.")


def _check_verifiers(spec: Scenario, shape: DocumentShape) -> None:
    for verifier in spec.verifiers:
        if not {*shape.kinds} & {*verifier.reads}:
            owner, kinds = f"verifiers.{verifier.name}: a {type(verifier).__name__}", ", ".join(verifier.reads)
            raise WorldError(f"{owner} judges {kinds}; this world writes {shape.kind}.")
        wrong = verifier.misfit(shape)
        if wrong is not None:
            raise WorldError(f"verifiers.{verifier.name}.{wrong}.")


def _check_policies(spec: Scenario, writers: list[Writer]) -> None:
    communities = [c.name for c in spec.humans]
    there = {"communities": communities, "groups": [g.name for g in spec.models]}
    there["verifiers"] = [v.name for v in spec.verifiers]
    for policy in spec.policies:
        owner, named = f"policies.{policy.name}", policy.names()
        for control, names in named.items():
            whom, known = WHOM[control], there[WHOM[control]]
            for name in names:
                if name not in known:
                    has, hint = ", ".join(known) or "there is none", suggestion(name, known)
                    raise WorldError(f"{owner}: {control}: must name one of the {whom}: {has}. Got {name!r}.{hint}")
        for name in named.get("rare", ()):
            if not _knows_what_is_rare(writers[communities.index(name)]):
                why = "how probable its documents are is not known; none can be rare"
                raise WorldError(f"{owner}: humans.{name}: {why}.")
        for metric in policy.needs:
            if metric not in spec.metrics:
                hint = suggestion(metric, list(spec.metrics))
                raise WorldError(f"{owner}: reads {metric!r}, which must be one of the scenario's metrics.{hint}")
        if (wrong := policy.misfit(spec)) is not None:
            raise WorldError(f"{owner}: {wrong}.")


def _knows_what_is_rare(writer: Writer) -> bool:
    if writer.documents is not None:  # dealt out, not written
        return False
    return writer.log_prob(writer.sample(1, Streams(0).rows("rare", 0, 1))[0]) is not None


def _check_prompts(spec: Scenario, writers: list[Writer]) -> None:
    shape = writers[0].shape
    if spec.measure.prompts is None:
        asking = [name for name in spec.metrics if metrics.asks(name)]
        if asking:
            raise WorldError(f"metrics: {asking[0]!r} needs prompts; add measure: {{prompts: {{count: 20}}}}.")
        return
    if shape.kind != "tokens" or shape.grammar is not None:
        written = shape.kinds[-1]
        raise WorldError(f"measure.prompts: goes with worlds that write text; this world writes {written}.")
    for group in spec.models:
        if not group.learner.answers:
            kind = type(group.learner).__name__
            raise WorldError(f"measure.prompts: models.{group.name}: a {kind} does not answer prompts; leave them out.")
    prompts.opened(spec.measure.prompts, writers)


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
