"""How far one claim has got: the claim of a community that says nothing else (`Writer.told`), a rumour.

`name@community` where several communities have only one thing to say. True rumours are measured just so.

Letters: N models, F facts, M documents, C claims of a document.
"""

from __future__ import annotations

import numpy as np

from ecosystem.documents import Documents
from ecosystem.interfaces import defined_for
from ecosystem.metrics import MetricError


@defined_for("claims")
def rumour_reach(world, community: str | None = None) -> np.ndarray:
    """(N,) 1 where a model believes the claim: its value is the one that the model finds most probable, else 0."""
    fact, slot = _told(world, community)
    slot_NF, _ = world.readout.recalled
    return (slot_NF[:, fact] == slot).astype(float)


@defined_for("claims")
def rumour_documents(world, community: str | None = None) -> float:
    """Documents on the readable web that state it."""
    return float(len(_stating(world, community)))


@defined_for("claims")
def rumour_share(world, community: str | None = None) -> float:
    """Share of the readable claims on its subject and relation that state it; NaN where there are none."""
    fact, slot = _told(world, community)
    read = world.shape.grammar.read(_readable(world).content)
    about = read.fact == fact
    return float((read.slot[about] == slot).mean()) if about.any() else float("nan")


@defined_for("claims")
def rumour_authors(world, community: str | None = None) -> np.ndarray:
    """(N,) 1 for models of whom the readable web has a document that states it, else 0."""
    source = _stating(world, community).source
    return np.isin(np.arange(world.n), source).astype(float)


@defined_for("claims")
def rumour_generations(world, community: str | None = None) -> float:
    """Longest chain of documents, each with the claim from the one before (`Documents.parent`); 0: there is none.

    As far as the web remembers: a parent that is no longer kept ends a chain.
    """
    stating = _stating(world, community)
    generation: dict[int, int] = {}
    for document, parent in zip(stating.document.tolist(), stating.parent.tolist(), strict=True):
        generation[document] = generation.get(parent, 0) + 1  # parents come before
    return float(max(generation.values(), default=0))


def _told(world, community: str | None) -> tuple[int, int]:
    """Fact and slot of the rumour."""
    told = {c.name: writer.told for c, writer in zip(world.spec.humans, world.writers, strict=True)}
    asked = [name for name, claim in told.items() if claim is not None] if community is None else [community]
    if len(asked) != 1 or told[asked[0]] is None:
        raise MetricError(
            f"rumour: needs one community that makes one claim only (writes: {{only: [subject, relation], error: 1, "
            f"misled: 1}}); name it after an @ where there are several. Got {', '.join(asked) or 'none'}."
        )
    return told[asked[0]]


def _stating(world, community: str | None) -> Documents:
    """The readable documents that state the rumour, in the order of their numbers."""
    fact, slot = _told(world, community)
    readable = _readable(world)
    read = world.shape.grammar.read(readable.content)
    return readable.take(((read.fact == fact) & (read.slot == slot)).any(axis=1))


def _readable(world) -> Documents:
    pool = world.corpus.readable(world.streams.get("retention", world.t))
    return world.corpus.at(np.sort(pool.documents(np.unique(pool.public(world.public)))) - world.corpus.first)
