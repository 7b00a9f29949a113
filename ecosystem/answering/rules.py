"""How a group of models answers what people ask it (`models.NAME.questions`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecosystem.parts import Part, Share


class Questions(Part):
    """A group that answers questions in place of writing freely: `publish` of them a step, each model.

    What is asked follows what people ask for. An answer is *supported* where what was retrieved states it, itself or by
    composing two documents. The rule for being right: with support a model says what most of the retrieved documents
    say with probability `faithful`, else what it believes; without support it says what it believes.
    """

    source: Literal["web", "memory"] = Field(
        "web", description="web: answers from documents retrieved of those it reads; memory: by what it knows."
    )
    retrieve: int = Field(5, ge=1, le=1000, description="Documents retrieved for a question (for each step of two).")
    by: Literal["exact", "bm25"] = Field(
        "exact",
        description="exact: documents that state the fact asked for, in random order; bm25: documents that share words "
        "with the question, best first (Robertson & Zaragoza 2009, doi:10.1561/1500000019).",
    )
    model_share: Share = Field(
        1.0, description="Share of what is retrieved for a question that models may have written, at most (1: no cap)."
    )
    compose: Share = Field(1.0, description="Probability that a derivable fact is looked up in two steps.")
    faithful: Share = Field(0.95, description="Probability that a supported answer says what was retrieved.")
    unsupported: Literal["memory", "abstain"] = Field(
        "memory", description="Without support: says what it believes, or nothing."
    )
    fabricates: Share = Field(
        0.5, description="Probability that an answer without support cites a document that was not retrieved."
    )
    write_back: bool = Field(True, description="Answers are published; without it they are only measured (read-only).")
    since: int = Field(0, ge=0, description="Step from which on answers are published; before they are only measured.")
    heeds: Share = Field(
        0.0,
        description="Probability that an answer without support is held back where a gate has refused that value "
        "before and left a critique (experience store).",
    )
    confidence: Literal["own", "peers"] = Field(
        "own",
        description="own: its own probability of the answer; peers: the mean over itself and `peers` models it reads.",
    )
    peers: int = Field(4, ge=1, le=1000, description="confidence peers: models whose opinion is asked, at most.")
