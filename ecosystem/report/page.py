"""One self-contained page for a study: everything it shows is in the file, and nothing in it can run or call out.

The page is a function of the study's folder: the same runs give the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import jinja2

from ecosystem.report import compared, network_section, sections, tables
from ecosystem.report.exact import exact
from ecosystem.runs import provenance
from ecosystem.runs.opened import Run, Study, open_run
from ecosystem.view import replay

FILE = "report.html"
TEMPLATE, STYLE = "template.html", "page.css"


def write(folder: str | Path) -> Path:
    """Makes the page of a study (or of one arm or run) and gives its path: `report.html` in that folder."""
    opened = open_run(folder)
    study = Study(opened.folder.parent.parent, ((opened.arm, opened.seed),)) if isinstance(opened, Run) else opened
    given = Path(folder).absolute()
    path = (given if study.folder in (given, *given.parents) else study.folder) / FILE
    if replay.possible(study):
        provenance.replace_text(path.parent / replay.FILE, replay.render(study))
    provenance.replace_text(path, render(study))
    return path


def render(study: Study) -> str:
    """The page as HTML."""
    return environment().get_template(TEMPLATE).render(content(study))


def environment(*folders: Path) -> jinja2.Environment:
    """The templates of this folder, and of others, with the one style of all pages."""
    here = Path(__file__).parent
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, here]), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    found.globals["style"] = (here / STYLE).read_text(encoding="utf-8")
    return found


def content(study: Study) -> dict:
    """What the template shows, in the order in which it is shown."""
    light = sections.lighter(study)
    laws = exact(light) if len(light.steps) else None
    return {
        "spec": study.spec,
        "setting": tables.setting(study),
        "arms": tables.arms(study),
        "failures": tables.failures(study),
        "findings": tables.told(study),
        "claims": tables.claims(study),
        "values": tables.final_values(light),
        "compared": compared.differences(study),
        "responses": sections.responses(light) if len(light.steps) else [],
        "curves": sections.curves(light, laws),
        "undrawn": sections.undrawn(light),
        "laws": tables.laws(laws),
        "lawless": "" if laws is None or laws.laws else laws.why_none(),
        "spreads": sections.spreads(light),
        "groups": sections.groups(light),
        "communities": sections.communities(light),
        "verifiers": tables.verifiers(study),
        "by_verifier": sections.by_verifier(light),
        "networks": network_section.networks(light),
        "replay": replay.FILE if replay.possible(study) else "",
        "documents": sections.documents(light),
        "facts": sections.facts(light),
        "costs": tables.costs(study),
        "support": tables.support(study),
        "answers": sections.answers(light),
        "origin": tables.origin(study),
        "runs": tables.runs(study),
        "events": tables.events(study),
        "scenario": tables.scenario(study),
    }
