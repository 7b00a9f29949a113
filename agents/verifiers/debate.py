"""Two models debate before a judge."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from agents.verifiers._opinion import asked, grammar_of
from ecosystem.grammar import NONE
from ecosystem.interfaces import Params
from ecosystem.parts import Name, Share
from ecosystem.verifier import Amendment, Sight, Submitted, Verifier


class Debate(Verifier):
    """What an author answers against what an opponent finds most probable; where they differ a judge decides.

    The judge picks the true side with probability `ability` where one side is right (so this is an oracle by name: the
    stated ability is measured against the truth), and either side alike where both are wrong. Before publishing the
    winner's answer is what is published, under the author's name. So with probabilities a that author and opponent
    say the same true thing and b that exactly one of them is right, what is published is true with probability
    a + ability b: a judge that guesses adds nothing to the mean of both, and debaters who share their errors have
    nothing to settle (debate: Irving et al. 2018, arXiv:1805.00899; of judges by ability and persuasive debaters: Khan
    et al. 2024, arXiv:2402.06782).

    A document of several claims is debated as a whole. Where there is no opponent, everything passes.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)
    oracle: ClassVar[bool] = True

    ability: Share = Field(0.75, description="Probability that the judge picks the true side, where one side is right.")
    group: Name | None = Field(None, description="Group of the opponents (default: models that the author reads).")

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        other = self._other_side(seen, sight)
        own_M, others_M = sight.true(seen.content), sight.true(other.content)
        wins_M = np.where(own_M, self.ability, np.where(others_M, 1 - self.ability, 0.5))
        return np.where(other.differs, wins_M, 1.0)

    def amends(self, state: Params, seen: Submitted, sight: Sight) -> Amendment | None:
        other = self._other_side(seen, sight)
        return Amendment(other.content, np.where(other.differs, 1 + sight.depth(other.opponent), np.nan))

    def _other_side(self, seen: Submitted, sight: Sight) -> _Side:
        """The opponents' answers to what the documents claim."""
        grammar = grammar_of(sight)
        claims, opponent_MP = grammar.read(seen.content), sight.peers(seen.judge_of_own, 1, self.group)
        belief_MCV = asked(opponent_MP, claims.fact, sight)
        says_MC = np.where(np.isnan(belief_MCV[..., 0]), NONE, np.nan_to_num(belief_MCV).argmax(axis=2))
        differs_M = ((says_MC >= 0) & (says_MC != claims.slot)).any(axis=1)
        opponent_M = opponent_MP[:, 0] if opponent_MP.shape[1] else np.full(len(seen), NONE)
        return _Side(opponent_M, grammar.reworded(seen.content, says_MC), differs_M)


class _Side(NamedTuple):
    """The other side of M debates: opponent (M,), content (M, *x) as it would have it, differs (M,) bool."""

    opponent: np.ndarray
    content: np.ndarray
    differs: np.ndarray
