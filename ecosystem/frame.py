"""What views and recorders read: one immutable frame a step, never the live model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ecosystem.documents import Answered, Documents


@dataclass(frozen=True)
class Event:
    """Something that happened; `agent` is a model's number or None."""

    step: int
    agent: int | None
    kind: str
    detail: str


class Judgements(NamedTuple):
    """Verdicts to be recorded: document numbers (-1: never published), readers (-1: holds for all), True: accepted."""

    verifier: str
    gate: str
    document: np.ndarray
    reader: np.ndarray
    accepted: np.ndarray


class Worked(NamedTuple):
    """What a verifier did in a step: of people's and of models' documents judged and rejected, and what it cost.

    Of one that judges claims also of true and of false documents, else None.
    """

    step: int
    verifier: str
    gate: str
    guarded: int  # models
    judged_human: int
    rejected_human: int
    judged_model: int
    rejected_model: int
    unjudged: int
    cost: float
    judged_true: int | None = None
    rejected_true: int | None = None
    judged_false: int | None = None
    rejected_false: int | None = None


class Entry(NamedTuple):
    """A line of the ledger: so many units of a kind (`human`, `rare`, `forgone`, `verification`) for someone, and what
    they cost."""

    step: int
    kind: str
    whom: str
    units: float
    cost: float


@dataclass(frozen=True)
class Frame:
    """What was measured at the end of a step; views and recorders read this and never the live model.

    values: world-level numbers (per-agent metrics as their mean over agents); agents: (N,) arrays; pairs: (N, N)
    similarity or None; events, documents, judgements (with their steps) and the work of verifiers since the last frame;
    answers: (N, P, k, L) tokens of k answers to each prompt, where prompts were asked; questions: answers of fact
    worlds since the last frame, with the step and the numbers (M,) of the documents that they became (-1: refused);
    ledger: what policies bought since the last frame.
    """

    t: int
    values: dict[str, float]
    agents: dict[str, np.ndarray]
    pairs: np.ndarray | None = None
    events: tuple[Event, ...] = ()
    documents: tuple[Documents, ...] = field(default=(), repr=False)
    answers: np.ndarray | None = field(default=None, repr=False)
    judgements: tuple[tuple[int, Judgements], ...] = field(default=(), repr=False)
    worked: tuple[Worked, ...] = ()
    questions: tuple[tuple[int, Answered, np.ndarray], ...] = field(default=(), repr=False)
    ledger: tuple[Entry, ...] = ()
