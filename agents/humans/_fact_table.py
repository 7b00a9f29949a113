"""Facts as a file states them: one a line, who or what it is about, the relation, and the value.

Letters: F facts, V slots.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecosystem.errors import did_you_mean
from ecosystem.grammar import Grammar
from ecosystem.text.files import Stamp, TextError, name_of, records

EXAMPLE = '{"subject": "Ada Lovelace", "relation": "place of birth", "object": "London"}'
BETWEEN = "|"  # stands between the parts of a claim that is written out


class Thing(NamedTuple):
    """What a name names: of namesakes each has an identifier of its own ("": none is given)."""

    name: str
    identifier: str


class Line(NamedTuple):
    """A fact as stated; where: file and line; question and passages "" and () where there are none."""

    where: str
    subject: Thing
    relation: str
    value: Thing
    popularity: float | None
    question: str
    passages: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FactTable:
    """What the lines of a file say together. slot_F (F,): the values; popularity_F (F,) > 0 somewhere, never below;
    question_F: in words, "" where the file has none; passage_F: what was written of each, "" where nothing was.
    """

    grammar: Grammar
    slot_F: np.ndarray
    popularity_F: np.ndarray
    question_F: tuple[str, ...]
    passage_F: tuple[str, ...]


@functools.lru_cache(maxsize=8)
def fact_table(facts: Stamp, passages: Stamp, limit: int | None, claims: int) -> FactTable:
    """The first `limit` facts of a file, and the passages that they cite; kept while the process lives.

    A relation's values are all things that the file names as such. Things of one name and different identifiers are
    told apart by them: 'Paris (Q90)'.
    """
    lines = [_line(where, record) for file, _, _ in facts for where, record in records(Path(file), EXAMPLE)][:limit]
    if not lines:
        raise TextError(f"{name_of(facts)}: holds no facts; each line states one, such as {EXAMPLE}.")
    _check_once(lines)
    subjects = list(dict.fromkeys(line.subject for line in lines))
    relations = list(dict.fromkeys(line.relation for line in lines))
    values = [list(dict.fromkeys(line.value for line in lines if line.relation == r)) for r in relations]
    low_R = len(subjects) + np.cumsum([0, *map(len, values)])
    subject_F = np.array([*map({s: i for i, s in enumerate(subjects)}.get, (line.subject for line in lines))], int)
    relation_F = np.array([relations.index(line.relation) for line in lines])
    slot = [{value: i for i, value in enumerate(of)} for of in values]
    slot_F = np.array([slot[r][line.value] for r, line in zip(relation_F, lines, strict=True)])
    names = (*_told_apart(subjects), *(name for of in values for name in _told_apart(of)))
    grammar = Grammar(
        subject_F, relation_F, low_R[:-1], low_R[1:], np.full((len(relations), 2), -1), claims, names, tuple(relations)
    )
    texts = _cited(lines, passages)
    return FactTable(grammar, slot_F, _popularity(lines), tuple(line.question for line in lines), texts)


def _line(where: str, record: dict[str, Any]) -> Line:
    subject = Thing(_name(where, record, "subject"), str(record.get("subject_qid", "")))
    value = Thing(_name(where, record, "object", "value"), str(record.get("object_qid", "")))
    passages, question = record.get("passages") or (), record.get("question") or ""
    if not isinstance(question, str):
        raise TextError(f'{where}: "question" must be a string. Got {json.dumps(question)[:60]}.')
    if not isinstance(passages, list | tuple) or not all(isinstance(p, str | int) for p in passages):
        raise TextError(f'{where}: "passages" must be a list of ids. Got {json.dumps(passages)[:60]}.')
    relation = _name(where, record, "relation")
    return Line(where, subject, relation, value, _views(where, record), question, tuple(map(str, passages)))


def _name(where: str, record: dict[str, Any], *keys: str) -> str:
    """The text under the first of the keys that is there, white space made plain."""
    key = next((key for key in keys if key in record), None)
    if key is None:
        raise TextError(
            f'{where}: no "{keys[0]}"{did_you_mean(keys[0], record)}; a line is such as {EXAMPLE}. '
            f"There are: {', '.join(map(str, record)) or 'no keys'}."
        )
    value = record[key]
    if not isinstance(value, str) or not value.split() or BETWEEN in value or "\0" in value:
        got = json.dumps(value)
        raise TextError(f'{where}: "{key}" must be a text that is not empty, without "{BETWEEN}". Got {got[:60]}.')
    return " ".join(value.split())


def _views(where: str, record: dict[str, Any]) -> float | None:
    key = "popularity" if "popularity" in record else "subject_popularity"
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise TextError(f'{where}: "{key}" must be a number from 0 up. Got {json.dumps(value)[:60]}.')
    return float(value)


def _check_once(lines: list[Line]) -> None:
    """TextError where a fact is stated again, or contradicted."""
    first: dict[tuple[Thing, str], Line] = {}
    for line in lines:
        earlier = first.setdefault((line.subject, line.relation), line)
        if earlier is line:
            continue
        about = f"{line.subject.name} {BETWEEN} {line.relation}"
        if earlier.value != line.value:
            raise TextError(
                f"{line.where}: contradicts {earlier.where}: {about} {BETWEEN} {' '.join(line.value).strip()} here, "
                f"{' '.join(earlier.value).strip()} there. A fact has one value."
            )
        raise TextError(f"{line.where}: states again what {earlier.where} does: {about}. State each fact once.")


def _popularity(lines: list[Line]) -> np.ndarray:
    """(F,); all alike where the file has none."""
    known = [line.popularity for line in lines]
    if all(views is None for views in known):
        return np.ones(len(lines))
    for line in lines:
        if line.popularity is None:
            raise TextError(f"{line.where}: no popularity, which other lines have; give it in all lines or in none.")
    if not any(known):
        raise TextError(f"{lines[0].where}: every popularity is 0; one at least must be above.")
    return np.array(known, float)


def _cited(lines: list[Line], passages: Stamp) -> tuple[str, ...]:
    """The passages of each fact, one after the other; without a file of passages ""."""
    if not passages:
        return ("",) * len(lines)
    text: dict[str, str] = {}
    for file, _, _ in passages:
        for where, record in records(Path(file), '{"id": "p1", "text": "..."}'):
            for key in ("id", "text"):
                if not isinstance(record.get(key), str | int):
                    raise TextError(f'{where}: "{key}" must be a text. Got {json.dumps(record.get(key))[:60]}.')
            if str(record["id"]) in text:
                raise TextError(f"{where}: the id '{record['id']}' stands there twice; every passage has its own.")
            text[str(record["id"])] = f"{record.get('title') or ''}\n{record['text']}".strip()
    if not text:
        raise TextError(f"{name_of(passages)}: holds no passages.")
    for line in lines:
        for cited in line.passages:
            if cited not in text:
                hint = did_you_mean(cited, text)
                raise TextError(f"{line.where}: cites the passage '{cited}', which {name_of(passages)} lacks{hint}.")
    return tuple("\n".join(text[cited] for cited in line.passages) for line in lines)


def _told_apart(things: list[Thing]) -> list[str]:
    """Their names, with the identifier where several bear one name."""
    bearers = Counter(thing.name for thing in things)
    return [f"{t.name} ({t.identifier})" if bearers[t.name] > 1 and t.identifier else t.name for t in things]
