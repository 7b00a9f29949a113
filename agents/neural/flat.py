"""One model's weights as one flat vector, so that a group's are one array and an optimiser is a few array operations.

Letters: n models, P weights of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Layout:
    """Names and shapes of one model's weights, and where each lies in a flat vector of `size` = P numbers."""

    def __init__(self, shapes: Mapping[str, Shape]):
        self.shapes = dict(shapes)
        self.sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.size = sum(self.sizes)

    def views(self, flat: Any) -> dict[str, Any]:
        """The weights by name, (n, *shape) each: views of a torch tensor (gradients flow) or numpy array (n, P)."""
        return {name: part.reshape(len(flat), *self.shapes[name]) for name, part in self._parts(flat)}

    def flat(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n, P) float32 of weights by name, (n, *shape) each: `views` the other way round."""
        return np.concatenate(
            [np.reshape(named[k], (len(named[k]), -1)) for k in self.shapes], axis=1, dtype=np.float32
        )

    def mask(self, which: Callable[[str, Shape], bool]) -> np.ndarray:
        """(P,) bool: the weights whose name and shape `which` picks."""
        return np.repeat([which(name, shape) for name, shape in self.shapes.items()], self.sizes)

    def _parts(self, flat: Any) -> Iterator[tuple[str, Any]]:
        """Slices of the flat axis; one split of a tensor, since its gradient is then one concatenation."""
        if isinstance(flat, np.ndarray):
            parts = np.split(flat, np.cumsum(self.sizes)[:-1], axis=1)
        else:
            parts = flat.split(self.sizes, dim=1)
        return zip(self.shapes, parts, strict=True)
