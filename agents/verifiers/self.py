"""A model's own likelihood as the check: the one that a model can fake."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from agents.verifiers._scored import Scored, of_its_own
from ecosystem.interfaces import Params
from ecosystem.verifier import Sight, Submitted


class SelfCheck(Scored):
    """Before publishing every author lets through what it finds likely itself, before reading every reader.

    Nothing outside the model takes part: a model that has narrowed finds its narrow writing likely, and one that writes
    a single document passes its own check with all of it. What people write is passed, since nobody can ask them.
    """

    personal: ClassVar[bool] = True

    def scores(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        return of_its_own(seen, sight)
