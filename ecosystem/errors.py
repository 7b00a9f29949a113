"""The one error of wrong input: each line says where, what is allowed and what was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

LONGEST = 5_000  # characters of a line


class InputError(ValueError):
    """The input is wrong; `lines` holds one clear line a mistake, harmless wherever it is printed."""

    def __init__(self, lines: str | Sequence[str]):
        self.lines = tuple(map(one_line, (lines,) if isinstance(lines, str) else lines))
        super().__init__("\n".join(self.lines))

    def __reduce__(self):
        return type(self), (self.lines,)


def one_line(text: str) -> str:
    """A text that may hold anything as one line that a terminal shows as it is.

    Line breaks, control characters and marks that turn the direction of writing are escaped; the middle of a line
    without end is left out.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    known = list(known)
    folded = {k.casefold(): k for k in known}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """' (did you mean x?)' where a known word is near, else nothing."""
    near = nearest(word, known) if isinstance(word, str) else None
    return f" (did you mean '{near}'?)" if near else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """' Did you mean x?' as a sentence of its own, else nothing."""
    near = nearest(word, known)
    return f" Did you mean '{near}'?" if near else ""
