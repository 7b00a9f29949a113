"""Attribution: citations must be documents that were really retrieved. A gate for write-back."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.verifier import Sight, Submitted, Verifier


class Attribution(Verifier):
    """Accepts an answer that cites something, and nothing but documents that were retrieved for it.

    A citation of a document that was not retrieved is refused, whether or not there is such a document: who cites it
    has not read it (arXiv:2512.22199; a must, so it does not err). Whether the cited document says so is another gate's
    question (`grounding`). What answers nothing (free writing, people's) retrieves nothing and need not cite: it
    passes.

    What it refuses goes on record as a critique.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)
    critiques: ClassVar[bool] = True
    of_answers: ClassVar[bool] = True

    gate: Literal["publish", "panel"] = Field(
        "publish", description="publish: what was retrieved is known then; panel: judges only as a member of one."
    )

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """1 or 0."""
        if seen.answered is None:
            return np.ones(len(seen))
        cited, retrieved = seen.answered.cited, seen.answered.retrieved
        given = cited >= 0
        found = (cited[:, :, None] == retrieved[:, None, :]).any(axis=2)
        return (given.any(axis=1) & (found | ~given).all(axis=1)).astype(float)
