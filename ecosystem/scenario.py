"""Scenario: one complete, reproducible description of a run.

Frozen pydantic models with every default and bound; `files/scenario_file.py` turns files into these and back. The
meaning of each key is in its description, which is also what `ecosystem schema` prints.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, Field, SerializeAsAny, model_validator

from ecosystem.answering.rules import Questions
from ecosystem.claim import Claim
from ecosystem.documents import Keep
from ecosystem.interfaces import HumanSource, Learner
from ecosystem.measuring import Measuring
from ecosystem.parts import MAX_DOCUMENTS, Documents, Name, Part, Share
from ecosystem.policy import Policy
from ecosystem.verifier import Verifier

MAX_AGENTS = 10_000_000


def _rising(schedule: Any) -> Any:
    if isinstance(schedule, tuple):
        steps = [s for s, _ in schedule]
        if not steps or steps[0] != 0 or any(b <= a for a, b in itertools.pairwise(steps)):
            raise ValueError("a schedule is [[0, rate], [step, rate], ...] with rising steps, the first of them 0")
    return schedule


Schedule = Annotated[
    Union[Documents, tuple[tuple[Annotated[int, Field(ge=0)], Documents], ...]], AfterValidator(_rising)
]


class Community(Part):
    """Humans who feed the web."""

    name: Name = Field("people", description="Name of the community.")
    rate: Schedule = Field(
        10, description="Documents a step, or [[0, 100], [20, 10]]: 100 from step 0, 10 from step 20."
    )
    reach: Union[Literal["all", "most_read", "least_read"], Share, tuple[Annotated[int, Field(ge=0)], ...]] = Field(
        "all",
        description="Which models read it: all, a share (drawn once from the seed), a list of model numbers, or "
        "most_read or least_read: the one that most, or fewest, models read.",
    )
    writes: dict[str, Any] = Field({}, description="Keys of `world` that differ for this community.")

    def rate_at(self, step: int) -> int:
        """Documents published in a step."""
        if isinstance(self.rate, int):
            return self.rate
        return [rate for start, rate in self.rate if start <= step][-1]


class Group(Part):
    """Models of one kind."""

    name: Name = Field("models", description="Name of the group.")
    count: int = Field(10, ge=1, le=MAX_AGENTS, description="Number of models.")
    publish: Documents = Field(100, description="Documents a step, each model.")
    read: Union[Annotated[int, Field(ge=1, le=MAX_DOCUMENTS)], Literal["all"]] = Field(
        100, description="Documents a fit, each model; all: every readable document, once."
    )
    pretrain: Annotated[int, Field(ge=1, le=MAX_DOCUMENTS)] | None = Field(
        None, description="Human documents of step 0; default: read. To be given with `read: all`."
    )
    archive: bool = Field(
        False, description="Keep a model's own pretraining documents among what it can read, as long as the web would."
    )
    start: Literal["scratch", "continue"] = Field("scratch", description="A fit begins anew, or from where it stands.")
    questions: Questions | None = Field(
        None, description="Fact worlds: what it publishes are answers to what people ask (default: free writing)."
    )
    learner: SerializeAsAny[Learner] = Field(description="The kind of model and its hyperparameters.")

    @model_validator(mode="after")
    def _pretrain_given(self) -> Group:
        if self.read == "all" and self.pretrain is None:
            raise ValueError("pretrain: must be given with `read: all`")
        return self

    @property
    def pretraining(self) -> int:
        """Documents of step 0."""
        return self.pretrain if self.pretrain is not None else int(self.read)


class Graph(Part):
    """Who reads whom among the models. Keys that a kind does not use must be left out."""

    kind: Literal[
        "complete", "isolated", "ring", "hub", "small_world", "scale_free", "random", "communities", "file"
    ] = Field("complete", description="ring: model i reads model i+1; hub: all read model 0; file: from `path`.")
    self_loops: bool | None = Field(
        None, description="Adds each model to its own diet (default: no; file: as in the file)."
    )
    neighbours: int | None = Field(None, ge=1, description="small_world: models read by each (default 4).")
    rewire: Share | None = Field(None, description="small_world: share of links rewired (default 0.1).")
    links: int | None = Field(None, ge=1, description="scale_free: models a newcomer reads (default 2).")
    density: Share | None = Field(None, description="random: probability of each link (default 0.1).")
    blocks: int | None = Field(None, ge=1, description="communities: number of blocks (default 2).")
    inside: Share | None = Field(None, description="communities: probability of a link within a block (default 0.5).")
    across: Share | None = Field(None, description="communities: probability of a link between blocks (default 0.02).")
    path: str | None = Field(None, description="file: CSV edge list (reader, author[, weight]), GraphML or GML.")
    nodes: int | None = Field(None, ge=1, description="file: the k nodes with most readers, most read first.")


class Reading(Part):
    """How a diet is drawn."""

    draw: Literal["documents", "sources", "share"] = Field(
        "documents",
        description="documents: every readable document of those one follows alike; sources: first a source by edge "
        "weight, then one of its documents; share: human with probability human_share, else a followed model's.",
    )
    replacement: bool = Field(True, description="Without it a reader that asks for more than there is reads all once.")
    human_share: Share | None = Field(None, description="draw: share only: probability that a document is human.")
    unfed: Literal["keep", "self", "error"] = Field(
        "keep",
        description="With nothing to read a model stays as it is, reads what it wrote in the step, or ends the run.",
    )

    @model_validator(mode="after")
    def _share_given(self) -> Reading:
        if (self.draw == "share") != (self.human_share is not None):
            raise ValueError("human_share: goes with `draw: share`, and only with it")
        return self


class Window(Part):
    window: int = Field(ge=1, description="The last so many steps.")


class Subsample(Part):
    subsample: int = Field(ge=1, description="A uniform sample of so many of everything published, anew each step.")


class Retention(Part):
    """What stays readable."""

    keep: Union[Literal["step", "all"], Window, Subsample] = Field(
        "step", description="step (replace), all (accumulate), {window: w} or {subsample: m}."
    )

    @property
    def rule(self) -> Keep:
        if isinstance(self.keep, Window):
            return Keep(window=self.keep.window)
        if isinstance(self.keep, Subsample):
            return Keep(window=None, subsample=self.keep.subsample)
        return Keep(window=1 if self.keep == "step" else None)


class Collapse(Part):
    """When a model counts as collapsed: by a named definition, or by a metric and a bound."""

    definition: (
        Literal["variance", "loss", "tail", "modes", "support", "entropy", "divergence", "hallucination"] | None
    ) = Field(None, description="One of the definitions in use (docs/measures.md).")
    metric: str | None = Field(None, description="A per-agent metric.")
    below: float | None = Field(None, description="Collapsed when the metric is below this.")
    above: float | None = Field(None, description="Collapsed when the metric is above this.")
    relative: bool = Field(True, description="The bound is a multiple of the agent's own value at step 0.")

    @model_validator(mode="after")
    def _one_way(self) -> Collapse:
        if self.definition is not None:
            if self.metric or self.below is not None or self.above is not None:
                raise ValueError("definition: stands alone, without metric, below and above")
        elif self.metric is None or (self.below is None) == (self.above is None):
            raise ValueError("metric: goes with exactly one of below and above (or give a definition)")
        return self


class Recording(Part):
    """What a run writes down beside the metrics."""

    every: int = Field(1, ge=1, description="Steps between measurements (step 0 and the last are always measured).")
    pairs: bool = Field(False, description="Similarity of every ordered pair of models.")
    documents: Union[Literal["all", "none"], Share] = Field(
        "none", description="Documents: all, none, or a share of them."
    )
    judgements: Union[Literal["all", "none"], Share] = Field(
        "all", description="Judgements of verifiers: all, none, or those on a share of the documents."
    )
    questions: Union[Literal["all", "none"], Share] = Field(
        0.1, description="Fact worlds: questions with their answers: all, none, or a share of them."
    )


class Scenario(Part):
    """One complete, reproducible description of a run."""

    name: Name = Field("scenario", description="Names the output folder.")
    question: str = Field("", description="What the scenario asks.")
    steps: int = Field(20, ge=0, le=10_000_000, description="Steps after step 0 (pretraining).")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of a single run.")
    metrics: tuple[str, ...] = Field(
        ("within_diversity", "between_similarity", "differentiation", "human_share_read"),
        description="Names of metrics (docs/measures.md), or package.module:function.",
    )
    world: SerializeAsAny[HumanSource] = Field(description="What humans write.")
    humans: tuple[Community, ...] = Field(
        (Community(),), min_length=1, description="Human communities (rate 0 for none: models are pretrained on them)."
    )
    models: tuple[Group, ...] = Field(min_length=1, description="Groups of models.")
    verifiers: tuple[SerializeAsAny[Verifier], ...] = Field(
        (), description="Verification agents: who judges what before it is published, or read."
    )
    policies: tuple[SerializeAsAny[Policy], ...] = Field(
        (), description="Policies: what changes from step to step by rule, and what it costs."
    )
    graph: Graph = Field(Graph(), description="Who reads whom.")
    reading: Reading = Field(Reading(), description="How diets are drawn.")
    corpus: Retention = Field(Retention(), description="What stays readable.")
    on_divergence: Literal["stop", "freeze", "reset"] = Field(
        "stop",
        description="A model whose fit fails (its loss, or what it has become, is not finite) ends the run, stays what "
        "it was from then on, or begins anew from what it was after step 0.",
    )
    on_variance_lost: Literal["keep", "stop", "freeze", "reset"] = Field(
        "keep",
        description="A model all of whose documents have become one and the same goes on, ends the run, stays what it "
        "is from then on, or begins anew from what it was after step 0. Known of learners that state their moments.",
    )
    measure: Measuring = Field(Measuring(), description="Choices that metrics depend on.")
    collapse: Collapse | None = Field(None, description="Definition of collapse (metric `collapsed`).")
    record: Recording = Field(Recording(), description="What is written down.")
    arms: dict[Name, dict[str, Any]] = Field({}, description="Named changes to the base scenario: {path: value}.")
    claims: tuple[Claim, ...] = Field((), description="What the scenario expects; tested by `ecosystem check`.")

    @model_validator(mode="after")
    def _names_differ(self) -> Scenario:
        for section in ("humans", "models", "verifiers", "policies"):
            parts: tuple[Any, ...] = getattr(self, section)
            names = [part.name for part in parts]
            twice = [name for name in names if names.count(name) > 1]
            if twice:  # random numbers go by name: two of one name would share their luck
                raise ValueError(f"{section}: each must have a name of its own; got {twice[0]!r} twice")
        return self

    @classmethod
    def from_file(cls, source: str | Path, *sets: str) -> Scenario:
        """The scenario of a file or of a name (`scenarios/NAME.yaml`), with changes such as 'humans.0.rate=10'."""
        from ecosystem.files import scenario_file

        return scenario_file.read(source, sets)

    def to_file(self, path: str | Path) -> Path:
        """Writes the complete scenario, every default written out, as YAML."""
        from ecosystem.files import scenario_file

        path = Path(path)
        path.write_text(scenario_file.to_yaml(self), encoding="utf-8")
        return path

    def plain(self) -> dict[str, Any]:
        """As plain data that JSON knows, kinds of components and every default included."""
        from ecosystem.files import scenario_file

        return scenario_file.plain(self)

    def with_(self, changes: dict[str, Any] | None = None, /, **more: Any) -> Scenario:
        """With values put at addresses, all checked anew: with_(steps=5), with_({'humans.people.rate': 20})."""
        from ecosystem.files import scenario_file

        return scenario_file.change(self, {**(changes or {}), **more})

    def arm(self, name: str) -> Scenario:
        """The scenario of an arm, its changes applied, without arms and claims; `base` is the unchanged one."""
        from ecosystem.files import scenario_file

        return scenario_file.arm(self, name)

    @property
    def human_sources(self) -> list[HumanSource]:
        """What each community writes: the world, with its own keys (`writes`) in place of the world's."""
        plain = self.world.model_dump()
        return [type(self.world).model_validate(plain | c.writes) if c.writes else self.world for c in self.humans]

    @property
    def agents(self) -> int:
        """Number of models, N."""
        return sum(g.count for g in self.models)

    @property
    def digest(self) -> str:
        """12 hex digits of the SHA-256 of what makes the numbers: all but the seed, the question and the claims."""
        plain = {key: value for key, value in self.plain().items() if key not in ("seed", "question", "claims")}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]
