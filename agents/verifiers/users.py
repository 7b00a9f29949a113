"""Users who correct what they find wrong."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from agents.verifiers._opinion import grammar_of
from ecosystem.grammar import NONE
from ecosystem.interfaces import Params
from ecosystem.parts import Name, Share
from ecosystem.verifier import Amendment, Sight, Submitted, Verifier


class Users(Verifier):
    """People look at a share of what models write, and refuse what they would say otherwise.

    A user is right as often as the people of the community are, and no oracle: who errs refuses what is true and puts
    an error in its place. A document passes where they agree with all of its claims, or do not know. Before publishing
    what they would say stands in place of what they refuse: still under the author's name and read by the author's
    readers, as an edit is, yet of depth 0, since these are people's words. One person looks at all that a model writes
    of a fact in a step.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)

    share: Share = Field(0.1, description="Share of the documents that people look at.")
    community: Name | None = Field(None, description="Whose people these are (default: all, by their rates).")
    corrects: bool = Field(True, description="gate publish: a correction stands in place of what they refuse.")

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        return np.where((self._corrections(seen, sight) >= 0).any(axis=1), 1 - self.share, 1.0)

    def amends(self, state: Params, seen: Submitted, sight: Sight) -> Amendment | None:
        if not self.corrects:
            return None
        content = grammar_of(sight).reworded(seen.content, self._corrections(seen, sight))
        return Amendment(content, np.zeros(len(seen), np.float32))

    def _corrections(self, seen: Submitted, sight: Sight) -> np.ndarray:
        """(M, C) the slots that people would have in place of those claimed, -1 where they would change nothing."""
        fact_MC, slot_MC = grammar_of(sight).read(seen.content)
        source_MC = np.broadcast_to(seen.source[:, None], fact_MC.shape)
        said = sight.people_say(np.maximum(fact_MC, 0).ravel(), source_MC.ravel(), self.community)
        said_MC = said.reshape(fact_MC.shape)
        return np.where((fact_MC >= 0) & (said_MC != slot_MC), said_MC, NONE)
