"""Worlds of facts in a report: false claims, recall, and answers by support, as they were recorded."""

from __future__ import annotations

import re
import shutil
import sqlite3

import pytest

from ecosystem.files.scenario_file import read
from ecosystem.report import figures, tables, write
from ecosystem.report.claimed import examples, of_facts
from ecosystem.report.words import number
from ecosystem.runs.runner import replicate
from ecosystem.runs.statistics import t_interval
from ecosystem.runs.supported import answering
from tests.fact_worlds import FILE
from tests.test_prompts_recorded import Page

CHANGES = {
    "metrics": ["false_share", "fact_recall", "tail_fact_recall", "derivable_fact_recall", "over_trust", "depth"],
    "record": {"questions": "all"},
    "verifiers": [{"kind": "oracle", "name": "tool", "gate": "publish", "placement": {"share": 0}}],
    "models.models.questions": {"faithful": 0.7},
    "arms": {"checked": {"verifiers.tool.placement.share": 1}, "silent": {"models.models.publish": 0}},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    arms = ("base", "checked", "silent")
    return replicate(read(FILE, **CHANGES), 3, arms=arms, out=tmp_path_factory.mktemp("facts"))


def page_of(study) -> Page:
    return Page(write(study.folder).read_text())


def test_answers_by_support_are_what_was_recorded(study):
    found = {(told.arm, told.supported): told for told in answering(study)}
    assert list(found) == [("base", True), ("base", False), ("checked", True), ("checked", False)]
    rows = study.questions[study.questions["arm"] == "checked"]
    for supported in (True, False):
        told, these = found["checked", supported], rows[rows["supported"] == supported]
        by_seed = [these[these["seed"] == seed] for seed in range(3)]
        wanted = {
            "share": [len(m) / (rows["seed"] == i).sum() for i, m in enumerate(by_seed)],
            "right": [m["right"].mean() for m in by_seed],
            "published": [m["document"].notna().mean() for m in by_seed],
            "cites": [m["cited"].notna().mean() for m in by_seed],
            "confidence": [m["confidence"].mean() for m in by_seed],
        }
        for name, values in wanted.items():
            mine, its = getattr(told, name), t_interval(values)
            assert (mine.estimate, mine.low, mine.high) == pytest.approx((its.estimate, its.low, its.high)), name
    assert found["checked", True].published == found["checked", True].right  # an oracle lets the right ones through
    assert found["base", True].published.estimate == 1


def test_the_page_tells_of_facts_in_a_section_of_its_own(study):
    page = page_of(study)
    assert page.sections.index("facts") == page.sections.index("network") - 1
    over_time = page.text.split("Over time")[-1].split("How far models are apart")[0]
    facts = page.text.split("What is true, and what models say")[1].split("The reading network")[0]
    for title in ("False claims on the web", "Facts given correctly from memory", "Confidence minus accuracy"):
        assert f"{title}." in facts
        assert f"{title}." not in over_time
    assert "Depth of what is read." in over_time
    assert "What models know." in facts
    told = answering(study)[0]
    assert number(told.right.estimate) in facts.split("Answers by support")[1]


def test_an_answer_of_each_kind_is_shown(study):
    shown = {told["arm"]: told for told in examples(study)}
    assert list(shown) == ["base", "checked"]
    for arm, told in shown.items():
        run = next(r for r in study.runs if (r.arm, r.seed) == (arm, told["seed"]))
        last = run.questions[run.questions["step"] == 4].dropna(subset="value")
        kinds = last.groupby(["supported", "right", "published"]).ngroups
        assert len(told["rows"]) == kinds > 2
        for row in told["rows"]:
            subject, relation = row["asked"].split(", ")
            same = last[(last["subject"] == subject) & (last["relation"] == relation) & (last["agent"] == row["model"])]
            assert row["value"] in set(same["value"])
            assert (row["right"] == "right") in set(same["right"] == 1)
    assert any(row["document"] == "not published" for row in shown["checked"]["rows"])


def test_recall_is_drawn_by_kind_a_panel_an_arm(study):
    drawn = figures.recall(study)
    assert [ax.get_title(loc="left") for ax in drawn.axes] == ["base", "checked", "silent"]
    means = study.steps[study.steps["arm"] == "base"].groupby("step")["derivable_fact_recall"].mean()
    assert drawn.axes[0].lines[2].get_ydata() == pytest.approx(means.to_numpy())


def test_nothing_in_an_answer_can_run(study, tmp_path):
    copy = type(study)(shutil.copytree(study.folder, tmp_path / "study"))
    evil = "</td><script>alert(1)</script> \x1b end"
    for made in copy.runs:
        with sqlite3.connect(made.folder / "run.db") as db:
            db.execute("UPDATE questions SET value = ?, subject = ?", (evil, evil))
    page = page_of(copy)
    assert "script" not in page.tags
    assert "<script>alert(1)</script> \ufffd end" in page.text


def test_pages_without_facts_or_without_questions_say_no_more_than_there_is(tmp_path):
    other = {"world": {"kind": "zipf", "items": 20}, "metrics": ["depth"], "steps": 1}
    models = [{"name": "models", "count": 2, "publish": 5, "read": 5, "learner": {"kind": "categorical"}}]
    plain = replicate(read(FILE, **other, models=models), 1, out=tmp_path)
    assert "facts" not in page_of(plain).sections
    unasked = replicate(read(FILE, **{"record.questions": "none", "metrics": ["false_share"]}), 1, out=tmp_path)
    page = page_of(unasked)
    assert "facts" in page.sections
    assert "Answers by support" not in page.text
    assert "What models know" not in page.text  # one kind of recall alone, or none, is no comparison
    assert tables.support(unasked) == []


def test_metrics_of_facts_are_told_from_others():
    assert {"false_share", "web_coverage", "over_trust", "supported_share"} <= of_facts()
    assert not {"depth", "within_diversity", "human_share_read"} & of_facts()
    assert all(re.fullmatch(r"\w+", name) for name in of_facts())
