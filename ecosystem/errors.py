"""The one error of wrong input: each line says where, what is allowed and what was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class InputError(ValueError):
    """The input is wrong; `lines` holds one clear line a mistake."""

    def __init__(self, lines: str | Sequence[str]):
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("\n".join(self.lines))

    def __reduce__(self):
        return type(self), (self.lines,)


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
