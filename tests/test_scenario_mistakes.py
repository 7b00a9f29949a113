"""Every mistake in a scenario file is told on a line of its own: place, key, what is allowed, what was given."""

import re
from pathlib import Path

import pytest
import yaml
from good_scenario import GOOD, lines_of

from agents.learners.categorical import Categorical
from ecosystem.errors import InputError
from ecosystem.files import scenario_file

MISTAKES = yaml.safe_load((Path(__file__).parent / "scenario_mistakes.yaml").read_text(encoding="utf-8"))


def fits(pattern, line):
    """Does a line say what the pattern says, where * stands for anything?"""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), line) is not None


@pytest.mark.parametrize("mistake", MISTAKES, ids=[m["is"].split("\n")[-1] for m in MISTAKES])
def test_a_mistake_is_one_line_with_its_place_the_rule_and_the_nearest_choice(mistake, tmp_path):
    assert GOOD.count(mistake["was"]) == 1
    marked, says = GOOD.replace(mistake["was"], mistake["is"]), mistake["says"]
    if "$" in marked:
        before = marked[: marked.index("$")].split("\n")
        says = f"s.yaml:{len(before)}:{len(before[-1]) + 1}: {says}"
    (line,) = lines_of(marked.replace("$", ""), tmp_path)
    assert fits(says, line), line


@pytest.mark.parametrize(
    "old, new",
    [("rate: 40", "rate: [[1, 2]]"), ("read: 100", "read: all")],
    ids=["the only community", "the only group"],
)
def test_the_mistake_of_an_only_item_is_told_once(tmp_path, old, new):
    only = "world: {kind: zipf}\nhumans: [{name: a, rate: 40}]\nmodels: [{read: 100, learner: {kind: categorical}}]\n"
    lines = lines_of(only.replace(old, new), tmp_path)
    assert len(lines) == 1
    assert "at least 1 item" not in lines[0]


def test_no_community_at_all_is_told(tmp_path):
    lines = lines_of("world: {kind: zipf}\nhumans: []\nmodels: [{learner: {kind: categorical}}]\n", tmp_path)
    assert len(lines) == 1
    assert "humans" in lines[0]


def test_two_of_one_name_are_told_apart_from_nobody(tmp_path):
    lines = lines_of(GOOD.replace("name: rebels", "name: people"), tmp_path)
    assert "s.yaml:8:11: humans.1.name: must be a name of its own, humans.0 is called that too; got 'people'" in lines


def test_every_mistake_is_found_in_one_pass_in_the_order_of_the_file(tmp_path):
    text = GOOD
    for old, new in [
        ("steps: 4", "steps: -4"), ("items: 50", "itmes: 50"), ("rate: 15", "rate: x"), ("count: 4\n", "count: 0\n"),
        ("kind: ring", "kind: rnig"), ("window: 3", "window: 0"), ("tail_coverage]", "tail_covrage]"),
        ("at: 4}", "at: []}"),
    ]:  # fmt: skip
        text = text.replace(old, new)
    lines = lines_of(text, tmp_path)
    places = [tuple(map(int, line.split(":")[1:3])) for line in lines]
    assert places == sorted(places)
    assert [line.split(": ")[1] for line in lines] == [
        "steps", "metrics.2", "world.itmes", "humans.0.rate", "models.0.count", "graph.kind", "corpus.keep.window",
        "claims.0.at",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "s.yaml:1:1: must be a mapping with world and models; got nothing"),
        ("# nothing but a comment\n", "s.yaml:1:1: must be a mapping with world and models; got nothing"),
        ("[1, 2]", "s.yaml:1:1: must be a mapping of *; got [1, 2]"),
        ("just words", "s.yaml:1:1: must be a mapping of *; got 'just words'"),
        ("steps: [1\n", "s.yaml:2:1: must be YAML; got *"),
        ("steps: 1: 2", "s.yaml:1:9: must be YAML; got mapping values are not allowed here"),
        ("steps:\t\x07", "s.yaml:1:8: must be YAML; got the character U+0007"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2:1: must be YAML; got expected a single document *"),
        ("name: " + "[" * 5000, "s.yaml:1:46: must be YAML; got nested more than 40 deep"),
        ("name: *nobody", "s.yaml:1:7: must be YAML; got found undefined alias 'nobody'"),
    ],
)  # fmt: skip
def test_what_is_no_scenario_at_all_is_told_by_one_line(text, says, tmp_path):
    (line,) = lines_of(text, tmp_path)
    assert fits(says, line) or line == says


def test_aliases_that_multiply_or_hold_themselves_are_refused(tmp_path):
    laughs = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    )
    said, itself = "\n".join(lines_of(laughs, tmp_path)), "\n".join(lines_of("a: &x [*x]", tmp_path))
    assert "at most 1,000,000 values, 10,000 of them through aliases; got more" in said
    assert "s.yaml:1:4: a.0: an alias may not stand inside what it refers to; got one that does" in itself


def test_an_alias_says_again_what_it_stands_for(tmp_path):
    text = GOOD.replace("{kind: categorical, temperature: 0.9}", "&same {kind: categorical, top_p: 0.5}")
    (tmp_path / "s.yaml").write_text(text.replace("learner: {kind: categorical}}", "learner: *same}"))
    spec = scenario_file.read(tmp_path / "s.yaml")
    assert spec.models[0].learner == spec.models[1].learner == Categorical(top_p=0.5)


@pytest.mark.parametrize(
    "write, says",
    [
        (lambda f: None, "no such file or directory."),
        (lambda f: f.mkdir(), "must be a scenario file; got a folder."),
        (lambda f: f.write_bytes(b"name: x\nqu\xffestion: 1\n"), ":2:3: must be UTF-8; got the byte 0xff"),
        (lambda f: f.write_bytes("name: x".encode("utf-16")), ":1:1: must be UTF-8; got the byte 0xff"),
        (lambda f: f.write_bytes(b" " * 10_000_001), "at most 10,000,000 bytes; got more."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_one_line(write, says, tmp_path):
    file = tmp_path / "s.yaml"
    write(file)
    with pytest.raises(InputError) as caught:
        scenario_file.read(file)
    (line,) = caught.value.lines
    assert line.startswith(str(file))
    assert line.endswith(says)


def test_an_unknown_name_names_the_nearest_scenario():
    with pytest.raises(InputError, match=r"Unknown scenario 'bsaeline'. Did you mean 'baseline'\? Available: "):
        scenario_file.read("bsaeline")


def test_mistakes_in_sets_name_the_set(tmp_path):
    sets = [
        "humans.0.rate=x", "models.0={count: 0, learner: {kind: categorical}}", "steps", "name=[",
        "humans.nobody.rate=3", "corpus.keep.window.size=3", "collaps.metric=depth",
    ]  # fmt: skip
    lines = lines_of(GOOD, tmp_path, sets)
    assert lines[:4] == [
        "--set steps: must be PATH=VALUE; got 'steps'",
        "--set name=[: must be YAML; got while parsing a flow node expected the node content, but found '<stream end>'",
        "--set humans.nobody.rate=3: the items of humans are 0 (people), 1 (rebels); got 'nobody'",
        "--set corpus.keep.window.size=3: corpus.keep.window is 3 and holds no 'size'; give corpus.keep.window a whole "
        "new value",
    ]
    rest = "\n".join(lines[4:])
    assert "--set humans.0.rate=x: must be a whole number from 0 to 1,000,000,000 or a list" in rest
    assert f"--set {sets[1]}: models.0.count: must be a whole number from 1" in rest
    assert "--set collaps.metric=depth: collaps: the keys allowed here are" in rest
    assert "got 'collaps' (did you mean 'collapse'?)" in rest


def test_an_arm_is_not_blamed_for_what_is_wrong_in_the_base(tmp_path):
    (line,) = lines_of(GOOD.replace("items: 50", "items: 0"), tmp_path)
    assert "arms" not in line


def test_a_claim_about_a_group_wants_a_measure_of_single_models(tmp_path):
    whole = GOOD.replace("support, tail_coverage]", "support, differentiation]").replace(
        "metric: support, arms", "metric: differentiation, arms"
    )
    (line,) = lines_of(whole, tmp_path)
    told = "goes with measures of single models; differentiation is one number for the whole web; got 'small'"
    assert line.endswith(f"claims.0.group: {told}")
