"""Whatever is done to a good scenario file, it is read, or refused with lines that all have a place in it."""

import re

import pytest
import yaml
from good_scenario import GOOD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecosystem.errors import InputError
from ecosystem.files import scenario_file, yaml_positions

PLACED = re.compile(r".*s\.yaml:(\d+):(\d+): \S")
ODD = [
    None, True, -1, 0, 1e400, 3.5, 10**30, "", "x", "all", "a:b", "a" * 500, [], [[0]], {}, {"x": 1}, {"kind": "zipf"},
]  # fmt: skip
BITS = ["", " ", "\n", ":", "{", "]", "- ", "'", "&a ", "*a", "!x ", "\t", "#", "|", "?", "0", "é", ", "]


def refused_or_read(text, tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(text)
    try:
        spec = scenario_file.read(file)
    except InputError as error:
        last = text.count("\n") + 2
        for line in error.lines:
            assert "\n" not in line
            assert 1 <= int(PLACED.match(line)[1]) <= last, line
        return list(error.lines)
    assert scenario_file.read(spec.plain()) == spec
    return []


many = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damaged(text, data):
    """The text with something cut out and something put in."""
    at, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 12))
    return text[:at] + data.draw(st.sampled_from(BITS)) + text[at + cut :]


@many
@given(st.data())
def test_no_damage_to_the_text_ends_in_anything_but_lines_or_a_scenario(tmp_path, data):
    refused_or_read(damaged(GOOD, data), tmp_path)


@pytest.mark.parametrize("name", ["neutral", "town", "guarded"])
@many
@given(data=st.data())
def test_no_damage_to_a_file_of_the_contract_ends_in_anything_else(tmp_path, shared_data, name, data):
    text = (shared_data.parent / "contract" / f"{name}.yaml").read_text(encoding="utf-8")
    refused_or_read(damaged(text, data), tmp_path)


def places(data, path=()):
    """Every path into plain data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@many
@given(st.data())
def test_no_odd_value_anywhere_ends_in_anything_but_lines_or_a_scenario(tmp_path, data):
    plain = yaml.safe_load(GOOD)
    path = data.draw(st.sampled_from(list(places(plain))))
    here = plain
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = data.draw(st.sampled_from(ODD))
    refused_or_read(yaml_positions.dump(plain), tmp_path)


@many
@given(st.data())
def test_a_key_that_is_renamed_is_told_on_its_own_line(tmp_path, data):
    keys = sorted(yaml_positions.load(GOOD).keys.items())
    path, (line, column) = data.draw(st.sampled_from([k for k in keys if k[0][:1] != ("arms",)]))
    row = GOOD.split("\n")[line - 1]
    text = GOOD.split("\n")
    text[line - 1] = f"{row[: column - 1]}zz{row[column - 1 :]}"
    lines = refused_or_read("\n".join(text), tmp_path)
    assert any(f"s.yaml:{line}:{column}: " in said and f"got 'zz{path[-1]}'" in said for said in lines), lines
