"""Components are found by name: ours by file, a user's by package.module:Class."""

import os
import subprocess
import sys

import pytest

from agents.learners.categorical import Categorical
from ecosystem import components
from ecosystem.cli import installation
from ecosystem.components import available, find, kind_of
from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from ecosystem.interfaces import HumanSource, Learner

OWN = '''
from pydantic import Field
from ecosystem.interfaces import Learner
from agents.learners.categorical import Categorical

class Parrot(Categorical):
    """Says what it heard."""
    patience: int = Field(3, ge=1, le=9)

class NotOne:
    pass
'''


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """A folder with a user's module parrots_<n>.py in it, importable; gives the module's name."""
    name = f"parrots_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return name


def test_every_file_of_a_family_is_found_by_its_name():
    for family, base in components.FAMILIES.items():
        assert available(family)
        for kind in available(family):
            cls = find(family, kind)
            assert issubclass(cls, base)
            assert cls.__module__ == f"agents.{family}.{kind}"


def test_a_component_knows_the_name_by_which_it_is_found():
    for family in components.FAMILIES:
        for kind in available(family):
            assert kind_of(find(family, kind).model_construct()) == kind


def test_an_unknown_kind_names_the_nearest_and_what_there_is():
    with pytest.raises(InputError) as caught:
        find("learners", "categorial")
    (line,) = caught.value.lines
    assert line.startswith("Unknown learner 'categorial'. Did you mean 'categorical'? Available: belief, categorical, ")
    with pytest.raises(InputError, match=r"Unknown world 'zpif'. Did you mean 'zipf'\?"):
        find("humans", "zpif")


@pytest.mark.parametrize("kind", ["../secrets", "os", "__init__", "", "categorical.Categorical", "a/b"])
def test_no_name_reaches_outside_the_folder(kind):
    with pytest.raises(InputError, match="Unknown learner"):
        find("learners", kind)


def test_outside_code_is_found_and_named_back(own_code):
    cls = find("learners", f"{own_code}:Parrot")
    assert issubclass(cls, Categorical)
    assert kind_of(cls()) == f"{own_code}:Parrot"


@pytest.mark.parametrize(
    "name, says",
    [
        ("{}:Parot", "has no 'Parot' (did you mean 'Parrot'?)."),
        ("{}:NotOne", "must be a subclass of ecosystem.Learner."),
        ("{}:Learner", "Got the base class itself."),
        ("nowhere_at_all:Parrot", "cannot be imported: ModuleNotFoundError"),
        ("{}:", "must be written package.module:Name."),
        ("{}:a.b", "must be written package.module:Name."),
    ],
)
def test_outside_code_that_is_not_one_is_refused_in_one_line(own_code, name, says):
    with pytest.raises(InputError) as caught:
        find("learners", name.format(own_code))
    (line,) = caught.value.lines
    assert says in line


@pytest.mark.parametrize("body, says", [("def (:", "invalid syntax"), ("1 / 0", "ZeroDivisionError: division by zero")])
def test_outside_code_that_is_broken_is_told_by_one_line(tmp_path, monkeypatch, body, says):
    name = f"broken_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(InputError, match=says):
        find("learners", f"{name}:Parrot")


def test_a_file_must_hold_one_public_component():
    two = "from ecosystem.interfaces import Learner\nclass A(Learner):\n    pass\nclass B(Learner):\n    pass\n"
    module = type(sys)("two")
    exec(two, module.__dict__)
    for name in "AB":
        getattr(module, name).__module__ = "two"
    with pytest.raises(InputError, match=r"exactly one public subclass of Learner. Got A, B"):
        components._only(module, "two", Learner)
    with pytest.raises(InputError, match=r"exactly one public subclass of HumanSource. Got none"):
        components._only(module, "two", HumanSource)


def test_a_class_inside_a_function_has_no_name_to_be_found_by():
    class Local(Learner):
        pass

    with pytest.raises(InputError, match="defined inside a function"):
        kind_of(Local())


def test_code_beside_the_scenario_file_is_usable_in_it(tmp_path):
    name = f"beside_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(OWN)
    learner = f"{{kind: '{name}:Parrot', patience: 4, temperature: 0.5}}"
    file = tmp_path / "own.yaml"
    file.write_text(f"world: {{kind: zipf}}\nhumans: [{{rate: 3}}]\nmodels: [{{learner: {learner}}}]\n")
    spec = scenario_file.read(file)
    assert spec.models[0].learner.patience == 4
    assert scenario_file.read(spec.plain()) == spec
    file.write_text(file.read_text().replace("4,", "10,"))
    with pytest.raises(InputError, match=r"own.yaml:3:\d+: models.0.learner.patience: must be a whole number from 1"):
        scenario_file.read(file)


def test_this_installation_is_whole():
    assert installation.problem() is None


def test_an_agents_package_of_others_is_told_with_the_remedy(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text('"""The OpenAI Agents SDK."""')
    said = installation.problem(tmp_path)
    assert "openai-agents" in said
    assert "pip uninstall" in said
    assert "\n" not in said


def test_an_agents_package_that_hides_ours_is_told(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("")
    code = "import sys; from ecosystem.cli import main; sys.exit(main(['list']))"
    paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{components.ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=paths, capture_output=True, text=True)
    assert done.returncode == 2
    assert "openai-agents" in done.stderr
    assert done.stderr.count("\n") == 1
