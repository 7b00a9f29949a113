"""What a study found, in plain words with numbers: a list of sentences, the most important first.

Where there are two seeds or more every number has its 95% interval over seeds; one seed says what it did and claims
nothing beyond it. 'Rose', 'fell', 'higher' and 'lower' are said only where the interval of the difference within seeds
excludes 0.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from ecosystem.metrics.titles import title
from ecosystem.runs import comparison
from ecosystem.runs.opened import Run, Study, failure
from ecosystem.runs.response import least_below, response
from ecosystem.runs.statistics import Interval, paired, t_interval
from ecosystem.runs.verified import works
from ecosystem.runs.wording import counted, interval, listed, number

CONTAINED = 0.25  # share of models that ever collapsed, below which a collapse is called contained
MOST_ARMS = 6  # told one by one where they lie on a curve
MOST_METRICS = 8  # sentences on how metrics moved, and on each arm's differences


def findings(study: Study | Run, most: int = MOST_METRICS) -> list[str]:
    """The main findings of a study (or of one run), a sentence each.

    `most`: sentences on how the metrics of the first arm moved, and on how each other arm differs, in the order in
    which the scenario names its metrics.
    """
    if isinstance(study, Run):
        study = Study(study.folder.parent.parent, ((study.arm, study.seed),))
    if not len(study.steps):
        return [f"Nothing was measured: {failure(run)}." for run in study.failed] or ["Nothing was measured."]
    # what arms change is what a scenario asks; how the first arm moved by itself comes after
    found, base = _contained(study), study.arms[0]
    turned = _turned_up(study)  # told by their curve
    found += [told for arm in study.arms[1:] if arm not in turned for told in _differences(study, arm, base, most)]
    found += _movements(study, study.arms[0], most)
    found += [sentence for arm in study.arms for sentence in _collapse(study, arm)]
    return found + _verification(study) + _dry_sources(study) + _unfed(study) + _starved(study) + _state(study)


def _movements(study: Study, arm: str, most: int) -> list[str]:
    """How each metric of an arm moved from its first to its last step."""
    metrics = [m for m in comparison.metric_columns(study) if m != "collapsed"][:most]
    return [sentence for metric in metrics if (sentence := _movement(study, arm, metric))]


def _movement(study: Study, arm: str, metric: str) -> str:
    frame = study.steps[study.steps["arm"] == arm]
    known = frame.loc[frame[metric].notna(), "step"]
    last, where = comparison.last_step(study, arm), _in(study, arm)
    words = f"{_capital(title(metric).title)}{_unit(metric)}"
    if not len(known) or known.min() > last:
        return f"{words} could not be measured{where}."
    began, ended = (comparison.values(study, metric, arm, step) for step in (int(known.min()), last))
    start, end, moved = t_interval(began), t_interval(ended), paired(ended, began).difference
    if end.n == 0:
        return f"{words} could not be measured at step {last}{where}."
    if known.min() == last:
        return f"{words} was {_value(end)} at step {last}{where}."
    since = "" if known.min() == 0 else f" (at step {known.min()})"
    verb = _verb(moved) if number(start.estimate) != number(end.estimate) else None
    if verb is not None:
        return f"{words} {verb} from {number(start.estimate)}{since} to {_value(end)} by step {last}{where}."
    if moved.estimate == 0:
        return f"{words} stayed at {_value(end)}{where}."
    return f"{words} did not clearly move{where}: {number(start.estimate)}{since}, then {_value(end)} at step {last}."


def _differences(study: Study, arm: str, base: str, most: int) -> list[str]:
    """How an arm differs from the first arm at the end."""
    found = comparison.table(study, arm, base)
    found = found[(found["metric"] != "collapsed") & (found["seeds"] > 0)]
    if (found["seeds"] < 2).all():
        return [_beside(row, arm, base) for row in found.head(most).itertuples()]
    clear = found[found["p_holm"] < 0.05]
    told = [_difference(row, arm, base) for row in clear.head(most).itertuples()]
    rest = [title(metric).title for metric in found.loc[found["p_holm"] >= 0.05, "metric"]]
    if rest:
        seeds = f"{counted(int(found['seeds'].max()), 'seed')}, adjusted for {counted(len(found), 'metric')}"
        told.append(f"At the end no difference of arm {arm} from {base} can be shown in {listed(rest)} ({seeds}).")
    return told


def _difference(row, arm: str, base: str) -> str:
    low, high = sorted((abs(row.low), abs(row.high)))
    side = "higher" if row.difference > 0 else "lower"
    return (
        f"At the end {title(row.metric).title} was {number(abs(row.difference))} {side} in arm {arm} than in {base} "
        f"({interval(low, high, row.seeds)}, paired): {number(row.first)} against {number(row.second)}."
    )


def _beside(row, arm: str, base: str) -> str:
    return (
        f"At the end {title(row.metric).title} was {number(row.first)} in arm {arm} and {number(row.second)} in {base}."
    )


def _collapse(study: Study, arm: str) -> list[str]:
    """When the first model collapsed, and how many had in the end."""
    if "collapsed" not in study.steps:
        return []
    frame = study.steps[study.steps["arm"] == arm]
    first = frame[frame["collapsed"] > 0].groupby("seed")["step"].min()
    if first.empty:
        return [f"No model collapsed{_in(study, arm)}."]
    share = t_interval(comparison.values(study, "collapsed", arm))
    when = f"{first.min()}" if first.nunique() == 1 else f"{first.min()} to {first.max()}, by seed"
    runs = frame["seed"].nunique()
    some = "" if len(first) == runs else f" in {len(first)} of {runs} seeds"
    began = f"The first model collapsed at step {when}{some}{_in(study, arm)}"
    return [f"{began}; at the end {_percent(share)} were collapsed."]


def _verification(study: Study) -> list[str]:
    """What verifiers did; those that stand nowhere."""
    told = []
    for work in works(study):
        name, where = f"Verifier {work.verifier!r}", _in(study, work.arm)
        if not work.judged.estimate:
            if work.gate != "panel":
                nowhere = not work.guarded.estimate
                told.append(f"{name} {'guards nobody' if nowhere else 'judged nothing'}{where}.")
            continue
        good, other = ("is true", "is false") if work.of_claims else ("people wrote", "models wrote")
        rates = [
            f"{100 * rate.estimate:.3g}% of what {whose}" for whose, rate in (
                (good, work.false_positives), (other, _but(work.false_negatives)),
            ) if not np.isnan(rate.estimate)
        ]  # fmt: skip
        cost = f", at a cost of {number(work.cost.estimate)} a run" if work.cost.estimate else ""
        beyond = f"; {number(work.unjudged.estimate)} a step were beyond its capacity" if work.unjudged.estimate else ""
        judged = f"{name} judged {number(work.judged.estimate)} documents a step{where}"
        told.append(f"{judged} and rejected {listed(rates)}{cost}{beyond}.")
    return told


def _but(rate: Interval) -> Interval:
    """The rate of the others."""
    return Interval(1 - rate.estimate, 1 - rate.high, 1 - rate.low, rate.n)


def _starved(study: Study) -> list[str]:
    """Guarded models that were left with nothing, and how often."""
    events = study.events
    starved = events[events["kind"] == "starved"]
    told = []
    for arm in dict.fromkeys(starved["arm"]):
        mine = starved[starved["arm"] == arm]
        times = mine.groupby("seed")["step"].nunique()
        always = times.nunique() == 1 and len(times) == len(_seeds(study, arm))
        often = f"{times.max()}" if always else f"up to {times.max()}"
        first = mine.iloc[0]
        told.append(
            f"In {often} of {study.spec.steps} steps{_in(study, arm)} verifiers left models with nothing to train on "
            f"(first in step {int(first['step'])}: {first['detail']})."
        )
    return told


def _turned_up(study: Study) -> set[str]:
    """The arms of a response curve, where there are too many to be told one by one."""
    along = response(study) if len(study.arms) > MOST_ARMS else None
    return {arm for line in along.lines.values() for _, arm in line} if along else set()


def _contained(study: Study) -> list[str]:
    """From which value of the number that arms turn up a collapse is contained, line by line."""
    along = response(study) if "attack_rate" in study.steps and len(study.seeds) > 1 else None
    if along is None:
        return []
    least = {name: least_below(study, "attack_rate", line, CONTAINED) for name, line in along.lines.items()}
    enough = [f"{name}{' ' * bool(name)}from {number(value)}" for name, value in least.items() if value is not None]
    never = [name for name, value in least.items() if value is None]
    words = f"Contained (the whole interval of models that ever collapsed below {CONTAINED:g}) by {along.over}"
    told = [f"{words}: {listed(enough)}, of the values tried."] if enough else []
    if never:
        which = f": {listed(never)}" if all(never) else ""
        told.append(f"Not shown to be contained at any value of {along.over} tried{which}.")
    return told


def _dry_sources(study: Study) -> list[str]:
    """Human sources whose documents have all been published once."""
    events = study.events
    dry = events[events["kind"] == "source_dry"]
    arms = defaultdict(list)
    for arm, detail in dry[["arm", "detail"]].drop_duplicates().itertuples(index=False):
        arms[detail].append(arm)
    return [f"A human source ran dry{_all_of(study, of)}: {detail}." for detail, of in arms.items()]


def _unfed(study: Study) -> list[str]:
    """Models that had nothing to read."""
    events = study.events
    unfed = events[events["kind"] == "unfed"]
    told = defaultdict(list)
    for arm in dict.fromkeys(unfed["arm"]):
        mine = unfed[unfed["arm"] == arm]
        most = mine.groupby("seed")["agent"].nunique()
        who = f" ({_numbers(mine['agent'])})" if mine["agent"].nunique() == most.max() else ""
        always = most.nunique() == 1 and len(most) == len(_seeds(study, arm))
        count = f"{most.max():,}" if always else f"Up to {most.max():,}"
        told[f"{count} of {study.spec.agents:,} models{who}"].append(arm)
    return [f"{words} had nothing to read at some step{_all_of(study, of)}." for words, of in told.items()]


def _state(study: Study) -> list[str]:
    """Runs that did not end as they should, and what a single seed cannot say."""
    failed = [f"A run failed: {failure(run)}." for run in study.failed]
    if len(study.seeds) == 1:
        failed.append("One seed: how much of this is chance cannot be said; --seeds 8 gives intervals.")
    if study.outdated:
        old = counted(len(study.outdated), "earlier run")
        failed.append(f"Left out: {old} made with other code, libraries or data; the same command makes them anew.")
    short = [run.status for run in study.every if run.status in ("running", "interrupted")]
    if short:
        failed.append(f"{counted(len(short), 'run')} did not reach the last step ({listed(sorted(set(short)))}).")
    return failed


def _verb(moved: Interval) -> str | None:
    """What a metric did between two steps; None where the seeds do not say."""
    if moved.n == 1:
        return None if moved.estimate == 0 else "rose" if moved.estimate > 0 else "fell"
    if moved.low > 0:
        return "rose"
    return "fell" if moved.high < 0 else None


def _value(found: Interval) -> str:
    if found.n == 1:
        return number(found.estimate)
    return f"{number(found.estimate)} ({interval(found.low, found.high, found.n)})"


def _percent(found: Interval) -> str:
    if np.isnan(found.low):
        return f"{100 * found.estimate:.0f}%"
    low, high = (100 * np.clip(bound, 0, 1) for bound in (found.low, found.high))
    if low == high:
        return f"{100 * found.estimate:.0f}%, the same in all {counted(found.n, 'seed')},"
    within = f"95% interval {low:.0f} to {high:.0f}%, {counted(found.n, 'seed')}"
    return f"{100 * found.estimate:.0f}% ({within})"


def _in(study: Study, arm: str) -> str:
    return f" in arm {arm}" if len(study.arms) > 1 else ""


def _all_of(study: Study, arms: list[str]) -> str:
    return "" if set(arms) == set(study.arms) else f" in arm {listed(arms)}"


def _seeds(study: Study, arm: str) -> list[int]:
    return [run.seed for run in study.runs if run.arm == arm]


def _numbers(agents: pd.Series) -> str:
    return "model " + listed(sorted({int(agent) for agent in agents}))


def _unit(metric: str) -> str:
    unit = title(metric).unit
    return f" ({unit})" if unit and unit != "share" else ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
