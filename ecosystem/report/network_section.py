"""Who reads whom, and who is like whom: the pictures of a page that are of pairs of models."""

from __future__ import annotations

from ecosystem.report import network_figure, pairs_figure
from ecosystem.report.sections import Light, picture
from ecosystem.report.words import heading
from ecosystem.runs import folder as run_folder
from ecosystem.runs.wording import counted

MOST_GRAPH_BYTES, MOST_MODELS = 40_000_000, 6_000  # beyond, the network is not drawn


def networks(study: Light) -> dict:
    """The reading network, and the similarity of pairs where it is recorded; or why there is no picture."""
    metric = network_figure.state_metric(study) if len(study.agents) else None
    pictures, why = [], ""
    if metric is None:
        why = "No metric of single models was measured, so there is nothing to colour the network by."
    elif not all((run.folder / run_folder.GRAPH).is_file() for run in network_figure.first_runs(study, study.arms[:4])):
        why = f"{run_folder.GRAPH} is missing, so the network cannot be drawn."
    elif study.spec.agents > MOST_MODELS or _graph_bytes(study) > MOST_GRAPH_BYTES:
        why = f"A network of {study.spec.agents:,} models is not drawn; {run_folder.GRAPH} of each run holds it."
    else:
        caption, alt = _network_words(study, metric)
        pictures.append(picture("Who reads whom", network_figure.network(study, metric), caption, alt))
    if len(study.steps) and (figure := pairs_figure.similarity(study)) is not None:
        caption = (
            "Probability that a draw from one equals a draw from the other (vectors: product of means); first seed."
        )
        pictures.append(picture("Who is like whom", figure, caption, "Matrices of similarity between models."))
    return {"pictures": pictures, "why": why}


def _graph_bytes(study: Light) -> int:
    return (network_figure.first_runs(study, study.arms[:1])[0].folder / run_folder.GRAPH).stat().st_size


def _network_words(study: Light, metric: str) -> tuple[str, str]:
    spec, runs = study.spec, network_figure.first_runs(study, study.arms[:4])
    n = spec.agents
    links = "Arrows: the way text travels, from author to reader. " if n <= network_figure.ARROWS else ""
    links = "Links are not drawn. " if n > network_figure.LINES else links or "Lines: reading links. "
    alike = "Everyone reads everyone. " if spec.graph.kind == "complete" else ""
    fed = network_figure.fed(runs[0], 0)
    humans = "Humans reach every model. " if fed.all() else "Humans reach no model. " if not fed.any() else (
        f"Humans reach {counted(int(fed.sum()), 'model')} (ringed). ")  # fmt: skip
    rest = f" The first 4 of {len(study.arms)} arms." if len(study.arms) > 4 else ""
    caption = (
        f"Seed {runs[0].seed}. Colour: {heading(metric).lower()}. Area: number of readers. {links}{alike}{humans}"
        f"{'Numbers: models. ' if n <= network_figure.NUMBERED else ''}White: no value.{rest}"
    )
    alt = f"Reading network of {counted(n, 'model')} at three steps, coloured by {heading(metric).lower()}."
    return caption, alt
