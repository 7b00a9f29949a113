"""What the world asks of verification agents: who judge documents before they are published, or before they are read.

A verifier gives every document a probability of being accepted; the world draws the verdict, keeps it, counts it
against the truth and charges for it. A file `agents/verifiers/NAME.py` holds one verifier of kind NAME; a class of your
own is used as `package.module:Class`.

Letters: M documents or readings before a verifier, V members of a panel, x the trailing shape of a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from pydantic import Field

from ecosystem.documents import Answered, Documents, DocumentShape
from ecosystem.interfaces import Component, Params
from ecosystem.marks import Mark
from ecosystem.parts import MAX_DOCUMENTS, Name, Part, Share
from ecosystem.streams import Draws


class Placement(Part):
    """Which models a verifier guards: their reading (`gate: read`) or their publishing (`gate: publish`)."""

    rule: Literal["random", "most_read", "most_reading", "betweenness", "community", "bridges", "list"] = Field(
        "random",
        description="random: in a seeded order; most_read: with most readers first; most_reading: that read most "
        "models; betweenness: on most shortest paths; community: whole communities of the graph, largest first; "
        "bridges: with most links to other communities; list: those of `models`.",
    )
    share: Share = Field(1.0, description="Share of the models guarded, rounded up: above 0, at least one.")
    models: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(None, description="rule list: numbers of models.")
    groups: tuple[Name, ...] | None = Field(None, description="Only models of these groups; the share is of them.")
    humans: bool = Field(False, description="gate publish: what people write passes it too.")


@dataclass(frozen=True)
class Submitted:
    """M documents (or readings of documents) before a verifier.

    content (M, *x); document (M,) int64 running numbers (-1: not published yet); source (M,) int32: a model's number,
    or N + the number of a community; depth (M,) float32: model generations from human writing;
    reader (M,) int64: who wants to read it, -1 where a verdict holds for all; human (M,) bool is the truth, for
    verifiers whose errors are stated as rates; answered: of answers what was asked, retrieved and cited, else None.
    """

    content: np.ndarray
    document: np.ndarray
    source: np.ndarray
    depth: np.ndarray
    reader: np.ndarray
    human: np.ndarray
    answered: Answered | None = None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def judge_of_own(self) -> np.ndarray:
        """(M,) whose own opinion is asked: the reader's, else (before publishing) the author's."""
        return np.where(self.reader >= 0, self.reader, self.source)

    def take(self, which: np.ndarray) -> Submitted:
        """Some of them."""
        if which.dtype == bool and which.all():
            return self
        answered = None if self.answered is None else self.answered.take(which)
        columns = [name for name in self.__dataclass_fields__ if name != "answered"]
        return Submitted(**{name: getattr(self, name)[which] for name in columns}, answered=answered)


class Amendment(NamedTuple):
    """What is published in place of M refused documents: content (M, *x); depth (M,) model generations between whoever
    put it so and human writing (people: 0), NaN where nothing stands in a document's place."""

    content: np.ndarray
    depth: np.ndarray


def authors(source_M: np.ndarray, models: int) -> np.ndarray:
    """(M,) numbers of sources that no newcomer changes: a model's own, communities' from 2^32 - 1 down."""
    return np.where(source_M < models, source_M, 2**32 - 1 + models - source_M.astype(np.int64))


class Sight(Protocol):
    """What a verifier can look at beside the documents themselves."""

    shape: DocumentShape
    step: int
    models: int  # N: sources below are models

    def chance(self, purpose: str, number_M: np.ndarray) -> np.ndarray:
        """(M,) uniform in [0, 1): each number's own, the same at every step; a verifier's purposes are its own."""

    def draws(self, purpose: str) -> Draws:
        """Random numbers of one row, a verifier's own, fresh at every step: for a model of its own."""

    def human_writing(self, k: int, community: str | None = None) -> np.ndarray:
        """(k, *x) human documents, of one community or of all by their rates; a verifier's draws are its own."""

    def log_likelihood(self, model_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        """(M,) nats of each document under a model as it is now."""

    def true(self, content: np.ndarray) -> np.ndarray:
        """(M,) bool: documents that claim something, and nothing false. Only for an `oracle`; TypeError for others."""

    def own_facts(self, community: str) -> np.ndarray:
        """(F,) bool: the facts that a community knows and no other does; InputError where there are none."""

    def stored(self, number_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Documents of some numbers, (M, *x), and which of them the web holds, (M,) bool; others are all 0."""

    def texts(self, content: np.ndarray) -> list[str]:
        """Documents (M, *x) as text, claims as they are shown: alike whoever wrote them, true or not."""

    def beliefs(self, model_M: np.ndarray, fact_M: np.ndarray, earlier: Params | None = None) -> np.ndarray:
        """(M, V) what models believe of facts (as they were at `snapshot`, if given); NaN where nobody is asked."""

    def snapshot(self) -> Params:
        """All models as they are now, to be asked later."""

    def peers(self, model_M: np.ndarray, most: int, group: str | None = None) -> np.ndarray:
        """(M, P) other models that each one reads, or those of a group, at random, fresh at every step; -1 where there
        are fewer, and of people."""

    def people_say(self, fact_M: np.ndarray, source_M: np.ndarray, community: str | None = None) -> np.ndarray:
        """(M,) slots: what a person says, rightly or wrongly, who is asked about a fact because a source wrote of it;
        -1: does not know. The same one in all of a step."""

    def depth(self, model_M: np.ndarray) -> np.ndarray:
        """(M,) mean depth of what each model was last trained on; NaN of others."""

    def human_share(self, source_M: np.ndarray) -> np.ndarray:
        """(M,) human share of what each source was last trained on (1 for people)."""

    def earlier(self) -> Documents:
        """What can be read on the web from before this step."""

    def first(self) -> int:
        """Number of the first document that the web still keeps; it keeps all later ones."""


class Verifier(Component):
    """A verification agent: where it stands, what it costs, and (in subclasses) what it accepts.

    Errors, capacity and price are part of what is simulated. Documents that came too late for its capacity pass
    unjudged (`overflow: pass`) or not at all.
    """

    reads: ClassVar[tuple[str, ...]] = ("items", "vectors", "pairs", "tokens")
    """Kinds of documents (`DocumentShape.kind`) it can judge."""
    oracle: ClassVar[bool] = False
    """Whether it knows what is true in a fact world (`Sight.true`); nobody else does."""
    critiques: ClassVar[bool] = False
    """Whether answers that it refuses go on record, to be thought of when the question is asked again."""
    of_answers: ClassVar[bool] = False
    """Whether it judges answers to questions, and passes whatever is none."""
    personal: ClassVar[bool] = False
    """Whether a verdict is the reader's own, so that each reading is judged."""

    name: Name = Field("verifier", description="Name of the verifier.")
    gate: Literal["read", "publish", "panel"] = Field(
        "read", description="read: before training; publish: before the web; panel: judges only as a member of one."
    )
    judges: Literal["documents", "readings"] = Field(
        "documents",
        description="documents: each once, the verdict holds for all its readers (a platform's gate); readings: every "
        "reading anew, as by a guard of each reader's own.",
    )
    placement: Placement = Field(Placement(), description="Which models it guards.")
    capacity: Annotated[int, Field(ge=1, le=MAX_DOCUMENTS)] | None = Field(
        None, description="Judgements a step, all together; documents are taken in random order (default: no limit)."
    )
    overflow: Literal["pass", "reject"] = Field("pass", description="What happens to documents beyond its capacity.")
    price: float = Field(0.0, ge=0, description="Cost of a judgement.")
    refill: bool = Field(
        True,
        description="Readers draw (authors write) again in place of what was rejected, up to 16 times as much; without "
        "it they train on (publish) less.",
    )

    @property
    def of_claims(self) -> bool:
        """Whether its errors are counted against what is true (a true document rejected, a false one accepted) and not
        against who wrote: in worlds of facts, of oracles and of whoever leaves critiques; of panels of such."""
        return self.oracle or self.critiques

    @property
    def ranks(self) -> bool:
        """Whether what it thinks of a document depends on which others are before it with this one."""
        return False

    def panel(self) -> tuple[str, ...]:
        """Names of the verifiers that a panel asks; of others none."""
        return ()

    def shared(self) -> float:
        """Probability with which each member of a panel judges by the panel's chance in place of its own."""
        return 0.0

    def misfit(self, shape: DocumentShape) -> str | None:
        """What of it does not go with documents of a shape (of a kind that it `reads`), in words; None: nothing."""
        return None

    def learns_at(self, step: int) -> bool:
        """Whether it is opened anew at a step, after which everything is judged anew."""
        return False

    def mandate(self, sight: Sight) -> Mark | None:
        """A watermark that models are to write with, and the bias of each; asked once, at step 0."""
        return None

    def open(self, sight: Sight) -> Params:
        """What it knows to begin with; made at step 0."""
        return {}

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """(M,) probability that each is accepted."""
        raise NotImplementedError

    def amends(self, state: Params, seen: Submitted, sight: Sight) -> Amendment | None:
        """What is published in place of models' documents that it has refused before publishing; None: nothing.

        It stands under the author's name, as an edit of what the author wrote. Members of a panel amend nothing.
        """
        return None

    def remember(self, state: Params, seen: Submitted, sight: Sight) -> Params:
        """What it knows after documents have come onto the web: those that its gate has just let through (no numbers
        yet), and before reading all of the step, with their numbers, whoever wrote them."""
        return state

    def count(self, vote_VM: np.ndarray) -> np.ndarray:
        """(M,) bool: a panel's verdict from its members' (V, M). Only of a `panel`."""
        raise NotImplementedError

    def pass_rates(self) -> tuple[float, float] | None:
        """Probabilities that a human and that a model's document is accepted, where nothing else matters; else None.

        For laws, so of items and vectors; texts may be judged otherwise.
        """
        return None
