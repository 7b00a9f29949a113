"""The JSON Schema of scenario files, for editors: every component that is found stands under its kind."""

from __future__ import annotations

from ecosystem import components
from ecosystem.files.allowed import Schema
from ecosystem.files.rules import scenario_schema


def schema() -> Schema:
    """JSON Schema of a scenario file: every component that is found stands under its kind."""
    made = dict(scenario_schema())
    defs = dict(made["$defs"])
    families = {family: {"oneOf": _kinds(family, defs)} for family in components.FAMILIES}
    group = defs["Group"]["properties"]
    described = {"world": made["properties"]["world"]["description"], "learner": group["learner"]["description"]}
    learner = {"description": described["learner"], **families["learners"]}
    world = {"description": described["world"], **families["humans"]}
    defs["Group"] = defs["Group"] | {"properties": group | {"learner": learner}}
    listed = {name: made["properties"][name] | {"items": families[name]} for name in ("verifiers", "policies")}
    made["properties"] = made["properties"] | {"world": world, **listed}
    unused = ("Learner", "HumanSource", "Verifier", "Placement", "Policy")
    made["$defs"] = {name: body for name, body in defs.items() if name not in unused}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _kinds(family: str, defs: dict[str, Schema]) -> list[Schema]:
    made = [_one_kind(family, kind, defs) for kind in components.available(family)]
    outside = {"type": "string", "pattern": f"^{components.OUTSIDE.pattern}$", "description": "Code of your own."}
    return [*made, {"type": "object", "properties": {"kind": outside}, "required": ["kind"]}]


def _one_kind(family: str, kind: str, defs: dict[str, Schema]) -> Schema:
    cls = components.find(family, kind)
    own = cls.model_json_schema(ref_template=f"#/$defs/{family}.{kind}.{{model}}")
    bases = [base.__name__ for base in components.FAMILIES.values()]
    found = {name: body for name, body in own.pop("$defs", {}).items() if name not in bases}
    defs.update({f"{family}.{kind}.{name}": body for name, body in found.items()})
    properties = {"kind": {"const": kind}, **own.get("properties", {})}
    for key, of in components.inner(cls).items():
        properties[key] = {"description": properties[key].get("description", ""), "oneOf": _kinds(of, defs)}
    return own | {"properties": properties, "required": ["kind", *own.get("required", [])]}
