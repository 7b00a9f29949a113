"""Files that this machine could not hold once they are read: refused in a line, before they are."""

from __future__ import annotations

from ecosystem import machine
from ecosystem.errors import InputError

TEXT_TIMES, GRAPH_TIMES = 4, 64  # bytes taken for each byte: 2.7 to 3.0 for texts, 18 to 44 for graphs


def most(times: int) -> int | None:
    """Bytes of a file of which each takes so many in memory; None where the system does not say what there is."""
    there = machine.memory()
    return None if there is None else there // times


def check(what: str, size: int, times: int, error: type[InputError] = InputError) -> None:
    """`error` where `what`, of so many bytes, takes more than this machine has."""
    bound = most(times)
    if bound is not None and size > bound:
        raise error(
            f"{what}: must have at most {shown(bound)}, since each byte takes {times} of this machine's memory; "
            f"got {shown(size)}. Give a part of it."
        )


def shown(size: float) -> str:
    """1.5 TiB, 9.6 GiB, 512 MiB, 1 KiB"""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"
