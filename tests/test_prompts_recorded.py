"""Prompts in scenario files, run folders and reports: what is refused, recorded and shown."""

from __future__ import annotations

import re
import shutil
import sqlite3
from html.parser import HTMLParser

import pytest

from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.model import Ecosystem
from ecosystem.report import figures, write
from ecosystem.runs import provenance
from ecosystem.runs.runner import replicate, run

FILE = {
    "name": "asked",
    "steps": 6,
    "metrics": ["answer_repetition", "answer_similarity", "human_answer_similarity"],
    "world": {"kind": "text", "length": 48},
    "humans": [{"rate": 20}],
    "models": [
        {"name": "small", "count": 2, "publish": 8, "read": 30, "learner": {"kind": "ngram"}},
        {"name": "sharp", "count": 2, "publish": 8, "read": 30, "learner": {"kind": "ngram", "temperature": 0.5}},
    ],
    "measure": {"documents": 8, "prompts": {"count": 4, "every": 3}},
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"measure": {}}, r"metrics\.0: answer_repetition needs prompts, such as measure: \{prompts: \{count: 20\}\}"),
        ({"record.every": 2}, r"measure\.prompts\.every: must be a multiple of record\.every 2, .*; got 3"),
        ({"measure.prompts.answers": 1}, r"measure\.prompts\.answers: must be a whole number from 2 to 1,000; got 1"),
        ({"measure.encoder": "hashd"}, r"measure\.encoder: must be .*hashed or minilm.*did you mean 'hashed'"),
        (
            {"claims": [{"says": "x", "metric": "answer_repetition", "effect": "> 0", "at": 4}]},
            r"claims\.0\.at: prompts are asked at multiples of 3 and at the last step; got 4",
        ),
    ],
)
def test_mistakes_about_prompts_are_told_before_a_run(changes, says):
    with pytest.raises(InputError) as caught:
        read(FILE, **changes)
    assert any(re.match(says, line) for line in caught.value.lines), caught.value.lines


def test_claims_may_look_at_steps_at_which_prompts_are_asked():
    claims = [{"says": "x", "metric": "answer_repetition", "effect": "> 0", "at": at} for at in (0, 3, 6, "end")]
    assert len(read(FILE, claims=claims).claims) == 4


def test_paths_of_prompts_and_encoders_are_taken_from_the_scenarios_folder(tmp_path):
    (tmp_path / "p.txt").write_text("Why?")
    (tmp_path / "s.yaml").write_text(
        "world: {kind: text}\nhumans: [{rate: 3}]\nmodels: [{learner: {kind: ngram}}]\n"
        "measure: {prompts: {path: p.txt}, encoder: {path: bert}}\narms: {other: {measure.prompts.path: q.txt}}\n"
    )
    spec = read(tmp_path / "s.yaml")
    assert spec.measure.prompts.path == str(tmp_path / "p.txt")
    assert spec.measure.encoder.path == str(tmp_path / "bert")
    assert spec.arms["other"]["measure.prompts.path"] == str(tmp_path / "q.txt")
    assert [entry["path"] for entry in provenance.data_files(spec.plain())] == [str(tmp_path / "p.txt")]
    with pytest.raises(InputError, match=r"measure\.encoder: .*bert: no such folder"):
        run(spec.with_({"measure.prompts": None}), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return replicate(read(FILE), 2, out=tmp_path_factory.mktemp("asked"))


def test_some_answers_are_recorded_as_text_where_prompts_are_asked(study):
    made = study.runs[0]
    found, world = made.answers, Ecosystem(made.spec)
    assert list(found.columns) == ["step", "agent", "prompt", "answer", "text"]
    assert list(dict.fromkeys(found["prompt"])) == list(world.asked.texts)
    models = found[found["agent"].notna()]
    assert models.groupby("step").size().to_dict() == dict.fromkeys([0, 3, 6], 4 * 4 * 2)
    people = found[found["agent"].isna()]
    assert people["step"].unique().tolist() == [0]
    assert people["text"].tolist()[:3] == world.show(world.asked.people[0][:3])
    for step in range(7):
        if step in (0, 3, 6):
            rows = models[(models["step"] == step) & (models["agent"] == 3)]
            wanted = world.readout.answers[3, :, :2, : world.asked.length].reshape(8, -1)
            assert rows["text"].tolist() == world.show(wanted)
        if step < 6:
            world.step()
    assert set(study.answers["seed"]) == {0, 1}


class Page(HTMLParser):
    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.sections: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "section":
            self.sections.append(dict(attrs)["id"])

    def handle_data(self, data):
        self.text += data


def page_of(study) -> Page:
    return Page(write(study.folder).read_text(encoding="utf-8"))


def test_a_page_shows_answers_of_models_at_the_first_and_last_step_beside_those_of_people(study):
    page, found = page_of(study), study.runs[0].answers
    assert page.sections[-2:] == ["answers", "origin"]
    shown = page.text.split("Answers to the same prompts")[1].split("Provenance")[0]
    assert "How alike answers are" in shown
    for prompt in list(dict.fromkeys(found["prompt"]))[:3]:
        assert f"{prompt} \u2026" in shown
    for heading in ("People", "Models, step 0", "Models, step 6"):
        assert shown.count(heading) == 3
    assert "Models, step 3" not in shown
    assert {"a person", "model 0, small", "model 2, sharp"} <= set(re.findall(r"a person|model \d, \w+", shown))
    last = found[(found["step"] == 6) & (found["agent"] == 0) & (found["answer"] == 0)]["text"].iloc[0]
    assert last.strip()[:40] in shown


def test_nothing_in_an_answer_can_run(study, tmp_path):
    copy = type(study)(shutil.copytree(study.folder, tmp_path / "study"))
    evil = "</p><script>alert(1)</script> \x1b end"
    for made in copy.runs:
        with sqlite3.connect(made.folder / "run.db") as db:
            db.execute("UPDATE answers SET text = ?", (evil,))
            db.execute("UPDATE answers SET prompt = ? WHERE prompt = (SELECT prompt FROM answers LIMIT 1)", (evil,))
    page = page_of(copy)
    assert "script" not in page.tags
    assert "<script>alert(1)</script> \ufffd end" in page.text
    assert "\x1b" not in page.text


def test_a_page_without_prompts_has_no_such_section(tmp_path):
    plain = replicate(read(FILE | {"measure": {}, "metrics": ["within_diversity"], "steps": 1}), 1, out=tmp_path)
    assert "answers" not in page_of(plain).sections
    assert len(plain.answers) == 0


def test_a_curve_of_asked_steps_is_one_line(study):
    line = figures.curves(study, "answer_repetition").axes[0].lines[-1]
    assert line.get_xdata().tolist() == [0, 3, 6]
    drawn = figures.likeness(study).axes[0]
    assert [line.get_xdata().tolist() for line in drawn.lines[:2]] == [[0, 3, 6]] * 2
    assert set(drawn.lines[2].get_ydata()) == {study.steps["human_answer_similarity"].dropna().iloc[0]}
