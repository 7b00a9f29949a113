"""Damaged scenario files: the n-th mutant of a text is always the same.

Text is damaged as bytes and as lines, data at random places: odd values, wrong types, swapped and doubled parts, names
and paths that climb out, tags and aliases, numbers and nesting without measure.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from ecosystem.files import yaml_positions

PATHS = [
    "../../x", "/etc/passwd", "/dev/zero", "/dev/full", "/proc/self/mem", "..", ".", "/", "~", "//h/x", "a\\..\\b",
    "C:\\x",
]  # fmt: skip
NAMES = [
    "a/b", "../up", "a\0b", "a\nb", "a:b", "a@b", " a", "a.", "CON", "nul", "base", "scenario.yaml", "-rf", "--out",
    "%s%n", "$(touch x)", "'; DROP TABLE steps; --", 'a"b', "steps", "agent", "a" * 101, "a" * 100_000,
    "\u202egnp.exe", "\u2028", "\x1b[2J\x1b]0;x\x07", "\u0000", "\ufeff", "é" * 90, "<script>x</script>", "\ud800",
    "𝕏" * 40, "__class__", "__main__:x",
]  # fmt: skip
CODE = [
    "os:system",
    "builtins:eval",
    "a.b:C",
    "ecosystem.interfaces:Learner",
    "nowhere.at.all:X",
    "subprocess:Popen",
    "x:",
]
NUMBERS = [
    0, -1, 1, 2, 7, 10**6, 10**9, 10**12, 10**18, 2**63, 2**64, 10**30, 10**400, -(10**12), 0.5, -0.0, 1e-320, 1e308,
    1.5, float("nan"), float("inf"), float("-inf"), 1e-9, 0.9999999999, 2**31, 2**31 - 1, 100_000,
]  # fmt: skip
PLAIN = [
    None, True, False, "", "all", "none", [], {}, [[]], [None], {"": ""}, {"kind": None}, {"kind": []},
    [[0, 1], [0, 2]],
]  # fmt: skip
DEEP = ["[" * 60 + "]" * 60, "{a: " * 60 + "}" * 60, "[" * 100_000, "- " * 5_000]
MOST = 5_000  # places of the data of a file
BOMB = "&a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in itertools.pairwise("abcdefghi")
)
SNIPPETS = [
    "!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system", "!!python/module:os",
    "!!binary aGk=", "!!set {a, b}", "!!timestamp 2001-01-01", "!x y", "&a [*a]", "<<: *a", "<<: {a: b}", "*nowhere",
    "? {a: b}\n: c", "? [a]", "%YAML 9.9\n---", "---\na: b\n---", "...", "|", ">-", "#", "\t", "\0", "\x1b[31m",
    "\u202e", "\u2028", "\x85", "\ufeff", '"\\ud800"', '"\\x00"', '"\\u2028"', "0x" + "f" * 400, "0x" + "f" * 9_000,
    "9" * 5_000, "1" + "0" * 400 + ".5", "1e999", "-.inf", ".nan", "0o7" * 9, ":", "::", "- - -", "{", "}", "[", "]",
    ",", "'", '"', "a" * 200_000, "{}", "[]", "null", "~", "= ", "!!", "&", "*",
]  # fmt: skip


def mutant(text: str, number: int) -> bytes:
    """The text with one to three things done to it."""
    luck = random.Random(number)
    raw = text.encode()
    for _ in range(luck.choice((1, 1, 1, 2, 3))):
        text = raw.decode(errors="replace")
        raw = luck.choice(WAYS)(text, luck)
    return raw


def _bytes(text: str, luck: random.Random) -> bytes:
    """Bytes flipped, cut out, put in."""
    raw = bytearray(text.encode())
    for _ in range(luck.randint(1, 6)):
        at = luck.randrange(len(raw) + 1)
        raw[at : at + luck.choice((0, 1, 1, 8))] = luck.randbytes(luck.choice((0, 1, 1, 3)))
    return bytes(raw)


def _snippet(text: str, luck: random.Random) -> bytes:
    """Something of YAML put in anywhere, or in the place of a value."""
    at = luck.randrange(len(text) + 1)
    colons = [i + 2 for i in range(len(text)) if text.startswith(": ", i)]
    if colons and luck.random() < 0.6:
        at = luck.choice(colons)
        end = text.find("\n", at) if luck.random() < 0.5 else at
        return (text[:at] + luck.choice(SNIPPETS) + text[end:]).encode(errors="surrogatepass")
    return (text[:at] + luck.choice(SNIPPETS) + text[at + luck.choice((0, 0, 5)) :]).encode(errors="surrogatepass")


def _lines(text: str, luck: random.Random) -> bytes:
    """Lines doubled, lost, swapped, indented; the end lost."""
    rows = text.split("\n")
    one, other = luck.randrange(len(rows)), luck.randrange(len(rows))
    way = luck.randrange(6)
    if way == 0:
        rows.insert(other, rows[one])
    elif way == 1:
        del rows[one]
    elif way == 2:
        rows[one], rows[other] = rows[other], rows[one]
    elif way == 3:
        rows[one] = luck.choice((" ", "  ", "\t", "- ")) + rows[one]
    elif way == 4:
        rows = rows[:one]
    else:
        rows += rows[one:]
    return "\n".join(rows).encode()


def _without_measure(text: str, luck: random.Random) -> bytes:
    """An alias bomb, or nesting without end, behind a key or in the place of a value."""
    what = luck.choice([*DEEP, "BOMB"])
    if what == "BOMB":
        return (f"question: {BOMB}" + text).encode()
    at = luck.choice([i + 2 for i in range(len(text)) if text.startswith(": ", i)] or [0])
    return (text[:at] + what + text[at:]).encode()


def _data(text: str, luck: random.Random) -> bytes:
    """The data changed in a place: another value, another type, a part of elsewhere, a name that climbs out."""
    tree = yaml_positions.load(text)
    data = tree.data
    found = list(itertools.islice(places(data), MOST + 1))
    if tree.faults or not found or len(found) > MOST:  # an alias bomb written out would be one of ours
        return _snippet(text, luck)
    holder, key = luck.choice(found)
    luck.choice(CHANGES)(holder, key, luck, found)
    return yaml_positions.dump(data).encode(errors="surrogatepass")


def _mild(text: str, luck: random.Random) -> bytes:
    """Values changed so little that the file can often still be read, and is run."""
    data = yaml_positions.load(text).data
    found = list(itertools.islice(places(data), MOST + 1))
    if not found or len(found) > MOST:
        return _snippet(text, luck)
    for holder, key in luck.sample(found, min(len(found), luck.randint(1, 3))):
        old = holder[key]
        if isinstance(old, bool):
            holder[key] = not old
        elif isinstance(old, int):
            holder[key] = luck.choice((0, 1, old - 1, old + 1, old // 2, 2 * old))
        elif isinstance(old, float):
            holder[key] = luck.choice((0.0, 1.0, old / 2, min(2 * old, 1.0), 1 - old))
        elif isinstance(old, list) and old:
            holder[key] = luck.choice((old[:1], old[::-1], old[1:], [*old, old[0]]))
    return yaml_positions.dump(data).encode(errors="surrogatepass")


Holder = Any


def places(data: Any) -> Iterator[tuple[Holder, Any]]:
    """(holder, key) of every value inside."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in list(items):
        yield data, key
        yield from places(inner)


def _odd(holder: Holder, key: Any, luck: random.Random, _: Any) -> None:
    old = holder[key]
    near = NUMBERS if isinstance(old, int | float) else [*PATHS, *NAMES, *CODE] if isinstance(old, str) else PLAIN
    holder[key] = luck.choice(near if luck.random() < 0.7 else [*PLAIN, *NUMBERS, *NAMES, *PATHS, *CODE])


def _scaled(holder: Holder, key: Any, luck: random.Random, found: list) -> None:
    numbers = [(h, k) for h, k in found if isinstance(h[k], int | float) and not isinstance(h[k], bool)]
    if numbers:
        holder, key = luck.choice(numbers)
        holder[key] *= luck.choice((0, -1, 0.5, 3, 10**3, 10**6, 10**9))


def _wrapped(holder: Holder, key: Any, luck: random.Random, _: Any) -> None:
    old = holder[key]
    holder[key] = luck.choice(([old], [old, old], {"kind": old}, {str(key): old}, str(old)))


def _from_elsewhere(holder: Holder, key: Any, luck: random.Random, found: list) -> None:
    other, place = luck.choice(found)
    holder[key] = other[place] if luck.random() < 0.5 or isinstance(other[place], dict | list) else str(other[place])
    if holder[key] is holder or any(h is holder for h, _ in places(holder[key])):
        holder[key] = None  # nothing may hold itself: aliases do that in the text


def _swapped(holder: Holder, key: Any, luck: random.Random, found: list) -> None:
    flat = [(h, k) for h, k in found if not isinstance(h[k], dict | list)]
    if len(flat) > 1:
        (one, a), (other, b) = luck.sample(flat, 2)
        one[a], other[b] = other[b], one[a]


def _lost(holder: Holder, key: Any, luck: random.Random, _: Any) -> None:
    del holder[key]


def _renamed(holder: Holder, key: Any, luck: random.Random, _: Any) -> None:
    if isinstance(holder, dict):
        holder[luck.choice([*NAMES, "path", "kind", "name", "model", "reads", "prompts", "arms"])] = holder.pop(key)
    else:
        holder.append(holder[key])


CHANGES: tuple[Callable[..., None], ...] = (
    _odd,
    _odd,
    _odd,
    _scaled,
    _wrapped,
    _from_elsewhere,
    _swapped,
    _lost,
    _renamed,
)
WAYS: tuple[Callable[[str, random.Random], bytes], ...] = (
    _bytes,
    _snippet,
    _lines,
    _without_measure,
    _data,
    _data,
    _data,
    _data,
    _mild,
    _mild,
    _mild,
)
