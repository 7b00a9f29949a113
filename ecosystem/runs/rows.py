"""Rows of the tables of run.db: pairs, documents, judgements, answers to prompts.

Letters: N models, M documents of the step, P prompts, k answers, L tokens of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.streams import Streams

if TYPE_CHECKING:
    from ecosystem.documents import Documents
    from ecosystem.frame import Judgements
    from ecosystem.model import Ecosystem

PROMPTS, ANSWERS, PEOPLE = 5, 2, 3  # recorded at most: prompts, and of each the answers of a model and of people


def pairs(step: int, similarity_NN: np.ndarray) -> Iterable[tuple]:
    """Ordered pairs i != j."""
    i, j = np.nonzero(~np.eye(len(similarity_NN), dtype=bool))
    return zip(repeat(step), i.tolist(), j.tolist(), similarity_NN[i, j].astype(float).tolist(), strict=False)


def documents(documents: Documents, world: Ecosystem) -> Iterable[tuple]:
    """Rows of the documents that `record.documents` asks for."""
    kept = kept_of(documents.document, world.spec.record.documents, int(world.seed))
    source = documents.source[kept]
    return zip(
        documents.document[kept].tolist(),
        documents.step[kept].tolist(),
        source.tolist(),
        np.where(source < world.n, "model", "human").tolist(),
        documents.depth[kept].astype(float).tolist(),
        _or_none(documents.parent[kept]),
        contents(documents.content[kept], world),
        strict=True,
    )


def judgements(step: int, judgements: Judgements, world: Ecosystem) -> Iterable[tuple]:
    """Rows of the judgements that `record.judgements` asks for; no document number: it was never published."""
    # what has no number goes by its place, so that a share of it is a share too
    place = -1 - np.arange(len(judgements.document))
    number = np.where(judgements.document >= 0, judgements.document, place)
    kept = kept_of(number, world.spec.record.judgements, int(world.seed), step)
    document, reader = judgements.document[kept], judgements.reader[kept]
    return zip(
        _or_none(document),
        repeat(step),
        repeat(judgements.verifier),
        repeat(judgements.gate),
        _or_none(reader),
        judgements.accepted[kept].astype(float).tolist(),
        strict=False,
    )


def _or_none(number_M: np.ndarray) -> list[int | None]:
    """Numbers, None for those below 0."""
    return [number if number >= 0 else None for number in number_M.tolist()]


def answers(step: int, answer_NPkL: np.ndarray, world: Ecosystem) -> Iterator[tuple]:
    """Some answers of every model, to the first prompts, as far as they are compared; at step 0 those of people (no
    agent) before them.
    """
    asked = world.asked
    assert asked is not None  # there are answers
    for prompt, text_HA in zip(asked.texts[:PROMPTS], asked.people if step == 0 and asked.shared else (), strict=False):
        for h, text in enumerate(world.show(text_HA[:PEOPLE])):
            yield step, None, prompt, h, text
    for i, answer_PkL in enumerate(answer_NPkL[:, :PROMPTS, :ANSWERS, : asked.length]):
        for prompt, answer_kL in zip(asked.texts, answer_PkL, strict=False):
            for a, text in enumerate(world.show(answer_kL)):
                yield step, i, prompt, a, text


def kept_of(document_M: np.ndarray, wanted: str | float, seed: int, step: int = 0) -> np.ndarray:
    """Which documents are recorded, (M,) bool; of a share, by a uniform number that is each document's own.

    A number below 0 is one of the step only.
    """
    if isinstance(wanted, str):
        return np.full(len(document_M), wanted == "all")
    streams, published = Streams(seed), document_M >= 0
    own = streams.rows("record/documents", 0, np.maximum(document_M, 0)).uniform(1)[:, 0]
    unpublished = streams.rows("record/unpublished", step, np.maximum(-document_M, 0)).uniform(1)[:, 0]
    return np.where(published, own, unpublished) < wanted


def contents(content: np.ndarray, world: Ecosystem) -> Sequence[Any]:
    """Text of token documents, the number of items, a JSON list of vectors."""
    if world.shape.kind == "tokens":
        return world.show(content)
    return content.tolist() if world.shape.kind == "items" else [json.dumps(row) for row in content.tolist()]
