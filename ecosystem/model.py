"""The world: a Mesa model whose step is publish, read, train, measure, in the order that is the model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import mesa
import networkx as nx
import numpy as np
from scipy.sparse import csr_array

from ecosystem import checkpoint, fits, founding, memory, metrics, views
from ecosystem.checkpoint import State
from ecosystem.diets import ClaimsRead
from ecosystem.documents import DocumentShape
from ecosystem.drawing import Drawing
from ecosystem.fits import WorldError
from ecosystem.frame import Frame
from ecosystem.humans import Humans
from ecosystem.metrics.collapse import metric_of
from ecosystem.network import Network, build, from_networkx, reach
from ecosystem.notes import Notes
from ecosystem.population import Population
from ecosystem.publishing import Publishing
from ecosystem.reading import Diet, Follows
from ecosystem.readout import Readout
from ecosystem.reference import Reference
from ecosystem.scenario import Scenario
from ecosystem.spread import Spread
from ecosystem.steering import Steering
from ecosystem.streams import Streams
from ecosystem.tally import mean_known
from ecosystem.text import encoders, prompts
from ecosystem.verification.gates import Gates
from ecosystem.verification.sight import WorldSight
from ecosystem.verifier import Verifier


class Ecosystem(mesa.Model):
    """Many generative models that publish to, and train from, one web that humans also feed.

    `spec` is its Scenario, `rng` the seed (default: the scenario's). After construction step 0 (pretraining) is done
    and `frame` holds its measures; each `step()` makes the next. Mesa's `agents` are views, `datacollector` collects
    the world-level measures. `network`: a reading graph of one's own in place of the scenario's, any networkx graph
    of as many nodes as there are models (an edge i -> j: i reads j; undirected ones are read both ways).
    """

    def __init__(
        self, spec: Scenario, rng: int | None = None, network: Network | nx.Graph | None = None,
        state: State | None = None,
    ):  # fmt: skip
        """`state`: goes on from there (`ecosystem.checkpoint`), in place of step 0."""
        seed = spec.seed if rng is None else int(rng)
        super().__init__(rng=seed)
        self.spec, self.seed, self.t = spec, seed, 0
        self.n = spec.agents
        self.streams = Streams(seed)
        writers = spec.world.open(spec.human_sources)
        fits.check(spec, writers, self._needs)
        self.network = self._network(network)  # of as many models as fit into memory
        self.asked = prompts.opened(spec.measure.prompts, writers) if spec.measure.prompts is not None else None
        self.writers, self.shape = writers, writers[0].shape
        self.humans = Humans(spec.humans, writers, self._reach(), self.streams)
        self.reference = Reference(self.humans, spec.measure.rare_below)
        self.populations = self._founded()
        self._new_web()
        self._values: dict[str, np.ndarray | float] = {}
        self._first: dict[str, np.ndarray | float] = {}
        self.frame: Frame | None = None
        followed = {metrics.follows(name) for name in spec.metrics} - {None}
        spreading = followed & {"collapse", "likeness"}
        self.spread = Spread(self.network, "collapse" in followed, "likeness" in followed) if spreading else None
        truth = self.reference.truth if "diet" in followed else None
        self.claims_read = None if truth is None else ClaimsRead(truth, self.n)
        columns = [metrics.column(name) for name in spec.metrics]
        reporters = {c: lambda m, c=c: m.frame.values[c] for c in columns}
        self.datacollector = mesa.DataCollector({"step": lambda m: m.t, **reporters})
        if state is None:
            self._begin()
        else:
            checkpoint.restore(self, state)
            self._read_out()
        self._make_agents()

    def step(self) -> None:
        """One step; everyone acts on the same web.

        Before it policies say what holds in it.

        1. Humans publish, models publish from what they were after the last step; verifiers may stand before it.
        2. The web forgets what is no longer kept.
        3. Every model draws its diet from what it may read and what verifiers let pass.
        4. Every model trains.
        5. What they have become is measured.
        """
        self.t += 1
        self.steering.begin(self.t, self.corpus)
        self.gates.begin(self.t)
        self.publishing.publish(self.t)
        self.gates.judge(self.corpus)
        self._read_and_train()
        self.notes.events += self.gates.events(self.t)
        self.notes.judgements += [(self.t, judgements) for judgements in self.gates.judgements()]
        self.notes.worked += self.gates.worked(self.t)
        self.notes.events += self.steering.events(self.t)
        self.notes.ledger += self.steering.end(self.t)
        self._measure()

    def __repr__(self) -> str:
        communities = ", ".join(c.name for c in self.spec.humans)
        return f"<Ecosystem {self.spec.name!r}: {self.n:,} models, fed by {communities}, step {self.t}>"

    @property
    def web_counts(self) -> np.ndarray:
        """Readable documents of every source, (S,)."""
        return self.corpus.counts_S()

    @property
    def public(self) -> int:
        """Sources below are models and people, whose documents others may read; the rest are private archives."""
        return self.n + len(self.spec.humans)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources in the order of their numbers."""
        models = [f"{p.group.name} {i}" for p in self.populations for i in range(p.first, p.first + p.n)]
        archives = [f"archive of {m}" for m in models] if self.corpus.sources > self.public else []
        return (*models, *(c.name for c in self.spec.humans), *archives)

    @property
    def weights(self) -> csr_array:
        """The reading matrix (N, N): row i holds the weights of those whom model i reads."""
        return self.network.matrix()

    @cached_property
    def graph(self) -> nx.DiGraph:
        """Who reads whom, as networkx has it."""
        return self.network.to_networkx()

    @cached_property
    def encoder(self) -> encoders.Encoder:
        """Texts as vectors, by which measures compare them (`measure.encoder`)."""
        return encoders.opened(self.spec.measure.encoder, self.writers)

    @cached_property
    def agent_table(self) -> dict[str, np.ndarray]:
        """`group_name` (N,) and `kind` (N,) of every model."""
        from ecosystem.components import kind_of

        sizes = [p.n for p in self.populations]
        return {
            "group_name": np.repeat([p.group.name for p in self.populations], sizes),
            "kind": np.repeat([kind_of(p.group.learner) for p in self.populations], sizes),
        }

    def show(self, content: np.ndarray) -> list[str]:
        """Documents (M, *x) as text for people."""
        return self.writers[0].show(content)

    def per_agent(self, values: Callable[[Population], np.ndarray]) -> np.ndarray:
        """(N,) array from one array per group."""
        return np.concatenate([values(p) for p in self.populations])

    def measured(self, name: str) -> np.ndarray | float:
        """A metric of the current step, computed at most once (also in steps that are not recorded)."""
        if name not in self._values:
            self._values[name] = metrics.find(name)(self)
        return self._values[name]

    def measured_first(self, name: str) -> np.ndarray | float:
        """The same metric at step 0; KeyError where it was not measured then."""
        return self.measured(name) if self.t == 0 else self._first[name]

    def _measured_last(self) -> dict[str, float]:
        """World-level measures of the last frame, by their names in the scenario."""
        return {} if self.frame is None else {m: self.frame.values[metrics.column(m)] for m in self.spec.metrics}

    def _network(self, given: Network | nx.Graph | None) -> Network:
        """The scenario's reading graph, or the one that was given."""
        if given is None:
            return build(self.spec.graph, self.n, self.streams.get("graph"))
        network = given if isinstance(given, Network) else from_networkx(given)
        if network.n != self.n:
            raise WorldError(f"network: must have a node for each of the {self.n} models. Got {network.n}.")
        return network

    def _reach(self) -> np.ndarray:
        """(N, H) bool: which models read which community."""
        return reach(self.spec.humans, self.n, self.streams, self.network.audience_N())

    def _begin(self) -> None:
        """Step 0."""
        self._pretrain()
        self.steering.open(self.corpus)
        self._open_gates()
        self._measure()

    def _open_gates(self) -> None:
        self.notes.events += self.gates.open(self.populations)

    def _needs(self, spec: Scenario, shape: DocumentShape) -> list[memory.Need]:
        """What this process holds."""
        return memory.needs(spec, shape)

    def _founded(self) -> list[Population]:
        """The groups."""
        return founding.populations(self.spec, self.shape, self.streams)

    def _pretrain(self) -> None:
        archives = []
        for population in self.populations:
            content = self.humans.pretraining(population)
            population.pretrain(content)
            if self.claims_read is not None:
                self.claims_read.note(population.numbers, content, np.full(population.n, content.shape[1]))
            if population.group.archive:
                archives.append((population, content))
        if archives:
            self.publishing.publish_archives(archives)

    def _read_and_train(self) -> list[Diet]:
        """What every group reads of the web as it stands; they train on it. Gives the diets."""
        pool = self.corpus.readable(self.streams.get("retention", self.t))
        diets = [self.drawing.diet(population, pool, self.corpus, self.t) for population in self.populations]
        for population, diet in zip(self.populations, diets, strict=True):  # all have read before anyone trains
            if self.spread is not None:
                self.spread.read(population.numbers, diet)
            if self.claims_read is not None:
                self.claims_read.note(population.numbers, diet.content(), diet.read_n)
            population.learn(diet, self.t)
            self.notes.events += population.failing.taken()
        return diets

    def _read_out(self) -> None:
        """What the models are now, for whoever measures."""
        self._values = {}
        wanted = self.spec.measure.documents
        self.readout = Readout(self.populations, self.shape, self.t, wanted, self._asked_now, self.answering)
        self.running = self.t < self.spec.steps

    def _measure(self) -> None:
        self._read_out()
        if self.spread is not None:
            self.spread.note(self)
        if self.t % self.spec.record.every and self.t != self.spec.steps:
            return
        if self.t == 0 and self.spec.collapse is not None:
            fits.check_start(self.spec, self.measured(metric_of(self.spec.collapse)))
        measured = {metrics.column(name): self.measured(name) for name in self.spec.metrics}
        agents = {name: np.asarray(value) for name, value in measured.items() if np.ndim(value)}
        values = {name: mean_known(agents[name]) if name in agents else float(v) for name, v in measured.items()}
        pairs = self.readout.similarity_NN() if self.spec.record.pairs else None
        self.frame = Frame(self.t, values, agents, pairs, answers=self.readout.answers, **self.notes.taken())
        self.datacollector.collect(self)
        if self.t == 0:
            self._first = dict(self._values)

    @property
    def _asked_now(self) -> prompts.Asked | None:
        """The prompts, at steps where they are asked."""
        rule = self.spec.measure.prompts
        return self.asked if rule is not None and rule.asked_at(self.t, self.spec.steps) else None

    def _new_web(self) -> None:
        archive_N, group_N = founding.each(self.spec, "archive"), founding.each(self.spec, "name")
        self.follows = Follows(self.network, self.humans.reach_NH, archive_N)
        true = founding.true(self.writers)
        self.gates = Gates(self.spec, self.network, self.follows, group_N, self.streams, self.sight, true)
        self.corpus = founding.corpus(self.spec, self.shape, self.gates.columns)
        self.answering = founding.answering(self.writers, self.follows, self.populations)
        if self.answering is not None:
            self.gates.publishing.note_refused = self.answering.experience.note
        self.notes = Notes()
        self.steering = Steering(
            self.spec.policies, self.humans, self.populations, self.follows, self.gates, self._measured_last
        )
        self.drawing = Drawing(self.spec.reading, self.follows, self.gates, self.notes)
        self.publishing = Publishing(
            self.spec, self.streams, self.populations, self.humans, self.gates, self.answering, self.corpus, self.notes
        )

    def sight(self, verifier: Verifier) -> WorldSight:
        """What a verifier can look at: what is true only where it is an oracle."""
        return WorldSight(
            verifier.name, self.shape, self.n, self.humans, self.populations, self.streams, lambda: self.corpus,
            founding.true(self.writers) if verifier.oracle else None, lambda: self.answering,
        )  # fmt: skip

    def _make_agents(self) -> None:
        views.make(self)
