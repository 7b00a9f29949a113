"""What policies may change of a verifier while a world runs: whom it guards, its capacity, and most other keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ecosystem.errors import did_you_mean
from ecosystem.verifier import Verifier

FIXED = ("name", "gate", "judges", "placement", "members")  # what the gates are built by
OF_ANY = ("capacity", "overflow", "price", "refill")


def steered(
    own: Verifier, share: float | None = None, capacity: int | None = None, settings: Mapping[str, Any] | None = None
) -> Verifier:
    """The verifier of a scenario with what policies say of it; ValueError, in words, where that cannot be.

    `share` of the models that it guards, in the order of its placement.
    """
    said = dict(settings or {})
    may = [key for key in type(own).model_fields if key not in FIXED]
    if type(own).mandate is not Verifier.mandate:  # models were told how to write at step 0
        may = [key for key in may if key in OF_ANY]
    for key in said:
        if key not in may:
            raise ValueError(f"settings: must be one of {', '.join(may)}; got {key!r}{did_you_mean(key, may)}")
    if capacity is not None:
        said["capacity"] = capacity
    if share is not None:
        if own.gate == "panel":
            raise ValueError("coverage: goes with verifiers that stand at a gate; it judges as a member of a panel")
        if own.placement.rule == "list":
            raise ValueError("coverage: goes with placement rules that order models; it guards a list of them")
        said["placement"] = own.placement.model_copy(update={"share": float(share)})
    try:
        return type(own).model_validate({**dict(own), **said}) if said else own
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "settings"
        raise ValueError(f"{key}: {first['msg']}; got {first['input']!r}") from None
