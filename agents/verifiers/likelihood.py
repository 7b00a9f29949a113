"""What a reference model, fitted on human writing, finds likely."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, SerializeAsAny

from agents.verifiers._scored import Scored, a_token
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner, Params
from ecosystem.parts import MAX_DOCUMENTS, Name
from ecosystem.travel import in_tokens, understands
from ecosystem.verifier import Sight, Submitted


class Likelihood(Scored):
    """Lets through what its reference finds likely: the best share, or by weight.

    The reference is any learner, fitted once (or anew every so many steps) on so many fresh documents of one community
    (a local reference) or of all by their rates. What is rare in its sample is unlikely to it, and what it has not seen
    impossible unless it smooths: a local reference takes the rest of the world out of the web (arXiv:2606.13732; law 10
    of the simulator). Each document is scored once, however many read it; its score is nats, for texts nats a token.

    State: that of the reference, one row.
    """

    reference: SerializeAsAny[Learner] = Field(description="The reference model, given as a group's learner is.")
    documents: Annotated[int, Field(ge=1, le=MAX_DOCUMENTS)] = Field(
        1000, description="Human documents it is fitted on: at least one, fitted on nothing it would know nothing."
    )
    community: Name | None = Field(None, description="Community that wrote them (default: all, by their rates).")
    every: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Steps from one fit to the next, each on fresh documents (default: fitted once)."
    )

    def misfit(self, shape: DocumentShape) -> str | None:
        """Whether its reference can read these documents."""
        if understands(self.reference, shape):
            return None
        kinds = ", ".join(self.reference.reads)
        return f"reference: a {type(self.reference).__name__} reads {kinds}; this world writes {shape.kind}"

    def learns_at(self, step: int) -> bool:
        return self.every is not None and step % self.every == 0

    def open(self, sight: Sight) -> Params:
        """The reference, fitted."""
        learner, read = in_tokens(self.reference, sight.shape), sight.human_writing(self.documents, self.community)
        fresh = learner.init(1, sight.shape, sight.draws("reference/init"))
        return learner.train(fresh, read[None], np.ones((1, self.documents)), sight.draws("reference/train"))

    def scores(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        first, place_M = _different(seen.document)
        content = seen.content[first]
        nats = in_tokens(self.reference, sight.shape).log_prob(state, content)[0]
        return a_token(nats, content, sight.shape)[place_M]


def _different(document_M: np.ndarray) -> tuple[np.ndarray | slice, np.ndarray | slice]:
    """Where different documents stand, and which of these each is; those without a number (-1) all differ."""
    if not len(document_M) or (document_M < 0).any():
        return slice(None), slice(None)
    number_M = document_M - document_M.min()
    where = np.full(number_M.max() + 1, -1)  # numbers lie close together: no sorting
    where[number_M] = np.arange(len(number_M))
    there = where >= 0
    return where[there], (np.cumsum(there) - 1)[number_M]
