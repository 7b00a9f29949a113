"""What the parts of a scenario have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_DOCUMENTS = 1_000_000_000


class Part(BaseModel):
    """A part of a scenario: frozen, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _named(name: str) -> str:
    if not name or name.strip(" .") != name or any(c in "/\\:@" for c in name) or len(name) > 100:
        raise ValueError("must be 1 to 100 characters without / \\ : @ and not begin or end with a space or a dot")
    if not name.isprintable():  # names become folders, and are printed
        raise ValueError("must be of characters that can be seen, without control characters and line breaks")
    return name


Name = Annotated[str, AfterValidator(_named)]
Documents = Annotated[int, Field(ge=0, le=MAX_DOCUMENTS)]
Share = Annotated[float, Field(ge=0, le=1)]
