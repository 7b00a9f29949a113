"""Random numbers by name: a number is a function of (seed, purpose, step, agent, index) and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy.stats import chi2, chisquare, kstest, norm

from ecosystem.streams import Draws, Streams, philox

ALARM = 1e-6  # false-alarm rate of each statistical test below

# Random123 1.14, tests/kat_vectors: philox4x32 10, counter, key, output
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]  # fmt: skip


@njit
def block_of(key, counter):
    return philox(key, counter[0], counter[1], counter[2], counter[3])


def p_of_counts(x: np.ndarray, bins: int = 64) -> float:
    """Chi-square of equal bins."""
    return float(chisquare(np.bincount((x.ravel() * bins).astype(int), minlength=bins)).pvalue)


def p_of_pairs(x: np.ndarray, y: np.ndarray, bins: int = 8) -> float:
    """Chi-square of equal cells of the unit square: independence and uniformity at once."""
    cell = (x.ravel() * bins).astype(int) * bins + (y.ravel() * bins).astype(int)
    return float(chisquare(np.bincount(cell, minlength=bins * bins)).pvalue)


@pytest.mark.parametrize(("counter", "key", "out"), KNOWN)
def test_philox_gives_the_published_known_answers(counter, key, out):
    words = block_of(np.uint64(key[0] | key[1] << 32), np.array(counter, np.uint64))
    assert [int(w) for w in words] == [out[0] | out[1] << 32, out[2] | out[3] << 32]


def test_numbers_are_laid_out_as_documented():
    draws = Streams(3).rows("p", 7, np.array([5]))
    key = np.uint64(Streams(3).key("p"))
    words = [block_of(key, np.array([block, 0, 5, 7], np.uint64)) for block in range(2)]
    expected = [(int(w) >> 11) / 2**53 for pair in words for w in pair]
    assert draws.uniform(4)[0].tolist() == expected


def test_a_row_depends_on_its_own_agent_only():
    streams = Streams(11)
    many = streams.rows("reading/a", 4, 9)
    few = streams.rows("reading/a", 4, np.array([7, 2]))
    for name, shape in (("uniform", (5,)), ("normal", (3, 3)), ("uniform", ()), ("normal", (1,))):
        of_many, of_few = getattr(many, name)(*shape), getattr(few, name)(*shape)
        assert np.array_equal(of_many[[7, 2]], of_few)
    assert np.array_equal(many.integers(10, 4)[[7, 2]], few.integers(10, 4))
    assert np.array_equal(many.generator(7).random(5), few.generator(0).random(5))


@pytest.mark.parametrize("other", [("seed", 12), ("purpose", "b"), ("step", 5), ("agent", 1), ("call", 1)])
def test_each_part_of_the_name_matters(other):
    def draw(seed=11, purpose="a", step=4, agent=0, call=0):
        draws = Streams(seed).rows(purpose, step, np.array([agent]))
        for _ in range(call):
            draws.uniform(1)
        return draws.uniform(1000)[0], draws.generator(0).random(1000)

    for mine, theirs in zip(draw(), draw(**{other[0]: other[1]}), strict=True):
        assert not np.isin(mine, theirs).any()


def test_the_same_name_gives_the_same_numbers_in_every_version():
    for _ in range(2):
        draws = Streams(2**63 - 1).rows("p", 10_000_000, np.array([10_000_000]))
        assert draws.uniform(2)[0].tolist() == [0.44357237902628044, 0.14364248119770073]
        assert draws.generator(0).random() == 0.8967010019917036
    assert Streams(5).get("graph").random() == Streams(5).get("graph").random()
    assert Streams(5).get("graph", 1).random() != Streams(5).get("graph", 2).random()


def test_taking_rows_gives_the_same_numbers_as_drawing_for_all():
    rows = np.array([6, 0, 3])
    whole, before = Streams(1).rows("p", 2, 8), Streams(1).rows("p", 2, 8)
    whole.uniform(3)
    before.uniform(3)
    part = before.take(rows)
    for shape in ((4,), (2, 3), (5,)):
        assert np.array_equal(whole.normal(*shape)[rows], part.normal(*shape))
    assert np.array_equal(whole.generator(6).random(3), part.generator(0).random(3))


@pytest.mark.parametrize("name", ["uniform", "normal"])
@pytest.mark.parametrize("k", [0, 1, 2, 3, 8, 9])
def test_a_longer_row_begins_with_the_shorter_one(name, k):
    short = getattr(Streams(1).rows("p", 2, 3), name)(k)
    assert np.array_equal(getattr(Streams(1).rows("p", 2, 3), name)(20)[:, :k], short)
    assert np.array_equal(getattr(Streams(1).rows("p", 2, 3), name)(5, 4).reshape(3, -1)[:, :k], short)


def test_every_call_gives_fresh_numbers():
    draws = Streams(1).rows("p", 0, 3)
    rows = [draws.uniform(50), draws.uniform(50), draws.normal(50)]
    assert np.unique(np.concatenate(rows)).size == 3 * 3 * 50
    assert draws.next_call() == 3


def test_uniform_numbers_are_uniform():
    x = Streams(0).rows("uniform", 1, 500).uniform(400)
    assert x.min() >= 0
    assert x.max() < 1
    assert p_of_counts(x) > ALARM
    assert p_of_counts(x**1.03) < ALARM  # negative control: three percent off


def test_normal_numbers_are_normal():
    x = Streams(0).rows("normal", 1, 500).normal(401)
    assert kstest(x.ravel(), norm.cdf).pvalue > ALARM
    assert kstest(1.03 * x.ravel(), norm.cdf).pvalue < ALARM  # negative control


def test_integers_are_uniform_and_in_range():
    x = Streams(0).rows("integers", 1, 500).integers(7, 100)
    counts = np.bincount(x.ravel(), minlength=7)
    assert counts.size == 7
    assert chisquare(counts).pvalue > ALARM


@pytest.mark.parametrize("apart", ["index", "agent", "step", "call", "purpose", "seed"])
def test_neighbouring_streams_are_independent(apart):
    def rows(seed=0, purpose="a", step=0, first=0, call=0, shift=0):
        draws = Streams(seed).rows(purpose, step, np.arange(first, first + 300))
        for _ in range(call):
            draws.uniform(1)
        return draws.uniform(301)[:, shift : shift + 300]

    changed = {"index": "shift", "agent": "first"}.get(apart, apart)
    assert p_of_pairs(rows(), rows(**{changed: "b" if apart == "purpose" else 1})) > ALARM


def test_dependent_streams_are_rejected():
    """Negative control of the test above: a twentieth of the numbers are the neighbour's."""
    x, y = Streams(0).rows("x", 0, 300).uniform(300), Streams(0).rows("y", 0, 300).uniform(300)
    y[:15] = x[:15]
    assert p_of_pairs(x, y) < ALARM


def test_the_generator_of_an_agent_changes_with_every_draw():
    draws = Streams(0).rows("p", 0, 2)
    first = draws.generator(1).random(5)
    assert np.array_equal(draws.generator(1).random(5), first)
    draws.uniform(1)
    assert not np.isin(draws.generator(1).random(5), first).any()


def test_generators_of_agents_do_not_repeat_each_other():
    draws = Streams(0).rows("p", 0, 20)
    x = np.array([draws.generator(i).random(2000) for i in range(20)])
    assert np.unique(x).size == x.size
    assert p_of_counts(x) > ALARM
    spread = (np.bincount((x[0] * 16).astype(int), minlength=16) - 125) ** 2 / 125
    assert spread.sum() < chi2.isf(ALARM, 15)


def test_keys_of_purposes_differ():
    names = [f"{purpose}/{group}" for purpose in ("reading", "train", "publish") for group in range(1000)]
    keys = {Streams(seed).key(name) for seed in (0, 1) for name in names}
    assert len(keys) == 2 * len(names)
    assert all(0 <= key < 2**64 for key in keys)


def test_draws_may_be_for_nobody():
    assert Draws(1, 0, np.zeros(0)).uniform(3).shape == (0, 3)
