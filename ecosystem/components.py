"""Components by name: `agents/learners/NAME.py` is the learner NAME; `package.module:Class` is code of one's own.

There is no registry: a file that is there is known. Names are resolved here and nowhere else, so that the world never
imports an agent kind.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from ecosystem.errors import InputError, did_you_mean, suggestion
from ecosystem.interfaces import Component, HumanSource, Learner
from ecosystem.policy import Policy
from ecosystem.verifier import Verifier

ROOT = Path(__file__).resolve().parent.parent
FAMILIES: dict[str, type[Component]] = {
    "learners": Learner, "humans": HumanSource, "verifiers": Verifier, "policies": Policy,
}  # fmt: skip
SINGULAR = {"learners": "learner", "humans": "world", "verifiers": "verifier", "policies": "policy"}
OUTSIDE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def available(family: str) -> list[str]:
    """Names of the components of a family (a key of `FAMILIES`): the files that are there."""
    return sorted(file.stem for file in (ROOT / "agents" / family).glob("*.py") if not file.stem.startswith("_"))


def complete(family: str) -> list[str]:
    """Names of those that can be made as they are: no key must be given."""
    return [kind for kind in available(family) if _made_of_nothing(find(family, kind))]


def find(family: str, kind: str) -> type[Component]:
    """The class of a kind: the component of `agents/<family>/<kind>.py`, or `package.module:Class`."""
    if ":" in kind:
        return _outside(family, kind)
    if kind not in available(family):
        raise InputError(
            f"Unknown {SINGULAR[family]} '{kind}'.{suggestion(kind, available(family))} "
            f"Available: {', '.join(available(family))}, or package.module:Class."
        )
    name = f"agents.{family}.{kind}"
    return _only(_module(name), name, FAMILIES[family])


def inner(cls: type[Component]) -> dict[str, str]:
    """Keys of a component that hold a component themselves, and of which family."""
    bases = {base: family for family, base in FAMILIES.items()}
    annotated = {key: field.annotation for key, field in cls.model_fields.items()}
    return {key: bases[base] for key, base in annotated.items() if isinstance(base, type) and base in bases}


def kind_of(component: Component) -> str:
    """The name by which `find` gives a component's class."""
    cls = type(component)
    for family, base in FAMILIES.items():
        package, _, name = cls.__module__.rpartition(".")
        if isinstance(component, base) and package == f"agents.{family}":
            return name
    if "<locals>" in cls.__qualname__:
        raise InputError(f"{cls.__name__} is defined inside a function; define it at the top level of a module.")
    return f"{cls.__module__}:{cls.__qualname__}"


def make_importable(*folders: Path) -> None:
    """Lets `package.module:Name` find code in these folders; whatever is installed comes first."""
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)


def outside_object(name: str) -> object:
    """What `package.module:Name` names, imported."""
    if not OUTSIDE.fullmatch(name):
        raise InputError(f"'{name}' must be written package.module:Name.")
    module_name, _, attribute = name.partition(":")
    module = _module(module_name)
    if not hasattr(module, attribute):
        public = [n for n in vars(module) if not n.startswith("_")]
        raise InputError(f"Module '{module_name}' has no '{attribute}'{did_you_mean(attribute, public)}.")
    return getattr(module, attribute)


def _made_of_nothing(cls: type[Component]) -> bool:
    try:
        cls()
    except ValidationError:
        return False
    return True


def _outside(family: str, kind: str) -> type[Component]:
    found, base = outside_object(kind), FAMILIES[family]
    if not (isinstance(found, type) and issubclass(found, base)) or found is base:
        raise InputError(f"'{kind}' must be a subclass of ecosystem.{base.__name__}. Got {_what(found)}.")
    return found


def _what(found: object) -> str:
    if not isinstance(found, type):
        return f"a {type(found).__name__}"
    return "the base class itself" if found in FAMILIES.values() else f"a class of {found.__bases__[0].__name__}"


def _module(name: str) -> ModuleType:
    """The imported module; whatever is wrong with somebody's file is said in one line."""
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        raise InputError(f"{error.filename}:{error.lineno}:{error.offset}: {error.msg}.") from error
    except Exception as error:  # any module of anyone's may be imported, so anything may go wrong in it
        said = " ".join(str(error).split())
        raise InputError(f"Module '{name}' cannot be imported: {type(error).__name__}: {said}.") from error


def _only(module: ModuleType, name: str, base: type[Component]) -> type[Component]:
    classes = [
        cls
        for key, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, base) and cls.__module__ == module.__name__ and not key.startswith("_")
    ]
    if len(classes) != 1:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        raise InputError(f"Module '{name}' must define exactly one public subclass of {base.__name__}. Got {names}.")
    return classes[0]
