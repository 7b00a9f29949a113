"""Diets against a slow, obvious reference: every rule, with and without replacement, in worlds of every make.

Each comparison is a two-sample chi-square on several statistics of a diet, Bonferroni over them at the false-alarm rate
ALARM. Negative controls: diets of a wrong rule are rejected by the same test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from ecosystem.corpus import Corpus
from ecosystem.documents import Batch, DocumentShape, Keep, Pool
from ecosystem.network import Network, build, from_edges
from ecosystem.reading import Follows, available, read
from ecosystem.scenario import Graph
from ecosystem.streams import Streams

ALARM = 1e-6
ROWS = 4000
N, H = 4, 2


@dataclass(frozen=True)
class World:
    """Four models, two communities and four archives; counts_GS: documents of each source in each kept step."""

    network: Network
    counts_GS: tuple[tuple[int, ...], ...]
    reach_NH: tuple[tuple[int, int], ...] = ((1, 0), (1, 1), (0, 0), (0, 1))
    archive_N: tuple[int, ...] = (0, 0, 0, 0)
    keep: Keep = field(default_factory=lambda: Keep(None))

    @property
    def follows(self) -> Follows:
        return Follows(self.network, np.array(self.reach_NH, bool), np.array(self.archive_N, bool))

    def corpus(self) -> Corpus:
        """Content is the document's number, depth grows with it; humans have depth 0."""
        corpus = Corpus(DocumentShape("items", 10**6), len(self.counts_GS[0]), self.keep)
        for step, counts in enumerate(self.counts_GS, start=1):
            number = corpus.published + np.arange(sum(counts))
            human = np.repeat(np.arange(len(counts)) >= N, counts)
            corpus.append(step, [Batch(number, np.where(human, 0, number % 7 + 1))], np.array(counts))
        return corpus

    def shelf(self, reader: int, pool: Pool) -> list[Source]:
        """What one model may read."""
        author = self.network.matrix().toarray()[reader]
        weight = np.concatenate([author, self.reach_NH[reader], np.eye(N)[reader] * self.archive_N[reader]])
        return [
            Source(w, written(pool, s), human=s >= N) for s, w in enumerate(weight[: len(pool.counts_S)]) if w > 0
        ]


@dataclass
class Source:
    weight: float
    documents: list[int]
    human: bool


def written(pool: Pool, source: int) -> list[int]:
    """Numbers of the readable documents of a source."""
    spans = zip(pool.start_GS[:, source], np.diff(pool.cumulative_GS[:, source]), strict=True)
    return [int(number) for first, count in spans for number in pool.documents(np.arange(first, first + count))]


def reference(shelf: list[Source], budget: int, rule: str, share: float, replacement: bool, rng: random.Random):
    """One diet, document by document."""
    left = [Source(s.weight, list(s.documents), s.human) for s in shelf]
    if not replacement and sum(len(s.documents) for s in left) <= budget:
        return [document for s in left for document in s.documents]
    diet = []
    for _ in range(budget):
        choices = [s for s in left if s.documents]
        if rule == "sources":
            choices = rng.choices(choices, [s.weight for s in choices])
        elif rule == "share" and len({s.human for s in choices}) == 2:
            human = rng.random() < share
            choices = [s for s in choices if s.human == human]
        document = rng.choice([d for s in choices for d in s.documents])
        if not replacement:
            for source in left:
                source.documents = [d for d in source.documents if d != document]
        diet.append(document)
    return diet


EDGES = np.array([[0, 1], [0, 0], [0, 3], [1, 2], [2, 0], [3, 1]])
WEIGHTED = from_edges(N, *EDGES.T, np.array([2, 1, 0.5, 3, 1, 1]))
ALONE = from_edges(N, np.array([0, 2, 3]), np.array([3, 0, 1]), np.ones(3))  # model 1 follows nobody, others do
COMPLETE = build(Graph(kind="complete"), N, np.random.default_rng(0))
HUB = build(Graph(kind="hub", self_loops=True), N, np.random.default_rng(0))
ISOLATED = build(Graph(kind="isolated"), N, np.random.default_rng(0))
UNEQUAL, ALIKE = ((5, 9, 4, 7, 3, 6),), ((6, 6, 6, 6, 3, 5),)
STEPS = ((5, 9, 0, 7, 3, 6), (0, 0, 0, 0, 0, 0), (2, 3, 4, 1, 0, 2), (1, 8, 2, 0, 5, 1))
ARCHIVES = ((0, 0, 0, 0, 0, 0, 4, 0, 5, 0), (3, 2, 3, 4, 2, 2, 0, 0, 0, 0))
WORLDS = {
    "weighted": (World(WEIGHTED, UNEQUAL), 0),
    "complete": (World(COMPLETE, UNEQUAL), 1),
    "complete, first skips": (World(COMPLETE, UNEQUAL), 0),
    "complete, last skips": (World(COMPLETE, UNEQUAL), 3),
    "complete, equal counts": (World(COMPLETE, ALIKE), 2),
    "complete, a silent model": (World(COMPLETE, ((4, 0, 3, 5, 2, 3),)), 0),
    "complete, oneself silent": (World(COMPLETE, ((4, 0, 3, 5, 2, 3),)), 1),
    "hub, equal counts": (World(HUB, ALIKE), 1),
    "several steps": (World(WEIGHTED, STEPS), 0),
    "several steps, complete": (World(COMPLETE, STEPS), 1),
    "window": (World(WEIGHTED, STEPS, keep=Keep(2)), 0),
    "follows nobody, others do": (World(ALONE, ALIKE), 1),
    "two communities": (World(ISOLATED, UNEQUAL), 1),
    "archive": (World(WEIGHTED, ARCHIVES, archive_N=(1, 0, 1, 0)), 0),
    "archive alone": (World(ISOLATED, ARCHIVES, archive_N=(1, 0, 1, 0)), 2),
    "no humans": (World(WEIGHTED, UNEQUAL), 2),
    "humans silent": (World(WEIGHTED, ((5, 9, 4, 7, 0, 0),)), 0),
    "models silent": (World(COMPLETE, ((0, 0, 0, 0, 6, 5),)), 1),
    "subsample": (World(WEIGHTED, STEPS, keep=Keep(None, 30)), 0),
}


def diets(world: World, reader: int, budget: int, rule: str, replacement: bool, share=0.3, rows=ROWS, seed=0):
    """(diets (rows, read) as document numbers, the pool) of many models that read what one reads."""
    pool = world.corpus().readable(np.random.default_rng(0))
    rng = Streams(seed).rows("reading", 1, rows)
    diet = read(world.follows, pool, np.full(rows, reader), budget, rng, rule, share, replacement)
    assert (diet.read_n == diet.read_n[0]).all()
    return pool.documents(diet.rows_nb[:, : diet.read_n[0]]), pool, diet


def statistics(diets_rb: np.ndarray, source_of: dict[int, int]) -> list[list]:
    """What is compared: first, last and any one document, sources of the first two and last two, number of humans."""
    source_rb = np.vectorize(source_of.__getitem__, otypes=[int])(diets_rb)
    any_place = np.arange(len(diets_rb)) % diets_rb.shape[1]
    columns = [diets_rb[:, 0], diets_rb[:, -1], diets_rb[np.arange(len(diets_rb)), any_place]]
    columns += [source_rb[:, 0] * 100 + source_rb[:, -1], (source_rb >= N).sum(axis=1)]
    if diets_rb.shape[1] > 1:
        columns.append(source_rb[:, -2] * 100 + source_rb[:, -1])
        columns.append(diets_rb[:, 0] * 10_000 + diets_rb[:, 1])
    return columns


def p_value(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Two-sample chi-square; values met less than ten times in both together are one category."""
    values, counts = np.unique(np.concatenate([mine, theirs]), return_counts=True)
    kind = {v: (i if c >= 10 else -1) for i, (v, c) in enumerate(zip(values.tolist(), counts.tolist(), strict=True))}
    kinds = sorted(set(kind.values()))
    table = np.zeros((2, len(kinds)))
    for row, sample in enumerate((mine, theirs)):
        found, count = np.unique([kind[v] for v in sample.tolist()], return_counts=True)
        table[row, np.searchsorted(kinds, found)] = count
    return 1.0 if len(kinds) == 1 else float(chi2_contingency(table, correction=False).pvalue)


def worst(mine: np.ndarray, theirs: np.ndarray, pool: Pool) -> float:
    """The smallest p-value times the number of statistics."""
    source_of = {number: s for s in range(len(pool.counts_S)) for number in written(pool, s)}
    pairs = zip(statistics(mine, source_of), statistics(theirs, source_of), strict=True)
    p = [p_value(a, b) for a, b in pairs]
    return min(p) * len(p)


@pytest.mark.parametrize("replacement", [True, False], ids=["freely", "once"])
@pytest.mark.parametrize("rule", ["documents", "sources", "share"])
@pytest.mark.parametrize("name", WORLDS)
def test_diets_are_those_of_the_slow_reference(name, rule, replacement):
    world, reader = WORLDS[name]
    mine, pool, _ = diets(world, reader, 5, rule, replacement)
    shelf, rng = world.shelf(reader, pool), random.Random(1)
    theirs = np.array([reference(shelf, 5, rule, 0.3, replacement, rng) for _ in range(ROWS)])
    assert worst(mine, theirs, pool) > ALARM


@pytest.mark.parametrize("replacement", [True, False], ids=["freely", "once"])
@pytest.mark.parametrize("rule", ["sources", "share"])
def test_diets_that_take_nearly_all_there_is_are_right_to_the_last_document(rule, replacement):
    world, reader = WORLDS["weighted"]
    mine, pool, _ = diets(world, reader, 23, rule, replacement, share=0.7)
    shelf, rng = world.shelf(reader, pool), random.Random(1)
    assert sum(len(s.documents) for s in shelf) == 24
    theirs = np.array([reference(shelf, 23, rule, 0.7, replacement, rng) for _ in range(ROWS)])
    assert worst(mine, theirs, pool) > ALARM


WRONG = {
    "another rule": dict(rule="documents"),
    "another share": dict(share=0.35),
    "weights ignored": dict(network=from_edges(N, *EDGES.T)),
    "replacement": dict(replacement=True),
    "a follower left out": dict(network=from_edges(N, np.array([0, 0]), np.array([0, 1]), np.array([1.0, 2]))),
    "transposed": dict(network=from_edges(N, *EDGES.T[::-1])),
}


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("another rule", "sources"), ("another rule", "share"), ("another share", "share"), ("transposed", "documents"),
        ("weights ignored", "sources"), ("replacement", "documents"), ("replacement", "sources"),
        ("replacement", "share"), ("a follower left out", "documents"),
    ],
)  # fmt: skip
def test_diets_of_a_wrong_rule_are_rejected(wrong, rule):
    """Negative controls of the comparisons above."""
    world, changed = WORLDS["weighted"][0], dict(WRONG[wrong])
    other = World(changed.pop("network", world.network), world.counts_GS)
    mine, pool, _ = diets(other, 0, **({"budget": 5, "rule": rule, "replacement": False} | changed))
    shelf, rng = world.shelf(0, pool), random.Random(1)
    theirs = np.array([reference(shelf, 5, rule, 0.3, False, rng) for _ in range(ROWS)])
    assert worst(mine, theirs, pool) < ALARM


@pytest.mark.parametrize("replacement", [True, False], ids=["freely", "once"])
@pytest.mark.parametrize("rule", ["documents", "sources", "share"])
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("budget", [1, 7, 1000])
def test_a_diet_says_truly_what_was_read(name, rule, replacement, budget):
    world, reader = WORLDS[name]
    mine, pool, diet = diets(world, reader, budget, rule, replacement, rows=10)
    shelf = world.shelf(reader, pool)
    there = [document for s in shelf for document in s.documents]
    human = [document for s in shelf if s.human for document in s.documents]
    assert available(world.follows, pool)[reader] == len(there)
    assert diet.read_n.tolist() == [budget if replacement else min(budget, len(there))] * 10
    assert np.isin(mine, there).all()
    assert diet.human_n.tolist() == np.isin(mine, human).sum(axis=1).tolist()
    depth = np.where(np.isin(mine, human), 0, mine % 7 + 1).mean(axis=1)
    assert diet.depth_n == pytest.approx(depth)
    assert diet.weight_nb.tolist() == [[1.0] * mine.shape[1] + [0.0] * (budget - mine.shape[1])] * 10
    assert (diet.rows_nb[:, mine.shape[1] :] == 0).all()
    assert np.array_equal(diet.content()[:, : mine.shape[1]], mine)  # the content is the number
    if not replacement:
        assert all(np.unique(row).size == row.size for row in mine)
    if not replacement and budget >= len(there):
        assert all(sorted(row) == sorted(there) for row in mine.tolist())


def test_the_share_is_kept_while_both_sides_have_documents():
    """Freely: each document human with probability 0.3, whatever there is of either. False-alarm rate ALARM."""
    world = World(COMPLETE, ((50, 50, 50, 50, 1, 1),))
    human = diets(world, 1, 100, "share", True)[2].human_n.sum()
    for share, right in ((0.3, True), (0.31, False)):  # with a negative control
        chance = chisquare([human, ROWS * 100 - human], [ROWS * 100 * share, ROWS * 100 * (1 - share)]).pvalue
        assert bool(chance > ALARM) is right
    assert set(diets(world, 1, 90, "share", False, share=1.0)[2].human_n) == {2}  # then from the side that has any


def test_sources_without_documents_are_left_out():
    world = World(WEIGHTED, ((0, 1, 0, 1, 0, 0),))  # of 0's list: itself silent, 1 (weight 2), 3 (weight 0.5)
    mine = diets(world, 0, 1, "sources", True)[0].ravel()
    assert chisquare(np.bincount(mine, minlength=2), [ROWS * 0.8, ROWS * 0.2]).pvalue > ALARM
    assert chisquare(np.bincount(mine, minlength=2), [ROWS * 0.5, ROWS * 0.5]).pvalue < ALARM  # negative control


def test_light_weights_count_beside_heavy_ones_of_others():
    """Model 1 weighs its authors 1 to 3, whatever weights models 0 and 2 have."""
    edges = np.array([[0, 0], [0, 1], [1, 2], [1, 3], [2, 0], [2, 3]])
    for heavy in (1.0, 1e90):
        network = from_edges(N, *edges.T, np.array([heavy, heavy, 1, 3, heavy, heavy]))
        world = World(network, ((1, 1, 1, 1, 0, 0),), reach_NH=((0, 0),) * 4)
        mine = diets(world, 1, 1, "sources", True)[0].ravel()
        assert chisquare(np.bincount(mine - 2, minlength=2), [ROWS * 0.25, ROWS * 0.75]).pvalue > ALARM


@pytest.mark.parametrize("heavy", [1e3, 1e16, 1e100])
def test_exhausted_heavy_sources_leave_the_light_ones_their_proportions(heavy):
    """Two documents of the heavy source, then one of the light ones, which weigh 1 to 3; at any ratio it ends."""
    network = from_edges(N, *np.array([[0, 1], [0, 2], [0, 3]]).T, np.array([1, heavy, 3]))
    world = World(network, ((0, 40, 2, 40, 0, 0),), reach_NH=((0, 0),) * 4)
    mine, pool, _ = diets(world, 0, 3, "sources", False)
    light = np.bincount(np.isin(mine, written(pool, 3)).sum(axis=1), minlength=2)
    assert (np.isin(mine, written(pool, 2)).sum(axis=1) == 2).mean() > 0.95
    assert chisquare(light[:2], light[:2].sum() * np.array([0.25, 0.75])).pvalue > ALARM
    assert chisquare(light[:2], light[:2].sum() * np.array([0.4, 0.6])).pvalue < ALARM  # negative control
    every, _, _ = diets(world, 0, 81, "sources", False, rows=3)
    assert all(np.unique(row).size == 81 for row in every)


def test_a_row_is_the_readers_own_whoever_reads_beside_it():
    world = World(COMPLETE, STEPS)
    pool, readers = world.corpus().readable(), np.arange(N)
    rng = Streams(0).rows("reading", 1, N)
    for rule in ("documents", "sources", "share"):
        for replacement in (True, False):
            rules = (9, rule, 0.5, replacement)
            whole = read(world.follows, pool, readers, rules[0], rng.take(readers), *rules[1:])
            part = read(world.follows, pool, readers[[3, 1]], rules[0], rng.take(np.array([3, 1])), *rules[1:])
            assert np.array_equal(whole.rows_nb[[3, 1]], part.rows_nb)
            assert np.array_equal(whole.human_n[[3, 1]], part.human_n)


def test_a_larger_budget_begins_with_the_smaller_one():
    for replacement in (True, False):
        small = diets(World(COMPLETE, STEPS), 1, 4, "documents", replacement, rows=20)[0]
        assert np.array_equal(diets(World(COMPLETE, STEPS), 1, 9, "documents", replacement, rows=20)[0][:, :4], small)


UNFED = ((3, 0, 5, 2, 4, 4), (2, 0, 9, 6, 0, 0))


def unfed(budget: int, replacement: bool, keep: Keep, itself: bool = True):
    """Diets of models 1, 2 and 3 that nothing reaches; model 1 is silent."""
    world = World(ISOLATED, UNFED, reach_NH=((0, 0),) * 4, keep=keep)
    pool = world.corpus().readable(np.random.default_rng(0))
    rng = Streams(0).rows("reading", 1, 3 * ROWS)
    readers = np.tile([1, 2, 3], ROWS)
    diet = read(world.follows, pool, readers, budget, rng, "documents", 0.0, replacement, itself)
    return diet, [pool.documents(diet.rows_nb[i::3, : diet.read_n[i]]) for i in range(3)]


@pytest.mark.parametrize("keep", [Keep(1), Keep(None), Keep(None, 10)], ids=["step", "all", "subsample"])
def test_an_unfed_model_reads_its_own_documents_of_the_step(keep):
    first = 18 + 2  # number of model 2's first document of the newest step
    own = [np.arange(0), np.arange(first, first + 9), np.arange(first + 9, first + 15)]
    for budget in (4, 7):
        freely, once = unfed(budget, True, keep), unfed(budget, False, keep)
        for i in range(3):
            assert np.isin(freely[1][i], own[i]).all()
            assert np.isin(once[1][i], own[i]).all()
            assert freely[0].read_n[i] == (budget if i else 0)
            assert once[0].read_n[i] == min(budget, own[i].size)
            assert all(np.unique(row).size == row.size for row in once[1][i])
            if i:
                assert chisquare(np.unique(freely[1][i], return_counts=True)[1]).pvalue > ALARM
                assert chisquare(np.unique(once[1][i][:, 0], return_counts=True)[1]).pvalue > ALARM
        assert not freely[0].human_n.any()
        assert np.isnan(freely[0].depth_n[0])
        assert freely[0].depth_n[1] == pytest.approx((freely[1][1][0] % 7 + 1).mean())


def test_an_unfed_model_reads_nothing_otherwise():
    diet, read_by = unfed(4, True, Keep(1), itself=False)
    assert not diet.read_n.any()
    assert np.isnan(diet.depth_n).all()
    assert not diet.weight_nb.any()
    assert all(documents.size == 0 for documents in read_by)
