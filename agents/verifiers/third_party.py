"""Another model as judge: of a group, or one that the author reads."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from agents.verifiers._opinion import Opinion, asked
from ecosystem.interfaces import Params
from ecosystem.parts import Name
from ecosystem.verifier import Sight, Submitted


class ThirdParty(Opinion):
    """Lets through what another model believes; of several their mean.

    It is worth as much as it knows beside the author: a judge that learned from the same documents shares the errors.
    Each author's judges are drawn anew at every step. Where there is none, everything passes.
    """

    group: Name | None = Field(None, description="Group of the judges (default: models that the author reads).")
    asks: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Models asked about each document, at most.")

    def opinion(self, state: Params, seen: Submitted, fact_MC: np.ndarray, sight: Sight) -> np.ndarray:
        return asked(sight.peers(seen.judge_of_own, self.asks, self.group), fact_MC, sight)
