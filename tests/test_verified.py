"""What a study says of its verifiers: their work counted against the truth, in tables, findings and the report."""

from __future__ import annotations

import numpy as np
import pytest

from ecosystem.files.scenario_file import read
from ecosystem.report import page
from ecosystem.runs.findings import findings
from ecosystem.runs.runner import replicate, run
from ecosystem.runs.verified import works

PLAIN = {
    "name": "watched", "steps": 4, "world": {"kind": "zipf", "items": 30}, "humans": [{"rate": 40}],
    "models": [{"count": 6, "publish": 20, "read": 30, "learner": {"kind": "categorical"}}],
    "metrics": ["within_diversity", "starved"],
    "verifiers": [{"name": "guards", "kind": "detector", "price": 0.5, "placement": {"share": 0.5}}],
    "arms": {"nobody": {"verifiers.guards.placement.share": 0}},
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return replicate(read(PLAIN), 3, arms=["base", "nobody"], out=tmp_path_factory.mktemp("out"))


def test_work_is_what_the_judgements_say(study):
    work = next(w for w in works(study) if w.arm == "base")
    judgements = study.judgements[study.judgements["arm"] == "base"]
    assert work.guarded.estimate == 3
    assert work.judged.estimate == pytest.approx(len(judgements) / 3 / 4)
    assert work.rejected.estimate == pytest.approx(
        judgements.groupby("seed")["verdict"].apply(lambda v: 1 - v.mean()).mean()
    )
    assert work.cost.estimate == pytest.approx(0.5 * len(judgements) / 3)
    assert 0 < work.false_positives.estimate < 0.3
    assert set(judgements["gate"]) == {"read"}


def test_counts_are_of_the_truth(tmp_path):
    """A verifier that takes everybody for a machine rejects all: false positives 1, false negatives 0."""
    sure = PLAIN | {"arms": {}, "steps": 2}
    sure["verifiers"] = [sure["verifiers"][0] | {"false_positive_rate": 1.0, "false_negative_rate": 0.0}]
    one = run(read(sure), out=tmp_path)
    frame = one.verifiers
    assert (frame["rejected_human"] == 40).all()
    assert (frame["judged_human"] == 40).all()
    assert (frame["rejected_model"] == frame["judged_model"]).all()
    told = findings(one)
    assert any("rejected 100% of what people wrote and 100% of what models wrote" in t for t in told)
    left = "In 2 of 2 steps verifiers left models with nothing to train on (first in step 1: 3 of 3"
    assert any(left in t for t in told)


def test_findings_say_who_stands_nowhere(study):
    told = findings(study)
    assert "Verifier 'guards' guards nobody in arm nobody." in told
    assert any(t.startswith("Verifier 'guards' judged ") and "in arm base" in t for t in told)


def test_the_report_has_the_figures(study):
    shown = page.content(study)["verifiers"]
    assert [row["arm"] for row in shown] == ["base"]
    assert shown[0]["guarded"] == {"mean": "3", "span": ""}
    assert "False negatives" in page.render(study)


def test_a_rate_that_cannot_be_known_has_no_figure(tmp_path):
    """At the gate of models' publishing nobody judges people."""
    plain = PLAIN | {"arms": {}}
    plain["verifiers"] = [plain["verifiers"][0] | {"gate": "publish"}]
    one = replicate(read(plain), 2, out=tmp_path)
    work = works(one)[0]
    assert np.isnan(work.false_positives.estimate)
    assert page.content(one)["verifiers"][0]["false_positives"]["mean"] == "–"
    assert any("rejected" in t and "people wrote" not in t for t in findings(one) if "judged" in t)
