"""Questions and answers of fact worlds as rows of the table `questions`.

Letters: M answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from ecosystem.streams import Streams

if TYPE_CHECKING:
    from ecosystem.documents import Answered
    from ecosystem.model import Ecosystem


def of(step: int, answered: Answered, document_M: np.ndarray, world: Ecosystem) -> Iterable[tuple]:
    """Rows of the questions that `record.questions` asks for; without an answer neither value, confidence nor right."""
    wanted, truth = world.spec.record.questions, world.reference.truth
    assert truth is not None  # questions are asked in worlds of facts only
    rank = answered.place - np.searchsorted(answered.agent, answered.agent)  # of a model's own: others do not matter
    luck = Streams(int(world.seed)).chance("record/questions", rank, answered.agent, step)
    kept = np.full(len(answered), wanted == "all") if isinstance(wanted, str) else luck < wanted
    answered, document = answered.take(kept), document_M[kept]
    grammar, given = truth.grammar, answered.slot >= 0
    relation = grammar.relation_F[answered.fact]
    value = np.where(given, grammar.low_R[relation] + answered.slot, 0)
    right = truth.right(answered.fact, answered.slot)
    return zip(
        repeat(step),
        answered.agent.tolist(),
        answered.fact.tolist(),
        [grammar.entity_names[i] for i in grammar.subject_F[answered.fact].tolist()],
        [grammar.relation_names[i] for i in relation.tolist()],
        [grammar.entity_names[i] if yes else None for i, yes in zip(value.tolist(), given.tolist(), strict=True)],
        [sure if yes else None for sure, yes in zip(answered.confidence.tolist(), given.tolist(), strict=True)],
        answered.supported.astype(int).tolist(),
        [int(it) if yes else None for it, yes in zip(right.tolist(), given.tolist(), strict=True)],
        (document >= 0).astype(int).tolist(),
        [number if number >= 0 else None for number in document.tolist()],
        [" ".join(str(d) for d in row if d >= 0) or None for row in answered.cited.tolist()],
        strict=False,
    )
