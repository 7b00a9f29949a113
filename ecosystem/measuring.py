"""What a scenario says about measuring: thresholds, sizes of samples, prompts that are asked, and how texts compare."""

from __future__ import annotations

from typing import Literal, Union

from pydantic import Field

from ecosystem.parts import Part


class Prompts(Part):
    """Open-ended prompts that every model answers at some steps, and how its answers are measured."""

    path: str | None = Field(
        None,
        min_length=1,
        description='A file of prompts: one a line, or JSON Lines with "text"; none: the openings of sentences that '
        "most human documents share, each going on in its own way.",
    )
    count: int = Field(20, ge=1, le=10_000, description="Prompts at most: the first of the file, the most frequent.")
    words: int = Field(2, ge=1, le=20, description="Words of an opening (prompts of a file are as long as they are).")
    answers: int = Field(
        4, ge=2, le=1000, description="Answers of each model to each prompt; as many people at least share an opening."
    )
    every: int = Field(5, ge=1, description="Steps between askings (step 0 and the last are always asked).")

    def asked_at(self, step: int, last: int) -> bool:
        """Are prompts asked in a step of a run whose last step is `last`?"""
        return step % self.every == 0 or step == last


class EncoderFolder(Part):
    path: str = Field(min_length=1, description="A folder with an encoder that transformers can load (safetensors).")


class Measuring(Part):
    """Choices that metrics depend on."""

    rare_below: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Items of lower human probability are rare (default: half of 1 / number of items).",
    )
    documents: int = Field(64, ge=2, description="Documents a model writes for measuring, where no closed form serves.")
    candidates: int = Field(
        8, ge=2, le=1000, description="Candidates for each prompt, of which a verifier chooses (its gap is measured)."
    )
    alike: float = Field(
        0.9, gt=0, le=1, description="Cosine of two models' distributions from which on they count as alike."
    )
    prompts: Prompts | None = Field(None, description="Prompts that every model answers (texts only).")
    encoder: Union[Literal["hashed", "minilm"], EncoderFolder] = Field(
        "hashed",
        description="How texts become vectors whose cosine says how alike they are: hashed (character n-grams), minilm "
        "(extra package), or {path: folder} of an encoder.",
    )
