"""A claim: what a scenario expects, as its file says it; `runs/claims.py` judges it."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from ecosystem.parts import Part


class Claim(Part):
    """What the scenario expects, and its test in one object."""

    says: str = Field(description="The claim in words.")
    metric: str = Field(description="A metric, per world or per agent (averaged over agents).")
    minus: str | None = Field(None, description="A metric taken off `metric`, run by run, before anything else.")
    at: Union[Literal["end"], Annotated[int, Field(ge=0)]] = Field("end", description="Step; end: the last.")
    since: int | None = Field(
        None,
        ge=0,
        description="A step whose value each run's is set against: taken off, or with one arm and `ratio` "
        "what it is divided by.",
    )
    group: str | None = Field(None, description="Only models of this group.")
    along: str | None = Field(
        None,
        description="A metric with which `metric` rises from arm to arm: their rank correlation (Spearman) over three "
        "or more arms, seed by seed. It is taken at `since` where that is given (what was there before), else at `at`.",
    )
    arms: tuple[str, ...] = Field(
        ("base",),
        min_length=1,
        description="One arm; or first minus second, paired by seed; or, with `along`, three or more.",
    )
    effect: str = Field(description='"> 0", "< 0.5", or "= 0.5 +- 0.05" (equivalent within a margin).')
    ratio: bool = Field(
        False,
        description="First divided by second in place of the difference; with one arm, `at` by `since`, or `metric` "
        "by `minus`.",
    )
    seeds: int = Field(8, ge=2, description="Seeds 0 to seeds - 1.")
    source: str | None = Field(None, description="Where the expectation comes from (DOI, arXiv id, law).")

    @model_validator(mode="after")
    def _arms_fit(self) -> Claim:
        if self.along is None:
            if len(self.arms) > 2:
                raise ValueError(f"arms: must be one or two, or more with `along`; got {len(self.arms)}")
        elif len(self.arms) < 3:
            raise ValueError(f"arms: must be three at least for a rank correlation (`along`); got {len(self.arms)}")
        elif self.ratio:
            raise ValueError("ratio: goes with one or two arms, not with `along`; got true")
        elif self.along == self.metric and self.minus is None and self.since is None:
            raise ValueError(f"along: must be another metric than `metric`; got {self.along!r} for both")
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those it is about."""
        return tuple(name for name in (self.metric, self.minus, self.along) if name is not None)
