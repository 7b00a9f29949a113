"""Prefers what the reader itself finds unlikely: a guard of the tail that need not know who wrote what."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from agents.verifiers._scored import Scored, of_its_own
from ecosystem.interfaces import Params
from ecosystem.verifier import Sight, Submitted


class Surprise(Scored):
    """Lets each reader read what surprises it most, by its own likelihood as it is now.

    What the reader thinks impossible surprises most of all, all of that alike. Before publishing it is the author who
    is asked: of its writing the least usual goes to the web.
    """

    personal: ClassVar[bool] = True

    def scores(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        return -of_its_own(seen, sight)
