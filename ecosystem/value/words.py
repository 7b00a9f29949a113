"""What an experiment found, in plain words: the main finding first, each number with its interval."""

from __future__ import annotations

import math

import numpy as np

from ecosystem.metrics import titles
from ecosystem.runs.statistics import Interval, holm, least_ratio, paired, paired_ratio, t_interval
from ecosystem.runs.wording import interval, listed, number
from ecosystem.value.feeding import LEAST_READ, MOST_READ, mean_rate
from ecosystem.value.valued import Look, Value

ROUNDING = 1e-9  # of a law's arithmetic


def findings(value: Value) -> list[str]:
    """Sentences, the main finding first."""
    found = _of_rates(value) if value.by == "rate" else _of_times(value) if value.by == "time" else _of_ways(value)
    return [*found, law_told(value)]


def question(value: Value) -> str:
    """What the experiment asks."""
    what = _what(value)
    return {
        "rate": f"What is one more human document a step worth, in {what}?",
        "time": f"Is the same batch of human documents worth more early or late, in {what}?",
        "place": f"Which models should human documents reach, for the sake of {what}?",
        "community": f"Whose documents keep most {what}?",
        "rarity": f"Is a document about what is rare worth more than another, in {what}?",
    }[value.by]


def law_told(value: Value) -> str:
    """What the closed form says of it, or why there is none."""
    if value.lawless:
        return f"No closed form stands beside it: {value.lawless.rstrip('.')}."
    table = value.table
    close = ROUNDING * (1 + table["law"].abs())
    inside = ((table["value_low"] - close <= table["law"]) & (table["law"] <= table["value_high"] + close)).sum()
    p = holm([_chance(value.value_S(look), law) for look, law in zip(value.looks, table["law"], strict=True)])
    if np.isnan(p).all():
        return "The closed form stands beside it; one seed gives no interval to set against it."
    least = float(np.nanmin(p))
    verdict = "no further off than chance explains" if least > 0.05 else "further off than chance explains, 19 in 20"
    return (
        f"The closed form lies within the 95% interval of {inside} of {len(table)} measured values: {verdict} "
        f"(least p {number(least)} of {len(table)} t tests, Holm's correction)."
    )


def _chance(sample_S: np.ndarray, mean: float) -> float:
    """p of a two-sided t test; NaN for one seed."""
    apart = sample_S - mean
    apart[np.abs(apart) < ROUNDING * (1 + abs(mean))] = 0  # where nothing is left to chance, only rounding is
    return paired(apart, np.zeros(len(apart))).p


def unit(documents: float) -> int:
    """A handful of documents to speak of: 1, 10, 100, ... not more than so many."""
    return 10 ** math.floor(math.log10(documents)) if abs(documents) >= 10 else 1


def handful(value: Value) -> int:
    """So many documents the table and sentences speak of: the whole batch, or a power of ten."""
    more = [abs(way.more) for way in value.ways if way.against is not None]
    return round(more[0]) if value.by == "time" else unit(min(more))


def _of_rates(value: Value) -> list[str]:
    looks = value.looks[1:]
    own = sum(mean_rate(c, value.spec.steps) for c in value.spec.humans)
    ends = [look for look in looks if value.ways[look.way].documents > own] or list(looks[-1:])
    here = ends[0]
    told = [_marginal(value, here)]
    if here is not looks[0]:
        told.append(_marginal(value, looks[0]))
    if looks[-1] not in (here, looks[0]):
        told.append(_marginal(value, looks[-1]))
    if len(looks) > 1:
        slopes = [value.each_S(look) for look in (looks[0], looks[-1])]
        apart = t_interval(slopes[0] - slopes[1])
        if apart.low > 0 or apart.high < 0:
            larger = abs(t_interval(slopes[0]).estimate) > abs(t_interval(slopes[1]).estimate)
            told.append(f"One more is worth {'less' if larger else 'more'} the more there are.")
    first, last = value.looks[0], value.looks[-1]
    least, most = (_told(t_interval(value.value_S(look))) for look in (first, last))
    names = value.ways[first.way].name, value.ways[last.way].name
    return [*told, f"{_title(value)}: {least} with {names[0]} documents a step, {most} with {names[1]}."]


def _marginal(value: Value, look: Look) -> str:
    """'Between 50 and 100 human documents a step, 10 more a step raise ... by 0.02 (95% interval ...).'"""
    way = value.ways[look.way]
    assert way.against is not None
    some = unit(way.more)
    each = t_interval(some * value.each_S(look))
    between = f"Between {value.ways[way.against].name} and {way.name} human documents a step"
    if not _clear(each):
        more = f"what {some:,} more a step {'do' if some > 1 else 'does'} to {_what(value)}"
        return f"{between}, {more} cannot be told from nothing ({_signed(each)})."
    return f"{between}, {some:,} more a step {_moves(each, some)} {_what(value)} by {_size(each)}."


def _of_times(value: Value) -> list[str]:
    """Latest batch against earliest, by each way of looking."""
    given = [look for look in value.looks if value.ways[look.way].against is not None]
    whens = {when: [look for look in given if look.when == when] for when in dict.fromkeys(look.when for look in given)}
    return [_against(value, looks[-1], looks[0], handful(value)) for looks in whens.values()]


def _of_ways(value: Value) -> list[str]:
    """The best way against the worst, by what a document is worth; then all of them."""
    looks = [look for look in value.looks if value.ways[look.way].against is not None]
    sign = -1 if titles.title(value.metric).worse == "higher" else 1
    ranked = sorted(looks, key=lambda look: -sign * t_interval(value.each_S(look)).estimate)
    some = handful(value)
    told = [_against(value, ranked[0], ranked[-1], some), _each(value, looks, some)]
    asked = [look for name in (MOST_READ, LEAST_READ) for look in looks if value.ways[look.way].name == name]
    if len(asked) == 2 and asked != [ranked[0], ranked[-1]]:  # what most people would ask of a network
        told.insert(0, _against(value, asked[0], asked[1], some))
    return told


def _against(value: Value, first: Look, second: Look, some: int) -> str:
    """'1,000 human documents given at step 30 raise ... by 0.04 (...); given at step 1, by 0.01 (...): 4 times ...'"""
    one, other = (t_interval(some * value.each_S(look)) for look in (first, second))
    told = [value.ways[look.way].told for look in (first, second)]
    them, do = ("they", "they do") if some > 1 else ("it", "it does")
    counted = f"{some:,} human document{'s' if some > 1 else ''} {value.per} {told[0]}"
    if not _clear(one):
        verb = "change" if some > 1 else "changes"
        return (
            f"What {counted} {verb} in {_what(value)}, {first.when}, cannot be told from nothing ({_signed(one)}); "
            f"{told[1]}: {_signed(other)}."
        )
    opening = f"{counted} {_moves(one, some)} {_what(value)} by {_size(one)}, {first.when}; {told[1]}, "
    by_law = value.each_law(first), value.each_law(second)
    law = f"by the closed form {number(by_law[0] / by_law[1])}" if by_law[0] * by_law[1] > 0 else ""
    if not _clear(other):
        least = least_ratio(value.each_S(first), value.each_S(second))
        times = f": the former is at least {number(least)} times the latter" if 1 < least < math.inf else ""
        return f"{opening}what {do} cannot be told from nothing ({_signed(other)}){times}{f' ({law})' if law else ''}."
    if one.estimate * other.estimate < 0:
        return f"{opening}{them} {_moves(other, some)} it by {_size(other)}."
    ratio = paired_ratio(value.each_S(first), value.each_S(second))
    span = "; ".join(filter(None, [_span(ratio), law]))
    return f"{opening}by {_size(other)}: {number(ratio.estimate)} times as much ({span})."


def _clear(change: Interval) -> bool:
    """Can a change be told from nothing?"""
    return change.low > 0 or change.high < 0


def _each(value: Value, looks: list[Look], some: int) -> str:
    """All ways in one sentence."""
    counted = f"{some:,} documents" if some > 1 else "one document"
    gains = [
        f"{value.ways[look.way].name}: {_signed(t_interval(some * value.each_S(look)))}" for look in looks
    ]  # fmt: skip
    return f"What {counted} {value.per} change in {_what(value)}, {looks[0].when}: {'; '.join(gains)}."


def _moves(change: Interval, some: int) -> str:
    verb = "raise" if change.estimate >= 0 else "lower"
    return verb if some > 1 else f"{verb}s"


def _size(change: Interval) -> str:
    """The size of a change, its direction having been said."""
    low, high = (change.low, change.high) if change.estimate >= 0 else (-change.high, -change.low)
    return f"{number(abs(change.estimate))} ({interval(low, high, change.n)})"


def _span(found: Interval) -> str:
    return f"{number(found.low)} to {number(found.high)}"


def _signed(found: Interval) -> str:
    sign = "+" if found.estimate > 0 else ""
    if math.isnan(found.low):
        return f"{sign}{number(found.estimate)}, no interval"
    return f"{sign}{number(found.estimate)}, {_span(found)}"


def _told(found: Interval) -> str:
    return f"{number(found.estimate)} ({interval(found.low, found.high, found.n)})"


def _title(value: Value) -> str:
    return _capital(_what(value))


def _what(value: Value) -> str:
    """The metric in words: 'coverage of rare items (minority)'."""
    metric, at, whose = value.metric.partition("@")
    return f"{titles.title(metric).title}{f' ({whose})' if at else ''}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def assumptions(value: Value) -> list[str]:
    """What was held fixed, and what the intervals rest on."""
    spec = value.spec
    rates = {c.name: mean_rate(c, spec.steps) for c in spec.humans}
    people = listed([f"{name} ({rate:,.4g} a step)" for name, rate in rates.items() if rate])
    return [
        *value.notes,
        f"The web is the scenario {spec.name}: {spec.agents:,} models, {spec.steps:,} steps; of its own write "
        f"{people or 'no people after step 0'}.",
        f"All ways are run with the same {len(value.seeds)} seeds, and differences are taken within a seed.",
        "Intervals are Student's t over seeds: the means are taken to be close to normal.",
    ]


def silence(value: Value) -> list[str]:
    """What the page does not say."""
    between = {
        "rate": "Between two rates it gives the mean worth of a document, beyond the largest it says nothing.",
        "time": "It speaks of one batch, not of a steady flow, and of the steps that were tried.",
        "place": "It speaks of these places and this many documents; other networks may answer otherwise.",
        "community": "Communities are changed one at a time: what they do together is not a sum of these.",
        "rarity": "Rare is what a community itself seldom writes; who would find such documents is not asked.",
    }[value.by]
    return [
        f"It is about models in a simulation, and about {_what(value)} only: other measures may answer otherwise.",
        between,
        "It prices documents by their number: what writing costs, or whether people would write so much, is not in it.",
    ]
