"""What the world asks of those who act in it: the base classes of learners and of human writing.

A component is a small frozen object of hyperparameters with defaults and bounds; all mutable state is arrays that the
world holds. A file `agents/learners/NAME.py` (or `agents/humans/NAME.py`) holds one component of kind NAME; a class of
your own is used as `package.module:Class`.

Letters: n agents (always the first axis), b documents read, k written, M documents to score, x the trailing shape of a
document (see `DocumentShape`), K items or vocabulary, d dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from ecosystem.documents import DocumentShape
from ecosystem.grammar import Grammar
from ecosystem.marks import Mark
from ecosystem.streams import Draws
from ecosystem.truth import Truth

Params = dict[str, np.ndarray]
"""State of n agents: arrays whose first axis has length n (rows of one agent are its whole state)."""


class Component(BaseModel):
    """Hyperparameters of something that acts: frozen, checked, hashable, written back to a scenario file as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Atoms:
    """Distributions over items of n agents, sparse: item_NU (n, U) int32 and mass_NU (n, U) float64 >= 0.

    Rows sum to 1. Unused places have mass 0; an item stands at most once in a row among places with mass.
    """

    item_NU: np.ndarray
    mass_NU: np.ndarray


@dataclass(frozen=True)
class Moments:
    """First and second moments of n vector distributions: mean_ND (n, d), covariance_NDD (n, d, d)."""

    mean_ND: np.ndarray
    covariance_NDD: np.ndarray


class Diverged(ArithmeticError):
    """Raised by a learner where the fit of a model has failed: `row` (0 .. n - 1 of what it was given) and why.

    `detail` says what happened and what to lower, with its value; the world adds `where`: which model in which step.
    `rows`: all whose fit has failed so, where more are known (a learner that fails once is asked again without them).
    """

    def __init__(self, row: int, detail: str, where: str = "", rows: tuple[int, ...] = ()):
        super().__init__(row, detail, where, rows)
        self.row, self.detail, self.where = int(row), detail, where
        self.rows = tuple(map(int, rows)) or (self.row,)

    def __str__(self) -> str:
        return f"{self.where or f'row {self.row}'}: {self.detail}"


class Learner(Component):
    """How a kind of agent learns from documents and writes new ones; a whole group at once.

    Rows are independent: what agent i becomes and writes depends on its own row of every argument and on nothing else.
    No method changes its arguments. `ecosystem.checks.check_learner` tests these rules.
    """

    reads: ClassVar[tuple[str, ...]] = ("items",)
    """Kinds of documents (`DocumentShape.kinds`) this learner understands."""
    row_tolerance: ClassVar[float] = 0.0
    """How far a model alone may differ from the same model in a group, relatively: 0 where every loop is a model's own,
    some 1e-6 where matrix products are batched (their order of summation may depend on how many there are)."""
    answers: ClassVar[bool] = False
    """Whether it can go on from a prompt: `answer`."""

    exports: ClassVar[tuple[str, ...]] = ()
    """Formats in which a model can be taken out of a run (`ecosystem export --agent`): `transformers` where the learner
    has `save_pretrained(params, row, folder, vocabulary)`."""

    @property
    def copies(self) -> bool:
        """True when every document written is a copy of one that was read; `sample` then also says which."""
        return False

    @property
    def marks(self) -> bool:
        """True where it can put a watermark into what it writes: `sample_marked`."""
        return False

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        """State of n agents before they have read anything."""
        raise NotImplementedError

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        """State after reading content (n, b, *x) with weight (n, b) >= 0; no row of weights is all zero.

        Documents of weight 0 may hold anything and must not matter. Weights are relative amounts: 2 counts like
        two copies where the learner counts. Whether `params` (where the agent stands) matters is the learner's
        nature; for `start: scratch` the world passes a fresh `init`. A fit that fails is told by `Diverged`, or leaves
        numbers that are not finite in the rows it failed for, and in no others.
        """
        raise NotImplementedError

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """k documents of each agent, (n, k, *x); where `copies`, also the column of the diet copied, (n, k) int64."""
        raise NotImplementedError

    def sample_marked(self, params: Params, k: int, rng: Draws, mark: Mark) -> np.ndarray:
        """As `sample`, with a watermark; of a model whose bias is 0 the very same. Only where `marks`."""
        raise NotImplementedError(f"A {type(self).__name__} cannot put a watermark into what it writes.")

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        """Log-probability or density, nats, of M documents (M, *x) under every agent: (n, M); -inf where impossible.

        For tokens that of the whole document up to and including its first end token (0) if any; for pairs that of the
        target given the features.
        """
        raise NotImplementedError

    def log_prob_own(self, params: Params, content: np.ndarray) -> np.ndarray:
        """(n, b) nats, as `log_prob`, of documents (n, b, *x): row i of them under agent i alone."""
        rows = [self.log_prob({k: v[i : i + 1] for k, v in params.items()}, own)[0] for i, own in enumerate(content)]
        return np.array(rows).reshape(content.shape[:2])

    def answer(self, params: Params, prompt_PL: np.ndarray, k: int, rng: Draws) -> np.ndarray:
        """k answers of each agent to P prompts: (n, P, k, L) int32 tokens.

        Prompts and answers are filled up with 0 to L tokens. An answer does not repeat its prompt and has as many
        tokens at most as the prompt leaves of L. Only where `answers`.
        """
        raise NotImplementedError(f"A {type(self).__name__} does not answer prompts.")

    def beliefs(self, params: Params, grammar: Grammar, fact_nQ: np.ndarray, rng: Draws) -> np.ndarray:
        """(n, Q, V) float64: of each agent, how probable it finds every possible value of facts (n, Q); rows sum to 1.

        Values that a fact cannot have are 0. By default from `log_prob_own` of the claim written out with every value:
        so whoever reads tokens can be asked. `rng` serves those who can only be asked by sampling.
        """
        return by_likelihood(partial(self.log_prob_own, params), grammar, fact_nQ)

    def memory(self, n: int, shape: DocumentShape, read: int) -> int:
        """Bytes that n models hold at the peak of a fit to `read` documents each, beyond these documents.

        Stated so that what cannot fit is refused before anything starts; 0: not worth stating.
        """
        return 0

    def tile(self, n: int, shape: DocumentShape) -> int:
        """Of a group of n, how many models are computed together; it may be cut, to be dealt out to several processes,
        between these only. By default 1 where rows are exact (`row_tolerance` 0), else all."""
        return n if self.row_tolerance else 1

    def atoms(self, params: Params) -> Atoms | None:
        """Exact item distributions where the learner has them; None: measured from a sample."""
        return None

    def moments(self, params: Params) -> Moments | None:
        """Exact moments where the learner has them (vectors); None: measured from a sample."""
        return None


class HumanSource(Component):
    """Human writing: a world, and (with some fields replaced by `humans.*.writes`) what one community writes."""

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        """The writers of the communities (same class as self, same document shape); files are read here, once."""
        raise NotImplementedError


class Writer:
    """What one human community writes, and what is known of its distribution (fenced off from learners).

    Give either `documents` (finite: the world deals each out once before any is repeated) or `sample` (endless).
    """

    shape: DocumentShape
    documents: np.ndarray | None = None  # (M, *x): all there is, where it is finite
    held_out: np.ndarray | None = None  # (M, *x): never published, for measuring only
    probabilities: np.ndarray | None = None  # (K,): of items, or of tokens in running text
    moments: Moments | None = None  # with n = 1
    modes: Modes | None = None
    judge: Judge | None = None  # where documents fall into classes
    truth: Truth | None = None  # where documents make claims
    known_F: np.ndarray | None = None  # (F,) bool: the facts it writes of
    told: tuple[int, int] | None = None  # fact and slot of the one claim it makes, where it makes no other

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        """(n, k, *x): k fresh documents for each of the rng's n rows."""
        raise NotImplementedError

    def says(self, fact_M: np.ndarray, luck_M2: np.ndarray) -> np.ndarray:
        """(M,) slots: what people who are asked about facts say, errors included, -1: they do not know; by chance
        (M, 2) in [0, 1). Only where documents make claims."""
        raise NotImplementedError(f"A {type(self).__name__} writes of no facts.")

    def log_prob(self, content: np.ndarray) -> np.ndarray | None:
        """(M,) nats, of documents (M, *x) under human writing, as in `Learner.log_prob`; None where unknown."""
        return None

    def show(self, content: np.ndarray) -> list[str]:
        """Documents (M, *x) as text for people."""
        return [np.array2string(c, precision=3, separator=", ") for c in content]

    def texts(self, content: np.ndarray) -> list[str]:
        """Its documents (M, *x) as they read where the web is searched by words."""
        return self.show(content)

    def questions(self, fact_M: np.ndarray) -> list[str]:
        """Questions for facts (M,), in words; in worlds of facts."""
        grammar = self.shape.grammar
        assert grammar is not None
        return grammar.show(grammar.question(fact_M))

    def images(self, content: np.ndarray) -> np.ndarray | None:
        """Documents (M, *x) as pictures (M, height, width), 0 black to 1 white; None where they are no pictures."""
        return None


class Judge:
    """Tells to which class a document belongs, as far as human documents teach it; for measuring only.

    names: of the C classes; share_C (C,): how often the community writes each, sums to 1. Communities of a world share
    the classes.
    """

    names: tuple[str, ...]
    share_C: np.ndarray

    def classes(self, content: np.ndarray) -> np.ndarray:
        """(M,) int: the class of documents (M, *x), 0 .. C - 1; -1: none that humans write."""
        raise NotImplementedError

    def features(self, content: np.ndarray) -> np.ndarray:
        """(M, F): what the judge sees in documents (M, *x); distances between distributions are taken there."""
        raise NotImplementedError

    def confusion(self) -> np.ndarray | None:
        """(C, C + 1) counts of held-out human documents by their class and the class judged, the last column none of
        them; None where nothing was held out or the judge cannot err."""
        return None


def by_likelihood(
    log_prob_own: Callable[[np.ndarray], np.ndarray], grammar: Grammar, fact_nQ: np.ndarray
) -> np.ndarray:
    """(n, Q, V) beliefs from the log-probabilities of claims (n, b, L), each row under its own agent.

    An agent that finds every value impossible believes all alike.
    """
    n, q = fact_nQ.shape
    slot_V = np.arange(grammar.slots)
    content = grammar.write(np.repeat(fact_nQ, grammar.slots, axis=1)[..., None], np.tile(slot_V, (n, q))[..., None])
    possible = slot_V < grammar.width_F[fact_nQ][..., None]
    content[~possible.reshape(n, -1)] = 0
    nats = np.where(possible, log_prob_own(content).reshape(n, q, grammar.slots), -np.inf)
    highest = nats.max(axis=2, keepdims=True)
    weight = np.where(possible, np.exp(nats - np.where(np.isfinite(highest), highest, 0)), 0)
    weight = np.where(np.isfinite(highest), weight, possible)
    return weight / weight.sum(axis=2, keepdims=True)


@dataclass(frozen=True)
class Modes:
    """Components of a mixture: centre_CD (C, d), scale_C (C,) standard deviations, weight_C (C,) sums to 1."""

    centre_CD: np.ndarray
    scale_C: np.ndarray
    weight_C: np.ndarray


def defined_for(*kinds: str) -> Any:
    """Marks a metric with the kinds of documents (`DocumentShape.kind`) it is defined for; without it, all."""

    def mark(metric):
        metric.kinds = kinds
        return metric

    return mark
