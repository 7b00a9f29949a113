"""Cost of a web of categorical models: per document, against numpy in a loop, against a gather and a memory copy.

Three tables. One step of the learners alone (read a diet, fit, write) against the loop over `rng.choice` that a user
would write. The whole step of the world (corpus, provenance, reading, training, measures) as N, K and the documents
grow. The corpus at ten million documents.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from agents.humans.text import Text
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.ngram import Ngram
from benchmarks._timing import alternating, once, peak_gib, row, seconds
from ecosystem.corpus import Corpus
from ecosystem.documents import Batch, DocumentShape, Keep
from ecosystem.model import Ecosystem
from ecosystem.runs.record import Recorder
from ecosystem.scenario import Community, Graph, Group, Measuring, Scenario

METRICS = ("within_diversity", "between_similarity", "differentiation", "tail_coverage", "human_share_read", "depth")


def world(models: int, items: int, publish: int, read: int, metrics: tuple[str, ...] = METRICS, **graph) -> Ecosystem:
    group = Group(name="models", count=models, publish=publish, read=read, learner=Categorical())
    return Ecosystem(
        Scenario(
            steps=10**6, metrics=metrics, world=Zipf(items=items), humans=(Community(rate=1000),), models=(group,),
            graph=Graph(**(graph or {"kind": "complete"})),
        )
    )  # fmt: skip


def town(models: int) -> Ecosystem:
    """As many n-gram models on embedded English text."""
    group = Group(name="models", count=models, publish=16, read=64, learner=Ngram(order=2))
    metrics = ("human_divergence", "within_diversity", "between_similarity", "tail_coverage", "support", "depth")
    return Ecosystem(
        Scenario(
            steps=10**6, metrics=metrics, world=Text(length=32), humans=(Community(rate=1000),), models=(group,),
            graph=Graph(kind="scale_free", links=5), measure=Measuring(documents=16),
        )
    )  # fmt: skip


def against_choice(models: int, items: int, publish: int, read: int) -> None:
    """Read, fit and write of all models, by the population and by the loop over rng.choice."""
    eco = world(models, items, publish, read)
    eco.step()
    population, pool = eco.populations[0], eco.corpus.readable()
    rng = np.random.default_rng(0)
    table = np.full((models, items), 1 / items)
    web = pool.content

    def ours() -> None:
        population.learn(eco.drawing.diet(population, pool, eco.corpus, eco.t), 1)
        population.publish(1)

    def loop() -> None:
        for i in range(models):
            diet = web[rng.integers(0, len(web), read)]
            table[i] = np.bincount(diet, minlength=items) / read
            rng.choice(items, publish, p=table[i])

    mine, theirs = alternating(ours, loop, 3)
    documents = models * (read + publish)
    row(models, items, read, publish, mine / documents * 1e9, theirs / documents * 1e9, theirs / mine)


def whole_step(models: int, items: int, publish: int, read: int, **graph) -> None:
    """A step of the world, and its learners' part, against a plain gather and a memory copy of as many documents."""
    eco = world(models, items, publish, read, **graph)
    eco.step()
    reads, population, pool = models * read, eco.populations[0], eco.corpus.readable()
    # written to, so that its pages are there; rows drawn beforehand, as a plain gather has them
    source, rows = (
        np.arange(models * publish, dtype=np.int32),
        np.random.default_rng(0).integers(0, len(pool.content), reads),
    )
    rows %= len(source)
    out = np.empty(reads, np.int32)

    def learners() -> None:
        population.learn(eco.drawing.diet(population, pool, eco.corpus, eco.t), 1)
        population.publish(1)

    own, gather = alternating(learners, lambda: np.take(source, rows, out=out, mode="clip"))
    step, copy = alternating(eco.step, lambda: out.copy())
    rate = models * (read + publish) / step / 1e6
    row(models, items, read, publish, rate, step / reads * 1e9, step / gather, own / gather, step / copy, peak_gib())


def shares(eco: Ecosystem, name: str) -> None:
    """What the world, measuring, Mesa and recording add to the learners' own work (read, fit, write)."""
    bare = Ecosystem(eco.spec.model_copy(update={"metrics": ()}))
    eco.step(), bare.step()
    population, pool = eco.populations[0], eco.corpus.readable()

    def own() -> None:
        diet = eco.drawing.diet(population, pool, eco.corpus, eco.t)
        population.train(diet.content(), diet.weight_nb, 1)
        population.write(population.group.publish, 1, "publish")

    whole, learners = alternating(eco.step, own)
    step, without = alternating(eco.step, bare.step)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "seed-000", eco, "base", "benchmark")
        recorder.write(eco)
        stepped, recorded, mesa = [], [], []
        for _ in range(9):
            stepped.append(once(eco.step))
            recorded.append(once(lambda: recorder.write(eco)))
            mesa.append(once(lambda: eco.datacollector.collect(eco)))
        recorder.close("complete")
    whole_step = median(stepped)
    row(name, whole / learners, 1 - without / step, median(recorded) / whole_step, median(mesa) / whole_step)


def corpus(documents: int, a_step: int) -> None:
    """Appending up to ten million documents, everything kept."""
    kept = Corpus(DocumentShape("items", 10**6), 2, Keep(window=None), documents)
    batch = Batch(np.zeros(a_step, np.int32), np.zeros(a_step, np.float32), np.zeros(a_step, np.int64))
    counts = np.array([a_step, 0])
    copy = seconds(lambda: (batch.content.copy(), batch.depth.copy(), batch.parent.copy()))
    times = []
    for t in range(documents // a_step):
        times.append(once(lambda t=t: kept.append(t, [batch], counts)))
    typical, worst = median(times), max(times)
    row(len(kept), a_step, a_step / typical / 1e6, typical / copy, worst / typical, peak_gib())


if __name__ == "__main__":
    print("fit and write, ns a document: stacked against a loop over rng.choice")
    row("models", "items", "read", "written", "ns", "loop ns", "ratio")
    against_choice(1000, 10_000, 64, 256)
    against_choice(1000, 10_000, 1000, 1000)
    against_choice(1000, 100_000, 64, 256)
    print(
        "\nwhole step of the world, all measures: millions of documents a second, ns a document read, ratio to a gather"
    )
    print("of the same reads (also that of the learners' part: read, fit, write) and to a copy of as many, peak GiB")
    row("models", "items", "read", "written", "M docs/s", "ns/read", "/ gather", "own/gather", "/ copy", "GiB")
    for models, items, publish, read in (
        (1000, 10_000, 250, 250), (1000, 10_000, 500, 500), (1000, 10_000, 1000, 1000), (1000, 1000, 1000, 1000),
        (1000, 100_000, 1000, 1000), (4000, 10_000, 250, 250), (10_000, 10_000, 100, 100), (100_000, 100_000, 100, 100),
    ):  # fmt: skip
        whole_step(models, items, publish, read)
    print("the same on a scale-free graph (each reads 5 others)")
    for models, read in ((1000, 1000), (10_000, 100), (100_000, 100)):
        whole_step(models, 10_000, read, read, kind="scale_free", links=5)
    print("\n1,000 models: whole step / learners' own work; share of a step: measuring, recording, Mesa")
    row("learner", "whole / own", "measuring", "recording", "Mesa")
    shares(world(1000, 10_000, 1000, 1000), "categorical")
    shares(town(1000), "n-gram")
    print(
        "\nthe corpus, everything kept: documents, of them a step, M docs/s, ratio to copying them, worst step / median"
    )
    row("documents", "a step", "M docs/s", "/ copy", "worst", "GiB")
    corpus(10_000_000, 100_000)
