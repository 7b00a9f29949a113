"""The figures of a page, each with its caption and its description for those who do not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from ecosystem.report import answered, claimed, figures, network_figure, pictured, written
from ecosystem.report import response as response_figure
from ecosystem.report.bands import bands, measured, metrics_in, numbers
from ecosystem.report.exact import Exact
from ecosystem.report.style import svg
from ecosystem.report.words import heading, number
from ecosystem.runs.opened import Study
from ecosystem.runs.response import response
from ecosystem.runs.wording import listed

MOST_ROWS = 1_000_000  # of the table of models that a page reads whole
MOST_CURVES = 24  # arms


@dataclass(frozen=True)
class Picture:
    """A figure on the page: title and caption as text, svg as markup, alt for those who do not see it."""

    title: str
    caption: str
    alt: str
    svg: Markup
    inches: float

    @property
    def wide(self) -> bool:
        """True where it needs the width of the page."""
        return self.inches > 5.2

    @property
    def width(self) -> int:
        """Pixels beyond which it would look blown up."""
        return round(self.inches * 125)


@dataclass(frozen=True)
class Light:
    """What figures need of a study; of very large ones the table of models at a dozen steps of a run an arm."""

    study: Study

    @property
    def spec(self):
        return self.study.spec

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.steps["arm"]))  # those that measured something

    @property
    def runs(self):
        return tuple(run for run in self.study.runs if run.arm in self.arms)

    @property
    def steps(self) -> pd.DataFrame:
        return self.study.steps

    @cached_property
    def thinned(self) -> bool:
        return len(self.steps) * self.spec.agents > MOST_ROWS

    @cached_property
    def agents(self) -> pd.DataFrame:
        if not self.thinned:
            return self.study.agents
        frames = []
        for run in network_figure.first_runs(self.study, self.arms):
            steps = np.unique(run.steps["step"])
            for step in steps[np.unique(np.linspace(0, len(steps) - 1, 12).astype(int))]:
                frames.append(run.frame("agents", int(step)).assign(arm=run.arm, seed=run.seed))
        return pd.concat(frames, ignore_index=True)


def lighter(study) -> Light:
    """The study as figures read it."""
    return Light(study)


def picture(title: str, figure: Figure, caption: str, alt: str) -> Picture:
    """A drawn figure with its words."""
    drawn = Markup(svg(figure))  # matplotlib has escaped every text in it
    return Picture(title, " ".join(caption.split()), " ".join(alt.split()), drawn, figure.get_size_inches()[0])


def curves(study: Light, laws: Exact | None) -> list[Picture]:
    """A metric a figure, in the scenario's order; those against single communities, and those of facts, come apart."""
    apart = {figures.PEOPLE, *claimed.of_facts()}
    return _curves(study, [m for m in metrics_in(study.steps, study.spec.metrics) if m not in apart], laws)


def _curves(study: Light, metrics: list[str], laws: Exact | None) -> list[Picture]:
    made = []
    for metric in [m for m in metrics if "@" not in m]:
        drawn = bands(study.steps, metric, list(study.arms))
        if not drawn:
            continue
        many = len(drawn) > MOST_CURVES or max(len(b.step_T) for b in drawn) == 1
        figure = (
            figures.final_values(study, metric) if many else figures.curves(study, metric, laws.steps if laws else None)
        )
        made.append(picture(heading(metric), figure, _caption(study, metric, laws), _described(metric, drawn)))
    return made


def responses(study: Light) -> list[Picture]:
    """Metrics at the end against a number that the arms turn up, where they do."""
    along = response(study)
    if along is None:
        return []
    metrics = [m for m in metrics_in(study.steps, study.spec.metrics) if "@" not in m]
    lines = f", a line for each {along.by}" if along.by else ""
    caption = f"At the end, against {along.over}{lines}: means over seeds; bars: 95% intervals."
    alt = f"{{}} at the end against {along.over}."
    return _pictures(metrics, lambda m: response_figure.curve(study, m, along), caption, alt)


def undrawn(study: Light) -> str:
    """One sentence on metrics that were measured and cannot be drawn."""
    names = [
        heading(m) for m in measured(study.steps, study.spec.metrics) if not bands(study.steps, m, list(study.arms))
    ]
    why = "infinite at every step (a KL divergence is, once a model has lost something that humans write)"
    return f"Not drawn: {listed(names)}, {why}." if names else ""


def _caption(study: Light, metric: str, laws: Exact | None) -> str:
    """What a curve is, what is missing from it and whether there is a law."""
    infinite = int(np.isinf(numbers(study.steps[metric])).sum())
    gap = f"Infinite, and not drawn, in {infinite} of {len(study.steps)} measurements." if infinite else ""
    dashed = "Dashed: exact law." if laws and metric in laws.steps else ""
    return f"{gap} {dashed} {laws.why_not(metric) if laws else ''}"


def _described(metric: str, drawn: list) -> str:
    parts = []
    for band in drawn[:8]:
        known = np.flatnonzero(np.isfinite(band.mean_T))
        first, last = known[0], known[-1]
        parts.append(
            f"{band.arm}: {number(band.mean_T[first])} at step {band.step_T[first]}, "
            f"{number(band.mean_T[last])} at step {band.step_T[last]}"
        )
    more = f"; and {len(drawn) - 8} more arms" if len(drawn) > 8 else ""
    return f"{heading(metric)} over steps. {'; '.join(parts)}{more}."


def spreads(study: Light) -> list[Picture]:
    """The spread over models, where there are several and they are measured one by one."""
    metrics = _of_models(study) if study.spec.agents > 2 else []
    caption = f"Models of {_pooled(study)}; bands hold the middle half and the middle 80% of models."
    shown = [m for m in metrics if m != "collapsed"]
    return _pictures(shown, lambda m: figures.spread(study, m), caption, "Spread of {} over models by step.")


def _of_models(study: Light) -> list[str]:
    return [m for m in metrics_in(study.agents, study.spec.metrics) if "@" not in m]


def _pictures(metrics: Iterable[str], draw: Callable[[str], Figure | None], caption: str, alt: str) -> list[Picture]:
    """A figure for each metric that can be drawn; `alt` has a place for the metric's name."""
    drawn = ((heading(metric), draw(metric)) for metric in metrics)
    return [picture(title, figure, caption, alt.format(title)) for title, figure in drawn if figure is not None]


def _pooled(study: Light) -> str:
    if study.thinned:
        return "the first seed, at a dozen steps"
    return "all seeds together" if len({run.seed for run in study.runs}) > 1 else "one seed"


def groups(study: Light) -> list[Picture]:
    """Groups of models compared, where there are several."""
    metrics = _of_models(study) if len(study.spec.models) > 1 else []
    over = "first seed, a dozen steps" if study.thinned else "band: 95% interval over seeds"
    caption = f"Mean over the models of a group; {over}."
    return _pictures(metrics, lambda m: figures.groups(study, m), caption, "{} by group of models over steps.")


def communities(study: Light) -> list[Picture]:
    """Metrics against single communities, a figure a metric."""
    return _parts(study, [c.name for c in study.spec.humans], "Measured against one community's writing", "community")


def by_verifier(study: Light) -> list[Picture]:
    """Metrics of single verifiers, a figure a metric."""
    return _parts(study, [v.name for v in study.spec.verifiers], "A line a verifier", "verifier")


def _parts(study: Light, names: list[str], caption: str, what: str) -> list[Picture]:
    """Metrics `name@part` of these parts, a figure a metric."""
    shown = [m.split("@", 1) for m in metrics_in(study.steps, study.spec.metrics) if "@" in m]
    metrics = dict.fromkeys(metric for metric, part in shown if part in names)
    caption += "; band: 95% interval over seeds."
    return _pictures(metrics, lambda m: figures.communities(study, m), caption, f"{{}} by {what} over steps.")


def documents(study: Light) -> dict:
    """What is on the web, from recorded documents: texts beside each other, or a figure; or how to record some."""
    kind = _kind(study)
    if kind == "text":
        return {"kind": kind, "arms": _texts(study), "pictures": [], "strips": []}
    if kind == "vectors" and (strips := pictured.strips(study)):
        return {"kind": "pictures", "arms": [], "pictures": [], "strips": strips}
    figure = {"items": written.items, "vectors": written.vectors}[kind](study) if kind else None
    caption, alt = WORDS.get(kind, ("", ""))
    pictures = [] if figure is None else [picture("What is written", figure, caption, alt)]
    return {"kind": kind if figure else "", "arms": [], "pictures": pictures, "strips": []}


def answers(study: Light) -> dict:
    """Answers to the same prompts: how alike they are over time, and some to read."""
    figure = figures.likeness(study) if len(study.steps) else None
    people = "Dashed: two people on the same prompts. " if figures.PEOPLE in study.steps else ""
    caption = f"Mean cosine of two answers to the same prompt. {people}Band: 95% interval over seeds."
    alt = "Likeness of answers to the same prompts, within models and between them, over steps."
    pictures = [] if figure is None else [picture("How alike answers are", figure, caption, alt)]
    return {"pictures": pictures, "arms": answered.answers(study)}


def facts(study: Light) -> dict:
    """Worlds of facts: what is false and what models know over time, and some answers to read."""
    known = metrics_in(study.steps, study.spec.metrics) if len(study.steps) else []
    shown = [m for m in known if m in claimed.of_facts()]
    pictures = _curves(study, shown, None)
    if shown and (figure := figures.recall(study)) is not None:
        caption = "Facts given correctly from memory, by kind. Mean over models; band: 95% interval over seeds."
        pictures.append(picture("What models know", figure, caption, "Recall of kinds of facts over steps."))
    return {"pictures": pictures, "arms": claimed.examples(study)}


WORDS = {
    "items": (
        "Share of documents of the most frequent item, the second, and so on: mean over seeds of each seed's own "
        "ranking. Dashed: human writing, exactly. A curve that ends early has lost items.",
        "Rank-abundance curves of the items that models write, at rising steps.",
    ),
    "vectors": (
        "Recorded documents: first coordinate, and second where there is one (regression: the target). First seed.",
        "Documents of humans and of models at rising steps.",
    ),
}


def _kind(study: Light) -> str:
    """What recorded documents are: items, vectors or text; empty where there are none."""
    for run in study.runs:
        for frame in written.recorded(run).values():
            if len(frame):
                return "text" if "text" in frame else "items" if frame["content"].dtype.kind == "i" else "vectors"
    return ""


def _texts(study: Light) -> list[dict]:
    arms = []
    for run in network_figure.first_runs(study, study.arms[: written.MOST_ARMS]):
        if found := written.recorded(run):
            arms.append({"arm": run.arm, "seed": run.seed, "columns": written.generations(found)})
    return arms
