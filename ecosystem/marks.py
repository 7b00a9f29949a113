"""Watermarks: what writers of text put into it so that it can be told from other writing.

Letters: n models, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mark:
    """A watermark of favoured (green) tokens: a marked model adds its bias to their logits.

    green_VV (V, V) bool: whether a token, by the column, is green after the one of the row (0: the beginning);
    bias_n (n,) float64 nats: of each model, 0 where it writes as if there were no watermark.
    """

    green_VV: np.ndarray
    bias_n: np.ndarray

    def of(self, chosen: slice | np.ndarray) -> Mark:
        """That of some of the models."""
        return Mark(self.green_VV, self.bias_n[chosen])
