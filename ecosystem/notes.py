"""What happened since the last frame, kept until the next one takes it along."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ecosystem.documents import Answered, Documents
from ecosystem.frame import Entry, Event, Judgements, Worked


@dataclass
class Notes:
    """Events, documents, judgements and questions (with their steps), and the work of verifiers, as in `Frame`."""

    STATE: ClassVar[tuple[str, ...]] = ("events", "documents", "judgements", "worked", "questions", "ledger")

    events: list[Event] = field(default_factory=list)
    documents: list[Documents] = field(default_factory=list)
    judgements: list[tuple[int, Judgements]] = field(default_factory=list)
    worked: list[Worked] = field(default_factory=list)
    questions: list[tuple[int, Answered, np.ndarray]] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)

    def taken(self) -> dict[str, Any]:
        """All of it, each kind a tuple; what is noted from now on is for the next frame."""
        told = {name: tuple(kept) for name, kept in vars(self).items()}
        for kept in vars(self).values():
            kept.clear()
        return told
