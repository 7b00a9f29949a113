"""A world of facts from a file: what it reads, who writes what how often, and a clear line for all that can be wrong.

Shares of 20,000 claims are compared with their expectation to 5 standard deviations (false alarms: 1 in a million).
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from agents.humans.facts_file import FactsFile
from agents.learners.belief import Belief
from ecosystem import Ecosystem
from ecosystem.checks import check_source
from ecosystem.errors import InputError
from ecosystem.runs.provenance import data_files
from ecosystem.scenario import Community, Group, Scenario
from ecosystem.streams import Streams

ROWS = [
    {"subject": "Ada  King", "relation": "birthplace", "object": "London", "popularity": 90, "passages": ["a", "b"]},
    {"subject": "Bo", "relation": "birthplace", "value": "Oslo", "popularity": 9, "question": "Where was Bo born?"},
    {"subject": "Cy", "relation": "birthplace", "object": "London", "popularity": 1},
    {"subject": "Bo", "relation": "job", "object": "poet", "popularity": 0, "passages": []},
]
PASSAGES = [{"id": "a", "title": "Ada", "text": "Ada saw the light."}, {"id": "b", "text": "London is a town."}]
MANY = 20_000


def jsonl(path, rows):
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), "utf-8")
    return str(path)


@pytest.fixture
def facts(tmp_path):
    """Makes the world of ROWS; keys can be given."""
    path, passages = jsonl(tmp_path / "facts.jsonl", ROWS), jsonl(tmp_path / "passages.jsonl", PASSAGES)
    return lambda **keys: FactsFile(**{"path": path, "passages_path": passages, **keys})


def writer_of(source):
    (writer,) = source.open([source])
    return writer


def claims(writer, k=MANY, seed=0):
    return writer.grammar.read(writer.sample(k, Streams(seed).rows("people", 0, 1))[0])


def close(count, p, n=MANY):
    return abs(count - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1e-9


def test_every_line_is_a_fact(facts):
    writer = writer_of(facts())
    grammar, truth = writer.grammar, writer.truth
    assert grammar.facts == 4
    assert writer.show(grammar.write(np.arange(4)[:, None], truth.slot_F[:, None])) == [
        "Ada King | birthplace | London", "Bo | birthplace | Oslo", "Cy | birthplace | London", "Bo | job | poet",
    ]  # fmt: skip
    assert grammar.width_F.tolist() == [2, 2, 2, 1]
    assert not grammar.derivable_F.any()


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_facts_are_written_and_asked_for_by_page_views(facts, exponent):
    writer = writer_of(facts(exponent=exponent))
    views = np.array([90, 9, 1, 0]) ** exponent
    assert writer.truth.asked_F == pytest.approx(views / views.sum())
    fact, _ = claims(writer)
    counts = np.bincount(fact[:, 0], minlength=4)
    assert all(close(count, share) for count, share in zip(counts, views / views.sum(), strict=True))


def test_without_page_views_facts_are_all_alike(tmp_path):
    bare = [{k: v for k, v in row.items() if k != "popularity"} for row in ROWS]
    assert writer_of(FactsFile(path=jsonl(tmp_path / "f", bare))).truth.asked_F.tolist() == [0.25] * 4


def test_people_err_as_often_as_said(facts):
    writer = writer_of(facts(error=0.2, exponent=0.0))
    fact, slot = claims(writer)
    wrong = slot != writer.truth.slot_F[fact]
    assert not wrong[fact == 3].any()  # there is but one job
    assert close(wrong.sum(), 0.2 * 0.75)
    assert np.exp(writer.log_prob(writer.grammar.write(fact[:50], slot[:50]))) == pytest.approx(
        0.25 * np.where(fact[:50, 0] == 3, 1, np.where(wrong[:50, 0], 0.2, 0.8))
    )


def test_a_community_knows_its_part_of_the_subjects(facts):
    one, two = (facts(parts=3, part=part) for part in (0, 1))
    known = [writer.known_F.tolist() for writer in one.open([one, two])]
    assert known == [[True, False, False, False], [False, True, False, True]]
    fact, _ = claims(two.open([two])[0], 500)
    assert {*fact.ravel().tolist()} == {1}  # nobody asks for Bo's job


def test_only_so_many_facts_are_read(facts):
    assert writer_of(facts(limit=2)).grammar.facts == 2
    assert writer_of(facts(limit=99)).grammar.facts == 4


def test_namesakes_are_told_apart_by_their_identifiers(tmp_path):
    rows = [
        {"subject": "Paris", "relation": "job", "object": "hero", "subject_qid": "Q1"},
        {"subject": "Paris", "relation": "in", "object": "Rome", "subject_qid": "Q2", "object_qid": "Q8"},
        {"subject": "Bo", "relation": "in", "object": "Rome", "subject_qid": "Q3", "object_qid": "Q9"},
    ]
    grammar = writer_of(FactsFile(path=jsonl(tmp_path / "f", rows))).grammar
    assert grammar.entity_names == ("Paris (Q1)", "Paris (Q2)", "Bo", "hero", "Rome (Q8)", "Rome (Q9)")
    rows[1] |= {"subject_qid": "Q1", "relation": "job"}
    same = FactsFile(path=jsonl(tmp_path / "f", rows))
    with pytest.raises(InputError, match="contradicts"):
        writer_of(same)


def test_claims_of_people_read_as_passages_whether_true_or_false(facts):
    writer = writer_of(facts(claims=2))
    content = writer.grammar.write(np.array([[0, 1], [0, -1], [3, -1]]), np.array([[0, 1], [1, 0], [0, 0]]))
    assert writer.texts(content) == [
        "Ada\nAda saw the light.\nLondon is a town.\nAda King | birthplace | London\nBo | birthplace | Oslo",
        "Ada\nAda saw the light.\nOslo is a town.\nAda King | birthplace | Oslo",
        "Bo | job | poet",
    ]
    assert writer.questions(np.array([0, 1])) == ["Ada King | birthplace", "Where was Bo born?"]
    assert writer_of(facts(passages_path=None, claims=2)).texts(content[:1]) == [
        "Ada King | birthplace | London; Bo | birthplace | Oslo".replace("; ", "\n")
    ]


@pytest.mark.parametrize(
    "keys", [{}, {"claims": 3, "misled": 1.0}, {"parts": 2, "part": 1}, {"exponent": 0.0}], ids=str
)
def test_the_world_keeps_the_rules(facts, keys):
    check_source(facts(**keys))


def test_a_file_that_was_changed_is_read_again(facts, tmp_path):
    assert writer_of(facts()).grammar.facts == 4
    jsonl(tmp_path / "facts.jsonl", ROWS[:1])
    assert writer_of(facts()).grammar.facts == 1


def test_both_files_stand_in_the_provenance(facts):
    files = data_files({"world": facts().model_dump(mode="json")})
    assert [file["path"].rpartition("/")[2] for file in files] == ["facts.jsonl", "passages.jsonl"]


GOOD = ROWS[0]
BAD = {
    "no such file": (None, "no such file"),
    "empty": ([], "holds no facts"),
    "only blank lines": (["", "  "], "holds no facts"),
    "rubbish": (["\x00\x01", "PNG"], "facts.jsonl:1: not JSON"),
    "a list": (["[1, 2]"], r"facts.jsonl:1: each line must be a JSON object such as .*subject"),
    "no relation": ([GOOD, {"subject": "Bo", "relatoin": "job", "object": "x"}], r":2: no \"relation\".*'relatoin'"),
    "no value": ([{"subject": "Bo", "relation": "job"}], ':1: no "object"'),
    "a number for a name": ([{"subject": 7, "relation": "job", "object": "x"}], ':1: "subject" must be a text'),
    "an empty name": ([{"subject": " ", "relation": "job", "object": "x"}], ':1: "subject" must be a text'),
    "a bar in a name": ([{"subject": "a|b", "relation": "job", "object": "x"}], r':1: "subject" .* without "\|"'),
    "contradiction": (
        [*ROWS, {**GOOD, "object": "Paris"}],
        r":5: contradicts .*facts.jsonl:1: Ada King \| birthplace \| Paris here, London there",
    ),
    "duplicate": ([*ROWS, GOOD], r":5: states again what .*facts.jsonl:1 does: Ada King \| birthplace"),
    "unknown passage": ([{**GOOD, "passages": ["a", "bb"]}], r":1: cites the passage 'bb', which .*passages.jsonl"),
    "passages no list": ([{**GOOD, "passages": "a"}], ':1: "passages" must be a list'),
    "question no text": ([{**GOOD, "question": 3}], ':1: "question" must be a string'),
    "negative views": ([{**GOOD, "popularity": -1}], ':1: "popularity" must be a number from 0 up. Got -1'),
    "no number": ([{**GOOD, "popularity": "many"}], ':1: "popularity" must be a number'),
    "not a number": (['{"subject": "a", "relation": "b", "object": "c", "popularity": NaN}'], "must be a number"),
    "views in some lines": ([GOOD, {"subject": "Di", "relation": "job", "object": "x"}], ":2: no popularity"),
    "no views": ([{**GOOD, "popularity": 0}], ":1: every popularity is 0"),
}


@pytest.mark.parametrize("rows, says", BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_file_is_said_in_one_line(facts, tmp_path, rows, says):
    source = facts()
    (tmp_path / "facts.jsonl").unlink()
    if rows is not None:
        jsonl(tmp_path / "facts.jsonl", rows)
    with pytest.raises(InputError, match=says) as caught:
        source.open([source])
    assert len(caught.value.lines) == 1
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_told(facts, tmp_path):
    (tmp_path / "facts.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(InputError, match=r"facts\.jsonl:1: not UTF-8"):
        writer_of(facts())


@pytest.mark.parametrize(
    "rows, says",
    [
        ([], "holds no passages"),
        ([{"id": "a", "text": 3.5}], ':1: "text" must be a text'),
        ([{"text": "a"}], ':1: "id" must be a text'),
        ([*PASSAGES, PASSAGES[0]], ":3: the id 'a' stands there twice"),
    ],
)
def test_what_is_wrong_with_passages_is_said_too(facts, tmp_path, rows, says):
    jsonl(tmp_path / "passages.jsonl", rows)
    with pytest.raises(InputError, match=says):
        writer_of(facts())


def test_communities_live_in_one_world(facts, tmp_path):
    with pytest.raises(InputError, match=r"writes\.limit: must be the same"):
        facts().open([facts(), facts(limit=1)])
    with pytest.raises(ValueError, match="part: must be below parts, 2; got 2"):
        facts(parts=2, part=2)
    with pytest.raises(InputError, match="has no subject that is asked for in part 3 of 4"):
        facts().open([facts(parts=4, part=3)])


def test_real_facts_load_and_run(shared_data):
    folder = shared_data / "facts"
    world = Ecosystem(
        Scenario(
            world=FactsFile(
                path=str(folder / "popqa_700.jsonl"), passages_path=str(folder / "popqa_passages.jsonl"), exponent=0.5
            ),
            humans=(Community(rate=20),), steps=2, metrics=("fact_recall", "popularity_survival"),
            models=(Group(name="models", count=2, publish=5, read=500, learner=Belief()),),
        )
    )  # fmt: skip
    grammar = world.shape.grammar
    assert (grammar.facts, sorted(grammar.relation_names)) == (700, ["occupation", "place of birth"])
    assert len({*grammar.entity_names}) == len(grammar.entity_names) - 1  # Stone is a writer and a town
    world.step()
    assert world.frame.values["popularity_survival"] > 0.19  # five standard deviations of 700 unrelated ranks
