"""A verifier with a taste: what is near its own centre passes, whatever is true."""

from __future__ import annotations

from typing import Annotated, ClassVar, Union

import numpy as np
from pydantic import Field, model_validator

from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier

Number = Annotated[float, Field(ge=-1e9, le=1e9)]


class Biased(Verifier):
    """Accepts with exp(-distance^2 / (2 width^2)), the distance from its own centre: law 10 of the simulator.

    Vectors x: |x - centre|. Pairs of features x and target y: y - x.centre, centre being the coefficients it believes
    in. Items: that of their numbers, or (in place of a centre) stated `probabilities`.

    Models that read each other past it end at its centre; how narrow it is sets only how soon
    (Yi et al. 2025, arXiv:2510.16657).
    """

    reads: ClassVar[tuple[str, ...]] = ("items", "vectors", "pairs")

    centre: Union[Number, tuple[Number, ...], None] = Field(
        None, description="What it holds to be right: one number for all dimensions (features), or one for each."
    )
    width: float | None = Field(None, gt=0, le=1e9, description="How far from its centre it still accepts much.")
    probabilities: tuple[Share, ...] | None = Field(
        None, min_length=1, description="Items: acceptance of items 0, 1, ...; the last holds for all others."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Biased:
        if self.probabilities is None:
            for key in ("centre", "width"):
                if getattr(self, key) is None:
                    raise ValueError(f"{key}: give centre and width, or for items probabilities; got no {key}")
        elif self.centre is not None or self.width is not None:
            raise ValueError("probabilities: stands in place of centre and width; give one or the other")
        return self

    def misfit(self, shape: DocumentShape) -> str | None:
        """Lengths and keys that the world's documents do not have."""
        if self.probabilities is not None:
            if shape.kind != "items":
                return f"probabilities: goes with worlds of items; this one writes {shape.kind}: give centre and width"
            many = len(self.probabilities)
            return None if many <= shape.size else f"probabilities: this world has {shape.size} items; got {many}"
        wanted = {"items": 1, "vectors": shape.size, "pairs": shape.size - 1}[shape.kind]
        if isinstance(self.centre, tuple) and len(self.centre) != wanted:
            return f"centre: must be one number, or {wanted} in this world of {shape.kind}; got {len(self.centre)}"
        return None

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """By distance, or as stated item by item."""
        x = seen.content
        if self.probabilities is not None:
            return np.array(self.probabilities)[np.minimum(x, len(self.probabilities) - 1)]
        centre = np.asarray(self.centre, float)
        if sight.shape.kind == "pairs":
            apart_MD = x[:, -1:] - (x[:, :-1] * centre).sum(axis=1, keepdims=True)
        else:
            apart_MD = (x[:, None] if x.ndim == 1 else x) - centre
        return np.exp(-((apart_MD / self.width) ** 2).sum(axis=1) / 2)
