"""What models answered to the same prompts, beside what people did: texts to read, from the recorded answers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import pandas as pd

from ecosystem.report.network_figure import first_runs
from ecosystem.report.written import MOST_ARMS, Generation, Sample, printable

PROMPTS, ROWS = 3, 3  # shown: prompts, and answers of as many people or models to each
EXCERPT = 240  # characters shown of an answer


@dataclass(frozen=True)
class Answers:
    """One prompt and its answers: those of people where there are any, then of the same models at rising steps."""

    prompt: str
    columns: list[Generation]


def answers(study) -> list[dict]:
    """By arm, of its first seed: the first prompts with their answers; nothing where none were asked."""
    runs = [run for run in first_runs(study, study.arms[:MOST_ARMS]) if run.spec.measure.prompts is not None]
    told = [(run, of_run(run.answers, run.spec)) for run in runs]
    return [{"arm": run.arm, "seed": run.seed, "prompts": prompts} for run, prompts in told if prompts]


def of_run(found: pd.DataFrame, spec) -> list[Answers]:
    """The answers of one run, from its table `answers`."""
    first = found[found["answer"] == 0]
    models = first[first["agent"].notna()].astype({"agent": int})
    steps = sorted({int(models["step"].min()), int(models["step"].max())}) if len(models) else []
    names, shown = _names(spec), _spread(spec)
    made = []
    for prompt in list(dict.fromkeys(found["prompt"]))[:PROMPTS]:
        people = found[(found["prompt"] == prompt) & found["agent"].isna()].head(ROWS)
        columns = [Generation("People", "", [_sample("a person", row) for row in people.itertuples()])]
        for step in steps:
            mine = models[(models["prompt"] == prompt) & (models["step"] == step)].set_index("agent")
            samples = [_sample(names[i], mine.loc[i]) for i in shown if i in mine.index]
            columns.append(Generation(f"Models, step {step}", "", samples))
        made.append(Answers(printable(prompt), [column for column in columns if column.samples]))
    return made


def _sample(author: str, row) -> Sample:
    text = printable(row.text[:EXCERPT]).lstrip()
    shown = f"\u2026 {text}" if text else "(nothing)"
    return Sample(author, None, shown, len(row.text) > EXCERPT, len(row.text.split()))


def _names(spec) -> list[str]:
    """What each model is called: its number and, where there are several groups, its group."""
    groups = [group.name for group in spec.models for _ in range(group.count)]
    return [f"model {i}" + (f", {name}" if len(spec.models) > 1 else "") for i, name in enumerate(groups)]


def _spread(spec) -> list[int]:
    """Numbers of the models shown, rising: the first of each group, then the second of each, as there is room."""
    firsts = accumulate((group.count for group in spec.models), initial=0)
    own = [range(first, first + group.count) for first, group in zip(firsts, spec.models, strict=False)]
    in_turn = [numbers[r] for r in range(ROWS) for numbers in own if r < len(numbers)]
    return sorted(in_turn[:ROWS])
