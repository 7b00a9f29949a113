"""The table `questions` of a run: what was asked, answered and cited, whether it was right, what became of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.runs.runner import replicate, run
from tests.chance import FALSE_ALARM
from tests.fact_worlds import FILE, world

GUARD = {"kind": "oracle", "name": "guard", "gate": "publish", "specificity": 0.5}
CHANGES = {
    "record": {"questions": "all", "documents": "all"}, "verifiers": [GUARD],
    "models.models.questions": {"unsupported": "abstain", "faithful": 0.7},
}  # fmt: skip
COLUMNS = ["step", "agent", "fact", "subject", "relation", "value", "confidence", "supported", "right", "published",
           "document", "cited"]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return run(read(FILE, **CHANGES), seed=2, out=tmp_path_factory.mktemp("asked"))


def test_every_answer_is_a_row_and_agrees_with_the_world(made):
    rows, here = made.questions, world(0, seed=2, **CHANGES)
    assert list(rows.columns) == COLUMNS
    assert rows.groupby("step").size().to_dict() == dict.fromkeys(range(1, 5), 3 * 12)
    grammar, truth = here.shape.grammar, here.reference.truth
    for step in range(1, 5):
        here.step()
        (answered,), (number,) = here.answering.answers, here.answering.published
        mine = rows[rows["step"] == step]
        for column in ("agent", "fact", "supported"):
            np.testing.assert_array_equal(mine[column], getattr(answered, column))
        given = answered.slot >= 0
        np.testing.assert_array_equal(mine["value"].notna(), given)
        right = answered.slot == truth.slot_F[answered.fact]
        np.testing.assert_array_equal(mine["right"].to_numpy()[given], right[given])
        np.testing.assert_array_equal(mine["confidence"].to_numpy()[given], answered.confidence[given])
        assert mine.loc[~given, ["right", "confidence", "document"]].isna().all(axis=None)
        np.testing.assert_array_equal(mine["published"], number >= 0)
        np.testing.assert_array_equal(mine["document"].fillna(-1), number)
        cited = [" ".join(map(str, row[row >= 0].tolist())) for row in answered.cited]
        assert mine["cited"].fillna("").tolist() == cited
    names = grammar.entity_names
    first = rows.dropna(subset="value").iloc[0]
    relation = grammar.relation_F[first["fact"]]
    assert first["subject"] == names[grammar.subject_F[first["fact"]]]
    assert first["relation"] == grammar.relation_names[relation]
    assert first["value"] in names[grammar.low_R[relation] : grammar.high_R[relation]]
    assert 0 < rows["published"].sum() < rows["value"].notna().sum() < len(rows)  # some refused, some not answered


def test_documents_that_answers_became_say_what_was_answered(made):
    published = made.questions.dropna(subset="document").astype({"document": int})
    joined = published.merge(made.documents, on=["document", "step"], validate="one_to_one")
    assert len(joined) == len(published) > 20
    said = joined["subject"] + " | " + joined["relation"] + " | " + joined["value"]
    assert joined["text"].tolist() == said.tolist()
    np.testing.assert_array_equal(joined["author"], joined["agent"])
    refused = made.judgements[made.judgements["verdict"] == 0]
    assert refused["document"].isna().all()  # it has no number
    answered = made.questions["value"].notna()
    assert len(refused) == (answered & (made.questions["published"] == 0)).sum()


def test_a_share_of_the_questions_is_recorded_the_same_ones_whoever_else_is_asked(tmp_path):
    changes = {"models.models.publish": 100, "record.questions": 0.2, "steps": 3}
    some = run(read(FILE, **changes), out=tmp_path).questions
    assert binomtest(len(some), 3 * 100 * 3, 0.2).pvalue > FALSE_ALARM
    assert binomtest(len(some), 3 * 100 * 3, 0.3).pvalue < FALSE_ALARM
    every = run(read(FILE, **changes | {"record.questions": "all"}), out=tmp_path).questions
    pd.testing.assert_frame_equal(some, every.merge(some, how="inner")[some.columns], check_dtype=False)
    before = [{"name": "others", "count": 2, "publish": 50, "read": 40, "learner": {"kind": "belief"}}]
    free = read(FILE, **changes | {"models": [*read(FILE, **changes).plain()["models"], *before]})
    rows = run(free, out=tmp_path).questions
    key = ["step", "agent", "fact"]
    assert rows[rows["step"] == 1][key].to_numpy().tolist() == some[some["step"] == 1][key].to_numpy().tolist()
    assert rows["agent"].max() == 2  # who writes freely answers nothing


@pytest.mark.parametrize("changes", [{"record.questions": "none"}, {"record.questions": 0}])
def test_nothing_is_recorded_where_it_is_not_asked_for(changes, tmp_path):
    assert len(run(read(FILE, **changes), out=tmp_path).questions) == 0


def test_answers_of_steps_that_are_not_measured_are_recorded_with_the_next(tmp_path):
    sparse = run(read(FILE, **{"record": {"questions": "all", "every": 3}}), out=tmp_path).questions
    assert sparse["step"].unique().tolist() == [1, 2, 3, 4]


def test_worlds_of_other_things_and_studies_have_the_table_too(tmp_path):
    other = {"world": {"kind": "zipf", "items": 20}, "metrics": ["depth"], "steps": 1}
    models = [{"name": "models", "count": 2, "publish": 5, "read": 5, "learner": {"kind": "categorical"}}]
    assert list(run(read(FILE, **other, models=models), out=tmp_path).questions.columns) == COLUMNS
    study = replicate(read(FILE, **{"record.questions": "all"}), 2, out=tmp_path)
    assert study.questions.groupby("seed").size().tolist() == [4 * 36] * 2


def test_a_share_beyond_one_is_refused():
    with pytest.raises(InputError, match=r"record\.questions: must be .*all or none.*got 2"):
        read(FILE, **{"record.questions": 2})
