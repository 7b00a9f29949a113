"""A population: one group's models, parameters stacked on axis 0.

A Mesa agent is a thin view of one row (see `views.py`); nobody writes a Mesa class to add a learner.
Letters: n models of the group, b documents read, k written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ecosystem import divergence
from ecosystem.descent import Lineage, joined
from ecosystem.divergence import Failing, merged
from ecosystem.documents import Batch, DocumentShape
from ecosystem.interfaces import Atoms, Learner, Moments, Params
from ecosystem.marks import Mark
from ecosystem.reading import Diet
from ecosystem.recollection import Recollection
from ecosystem.scenario import Group
from ecosystem.streams import Streams
from ecosystem.travel import Translated, in_tokens


@dataclass
class Population:
    """The models of a group: numbers first .. first + n - 1 of the world."""

    STATE: ClassVar[tuple[str, ...]] = (
        "params", "depth_n", "human_share_n", "mark", "publishes", "recollection", "_lineage",
    )  # fmt: skip

    group: Group
    first: int
    shape: DocumentShape
    streams: Streams
    params: Params = field(default_factory=dict)
    depth_n: np.ndarray = field(default_factory=lambda: np.zeros(0))  # mean depth of what each last trained on
    human_share_n: np.ndarray = field(default_factory=lambda: np.zeros(0))
    mark: Mark | None = None  # a watermark in what it publishes
    publishes: int = -1  # documents a step, each model; as its group says, unless a policy does
    recollection: Recollection | None = None  # of claims, in worlds that make some
    on_divergence: str = divergence.STOP
    on_variance_lost: str = divergence.KEEP
    _lineage: Lineage | None = None  # for learners that copy

    def __post_init__(self):
        if self.publishes < 0:
            self.publishes = self.group.publish
        rules = (self.on_divergence, self.on_variance_lost)
        self.failing = Failing(*rules, self.group.name, self.first, np.zeros(self.n, bool))

    def stored_state(self) -> dict[str, Any]:
        """What a checkpoint keeps; of where documents came from no more than is spoken of."""
        trimmed = None if self._lineage is None else self._lineage.trimmed()
        return {name: getattr(self, name) for name in self.STATE} | {"_lineage": trimmed}

    @property
    def n(self) -> int:
        return self.group.count

    @property
    def learner(self) -> Learner | Translated:
        """The group's learner; one that reads text is spoken to in the world's tokens."""
        return in_tokens(self.group.learner, self.shape)

    @property
    def members(self) -> slice:
        """This group's places in arrays over all models."""
        return slice(self.first, self.first + self.n)

    @property
    def numbers(self) -> np.ndarray:
        """Its models' numbers in the world."""
        return np.arange(self.first, self.first + self.n)

    @property
    def siblings(self) -> np.ndarray:
        """Numbers of all models of the group, where this is a part of it."""
        return self.numbers

    def draws(self, purpose: str, step: int):
        """Random numbers of this group's models: keyed by their place in the group, so other groups do not matter."""
        return self.streams.rows(f"{purpose}/{self.group.name}", step, self.n)

    def pretrain(self, content: np.ndarray) -> None:
        """The first fit, on human documents (n, b, *x)."""
        fresh = self.learner.init(self.n, self.shape, self.draws("init", 0))
        weight = np.broadcast_to(np.float64(1), content.shape[:2])
        rows = np.arange(self.n)
        self.params = self._trained(fresh, content, weight, self.draws("train", 0), 0, rows, fresh)
        self.failing.pretrained(self.params)
        self.depth_n, self.human_share_n = np.zeros(self.n), np.ones(self.n)
        self._lineage = self.recollection = None

    def publish(self, step: int, attempt: int = 0, rows: np.ndarray | None = None) -> Batch:
        """What the models (`rows`: only these) write, model by model; attempt k > 0: again, after a refusal.

        A copy's depth and parent are exact, else depth is the diet's mean. The parent of a claim is the document that
        the author has it from.
        """
        k, chosen = self.publishes, slice(None) if rows is None else rows
        mark = None if self.mark is None else self.mark.of(chosen)
        written = self.write(k, step, f"publish/{attempt}" if attempt else "publish", rows, mark)
        content = (written[0] if isinstance(written, tuple) else written).reshape(-1, *self.shape.trailing)
        if isinstance(written, tuple) and self._lineage is not None:
            self._check_columns(written[1], (self.n if rows is None else len(rows), k))
            parent, depth = self._lineage.of(chosen).descent(written[1], self.depth_n[chosen])
            return Batch(content, depth, parent)
        model_M = np.repeat(np.arange(self.n)[chosen], k)
        return Batch(content, 1 + self.depth_n[model_M], self._remembered(model_M, content))

    def write(self, k: int, step: int, purpose: str, rows: np.ndarray | None = None, mark: Mark | None = None):
        """k documents of each model (`rows`: only of these), from the stream of a purpose; see `Learner.sample`."""
        params, draws = self.params, self.draws(purpose, step)
        if rows is not None:
            params, draws = {name: array[rows] for name, array in params.items()}, draws.take(rows)
        learner = self.learner
        if mark is None:
            written = learner.sample(params, k, draws)
        else:
            assert isinstance(learner, Learner)  # one behind a translator carries no mark
            written = learner.sample_marked(params, k, draws, mark)
        content = written[0] if isinstance(written, tuple) else written
        self.shape.check(content, (draws.n, k), f"models.{self.group.name}: {type(self.group.learner).__name__}")
        self.failing.check_written(content, step, rows)
        return written

    def train(self, content: np.ndarray, weight: np.ndarray, step: int) -> None:
        """Fit to content (n, b, *x) with weight (n, b); a model whose weights are all zero stays as it is.

        So does one that is frozen since a fit of its has failed or its variance was lost; see `divergence`.
        """
        fed = weight[:, 0] > 0 if weight.strides == (0, 0) else weight.any(axis=1)
        fed, before = fed & ~self.failing.frozen_n, self.params
        self.failing.begin()
        if fed.all():
            self.params = self._fitted(before, content, weight, step, np.arange(self.n))
        elif fed.any():
            rows = np.flatnonzero(fed)
            fitted = self._fitted({k: v[rows] for k, v in before.items()}, content[rows], weight[rows], step, rows)
            self.params = {k: merged(before[k], fitted[k], rows) for k in fitted}
        self.params = self.failing.with_spread(self.learner, self.shape, before, self.params, step)

    def learn(self, diet: Diet, step: int) -> None:
        """Train on a diet and remember where it came from; a model that read nothing stays as it is."""
        content, fed = diet.content(), (diet.read_n > 0) & ~self.failing.frozen_n
        self.train(content, diet.weight_nb, step)
        fed[self.failing.failed] = False  # whose fit failed has learned nothing
        self._note_origin(diet, fed)
        if self.group.learner.copies:
            whole = (diet.read_n == diet.rows_nb.shape[1]).all()
            rows_nb = diet.rows_nb if whole else np.where(diet.weight_nb > 0, diet.rows_nb, -1)
            lineage = Lineage(rows_nb, diet.pool.depth, diet.pool.number)
            self._lineage = lineage if fed.all() else joined(self._lineage, lineage, fed, self.group.pretraining)
        if self.shape.grammar is not None:
            newer, older = Recollection.of(self.shape.grammar, diet, content), self.recollection
            self.recollection = newer if older is None or fed.all() else older.updated(newer, fed)
        if len(self.failing.anew):
            self._forget(self.failing.anew)

    def _forget(self, rows: np.ndarray) -> None:
        """Models that begin anew stand where they stood after step 0, also in where they have from what they write."""
        self.depth_n[rows], self.human_share_n[rows] = 0, 1
        anew = np.isin(np.arange(self.n), rows)
        if self.recollection is not None:
            self.recollection = self.recollection.without(anew)
        if self._lineage is not None:
            unknown = Lineage(np.full((self.n, self.group.pretraining), -1), np.zeros(1, np.float32), 0)
            self._lineage = joined(self._lineage, unknown, anew, self.group.pretraining)

    def _note_origin(self, diet: Diet, fed: np.ndarray) -> None:
        """How far from people, and how much of it theirs, is what the models `fed` (n,) were trained on."""
        self.depth_n = np.where(fed, diet.depth_n, self.depth_n)
        self.human_share_n = np.where(fed, diet.human_n / np.maximum(diet.read_n, 1), self.human_share_n)

    def atoms(self) -> Atoms | None:
        """Exact item distributions, where the learner has them."""
        return self.learner.atoms(self.params)

    def moments(self) -> Moments | None:
        """Exact moments, where the learner has them."""
        return self.learner.moments(self.params)

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        """(n, M) nats."""
        return self.learner.log_prob(self.params, content)

    def own_log_prob(self, row_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        """(M,) nats of documents (M, *x), each under one model of the group, by its row."""
        if not (row_M[1:] >= row_M[:-1]).all():
            order, nats_M = np.argsort(row_M, kind="stable"), np.empty(len(row_M))
            nats_M[order] = self.own_log_prob(row_M[order], content[order])
            return nats_M
        first = np.flatnonzero(np.diff(row_M, prepend=-1))
        rows, size = row_M[first], np.diff(first, append=len(row_M))
        place_M = np.repeat(np.arange(len(rows)), size)
        column_M = np.arange(len(row_M)) - np.repeat(first, size)
        stacked = np.zeros((len(rows), size.max(initial=0), *self.shape.trailing), self.shape.dtype)
        stacked[place_M, column_M] = content
        params = {name: array[rows] for name, array in self.params.items()}
        return self.learner.log_prob_own(params, stacked)[place_M, column_M]

    def answer(self, prompt_PL: np.ndarray, k: int, step: int, purpose: str) -> np.ndarray:
        """k answers of each model to P prompts, (n, P, k, L) tokens; see `Learner.answer`."""
        written = self.learner.answer(self.params, prompt_PL, k, self.draws(purpose, step))
        author = f"models.{self.group.name}: {type(self.group.learner).__name__}"
        self.shape.check(written, (self.n, len(prompt_PL), k), author)
        return written

    def beliefs(
        self, fact_nQ: np.ndarray, step: int, purpose: str, rows: np.ndarray | None = None, params: Params | None = None
    ) -> np.ndarray:
        """(n, Q, V) what the models (`rows`: only these) believe of facts; `params`: as they were, in place of now."""
        grammar, draws = self.shape.grammar, self.draws(purpose, step)
        assert grammar is not None
        params = self.params if params is None else params
        if rows is not None:
            params, draws = {name: array[rows] for name, array in params.items()}, draws.take(rows)
        return self.learner.beliefs(params, grammar, fact_nQ, draws)

    def _remembered(self, model_M: np.ndarray, content: np.ndarray) -> np.ndarray | int:
        """The documents from which models (their places in the group) have what they write; -1: not known."""
        if self.recollection is None:
            return -1
        return self.recollection.parents(model_M, self.recollection.grammar.read(content))

    def _check_columns(self, column: np.ndarray, wanted: tuple[int, int]) -> None:
        """The columns that a learner says it copied; compiled loops rely on them."""
        wide = self._lineage.rows_nb.shape[1] if self._lineage is not None else 0
        if column.shape != wanted or (column.size and not 0 <= column.min() <= column.max() < wide):
            raise ValueError(
                f"models.{self.group.name}: {type(self.group.learner).__name__} must say of each document, "
                f"{wanted}, which column of the diet it copies, 0 to {wide - 1}. Got shape {column.shape}, "
                f"from {column.min(initial=0)} to {column.max(initial=0)}."
            )

    def _fitted(self, before: Params, content, weight, step: int, rows: np.ndarray) -> Params:
        """From where the models stand (`before`), or from scratch."""
        params = before
        if self.group.start == "scratch":
            params = self.learner.init(len(content), self.shape, self.draws("init", step).take(rows))
        return self._trained(params, content, weight, self.draws("train", step).take(rows), step, rows, before)

    def _trained(self, params: Params, content, weight, rng, step: int, rows: np.ndarray, before: Params) -> Params:
        """What the learner makes of it; what becomes of models whose fit fails is as the scenario says."""
        made, failed = divergence.trained(self.learner, params, content, weight, rng, self.failing.goes_on(step))
        return self.failing.kept(made, failed, before, step, rows) if failed else made
