"""Human text from files: JSON Lines, plain text, Parquet, a folder of those, or the prose every Python carries.

A document is a text and its fields. A fault of a file is one line that names the file, the line and what is allowed.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosystem import file_size
from ecosystem.errors import InputError, did_you_mean

JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet",)
PLAIN = (".txt", ".text", ".md", ".rst")
LONGEST = 10_000_000  # characters of one document
BATCH = 1024  # rows of a Parquet file read together, where they are not long
LISTED = 8  # values named in a message


class TextError(InputError):
    """A text file, or what is asked of it, is wrong."""


@dataclass(frozen=True)
class HumanText:
    """One document as found: its text and the other fields of its record."""

    text: str
    fields: Mapping[str, Any]


Stamp = tuple[tuple[str, int, int], ...]
"""Files that hold a text: (path, time of change in ns, bytes) of each. Equal stamps: nothing was changed."""


def stamp(path: str | None) -> Stamp:
    """The files under a path, with what tells whether one has changed; () for the prose every Python carries."""
    if path is None:
        return ()
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in _files(Path(path)))


@functools.lru_cache(maxsize=32)
def read(files: Stamp) -> tuple[HumanText, ...]:
    """All documents of some files, in order; kept while the process lives, so that replicates read once."""
    if not files:
        return _python_topics()
    file_size.check(name_of(files), sum(size for *_, size in files), file_size.TEXT_TIMES, TextError)
    documents = tuple(document for file, _, _ in files for document in _documents(Path(file)))
    if not documents:
        raise TextError(f"{name_of(files)}: holds no text; at least one document that is not empty is needed.")
    return documents


def select(documents: tuple[HumanText, ...], where: Mapping[str, tuple], source: str) -> tuple[HumanText, ...]:
    """The documents whose fields have one of the wanted values; values are compared as text, lists by their elements.

    A field or a value that no document has is an error, as is an empty selection: a misspelt author would be missed.
    """
    for field, wanted in where.items():
        known = {value for document in documents for value in _values(document, field)}
        if not known:
            names = sorted({name for document in documents for name in document.fields})
            hint = did_you_mean(field, names)
            raise TextError(f"{source}: no document has the field '{field}'{hint}. {_list(names)}")
        for value in map(str, wanted):
            if value not in known:
                raise TextError(
                    f"{source}: no document has {field} '{value}'{did_you_mean(value, known)}. {_list(sorted(known))}"
                )
    chosen = tuple(d for d in documents if all(_values(d, f) & set(map(str, w)) for f, w in where.items()))
    if not chosen:
        raise TextError(f"{source}: no document passes all of where: {_conditions(where)}.")
    return chosen


def _values(document: HumanText, field: str) -> set[str]:
    value = document.fields.get(field)
    if value is None:
        return set()
    return set(map(str, value)) if isinstance(value, list | tuple) else {str(value)}


def _conditions(where: Mapping[str, tuple]) -> str:
    return ", ".join(f"{field} in ({', '.join(map(str, wanted))})" for field, wanted in where.items())


def _list(names: list[str]) -> str:
    if not names:
        return "The documents have no fields."
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"There are: {', '.join(n[:60] for n in names[:LISTED])}{more}."


def lines(path: str) -> list[str]:
    """Short texts such as prompts: one a line, or the "text" of each record of JSON Lines."""
    found = []
    for file in _files(Path(path)):
        if file.suffix.lower() in JSON_LINES:
            found += [text.strip() for _, text, _ in _json_lines(file)]
        else:
            found += [line.strip() for line in _decoded(file).splitlines()]
    if not any(found):
        raise TextError(f"{path}: holds no text; at least one line that is not empty is needed.")
    return [text for text in found if text]


def name_of(files: Stamp) -> str:
    """The file, or the folder of several."""
    if not files:
        return "Python's own topics"
    names = [name for name, _, _ in files]
    return names[0] if len(names) == 1 else f"{os.path.commonpath(names)} ({len(names)} files)"


def _python_topics() -> tuple[HumanText, ...]:
    """Python's language reference as `help()` shows it: some 80 topics, half a million characters of English prose."""
    from pydoc_data.topics import topics

    return tuple(HumanText(text, {"topic": name}) for name, text in sorted(topics.items()) if text.strip())


def _files(path: Path) -> list[Path]:
    """The file itself, or the text files of a folder and the folders in it, in order of name."""
    if path.is_file():
        return [path]
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise TextError(f"{path}: no such file or folder{did_you_mean(path.name, siblings)}.")
    if not path.is_dir():
        raise TextError(f"{path}: must be a file or a folder; got a device, a socket or a pipe.")
    suffixes = JSON_LINES + PLAIN + PARQUET
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    found = [p for p in found if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    if not found:
        raise TextError(f"{path}: a folder without text files; wanted are {', '.join(suffixes)}.")
    return found


def _documents(file: Path) -> Iterator[HumanText]:
    suffix = file.suffix.lower()
    found = _parquet(file) if suffix in PARQUET else _json_lines(file) if suffix in JSON_LINES else _paragraphs(file)
    for where, text, fields in found:
        if text.strip():
            _check_text(where, text)
            yield HumanText(text, {"file": file.name} | fields)


Found = Iterator[tuple[str, str, dict[str, Any]]]
"""Where ("file:line"), text, other fields."""


def _json_lines(file: Path) -> Found:
    for where, record in records(file):
        if "text" not in record:
            raise TextError(f'{where}: no "text"{did_you_mean("text", record)}. {_list(sorted(record))}')
        if not isinstance(record["text"], str):
            raise TextError(f'{where}: "text" must be a string. Got {_short(json.dumps(record["text"]))}.')
        yield where, record.pop("text"), record


def records(file: Path, example: str = '{"text": "..."}') -> Iterator[tuple[str, dict[str, Any]]]:
    """Where ("file:line") and what each line of JSON Lines holds; empty lines are left out."""
    for number, line in enumerate(_decoded(file).split("\n"), start=1):
        if line.strip():
            yield f"{file}:{number}", _record(f"{file}:{number}", line, example)


def _record(where: str, line: str, example: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise TextError(f"{where}: not JSON: {error.msg} at column {error.colno}. Got {_short(line)}.") from error
    except (ValueError, RecursionError) as error:
        raise TextError(f"{where}: not JSON that can be read: {str(error)[:80]}. Got {_short(line)}.") from error
    if not isinstance(record, dict):
        raise TextError(f"{where}: each line must be a JSON object such as {example}. Got {_short(line)}.")
    return record


def _paragraphs(file: Path) -> Found:
    """Plain text: documents are separated by blank lines."""
    text, line, end = _decoded(file).replace("\r\n", "\n").replace("\r", "\n"), 1, 0
    for match in re.finditer(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*", text):
        line += text.count("\n", end, match.start())
        yield f"{file}:{line}", match.group().strip(), {}
        line += text.count("\n", match.start(), match.end())
        end = match.end()


def _parquet(file: Path) -> Found:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise TextError(f"{file}: Parquet needs pyarrow, which is not installed: pip install pyarrow.") from error
    try:
        with parquet.ParquetFile(file) as opened:
            yield from _rows(file, opened)
    except (arrow.ArrowException, OSError) as error:
        raise TextError(f"{file}: not a Parquet file that can be read: {str(error).splitlines()[0][:120]}") from error


def _rows(file: Path, opened: Any) -> Found:
    """The rows of a Parquet file, a few at a time: a small one may say one long text a million times."""
    if "text" not in opened.schema_arrow.names:
        names = opened.schema_arrow.names
        raise TextError(f'{file}: no column "text"{did_you_mean("text", names)}. {_list(sorted(names))}')
    groups = [opened.metadata.row_group(i) for i in range(opened.metadata.num_row_groups)]
    file_size.check(str(file), sum(group.total_byte_size for group in groups), file_size.TEXT_TIMES, TextError)
    longest = max((group.total_byte_size for group in groups), default=0)  # no cell is longer
    together = (file_size.most(4 * file_size.TEXT_TIMES) or 2**30) // max(longest, 1)
    number = taken = 0
    for batch in opened.iter_batches(min(max(together, 1), BATCH)):
        records = batch.to_pylist()
        for record in records:
            number += 1
            if record["text"] is not None and not isinstance(record["text"], str):
                raise TextError(f'{file}: row {number}: "text" must be a string. Got {_short(repr(record["text"]))}.')
            taken += len(record["text"] or "")
        file_size.check(f"{file}: the text up to row {number:,}", taken, file_size.TEXT_TIMES, TextError)
        for row, record in enumerate(records, number - len(records) + 1):
            text = record.pop("text") or ""
            yield f"{file}: row {row}", text, {k: v for k, v in record.items() if v is not None}


def _decoded(file: Path) -> str:
    file_size.check(str(file), file.stat().st_size, file_size.TEXT_TIMES, TextError)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise TextError(f"{file}: cannot be read: {error.strerror}.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        skipped = 3 if data.startswith(b"\xef\xbb\xbf") else 0  # positions are counted after a byte order mark
        at = error.start + skipped
        hint = " It begins like UTF-16." if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise TextError(
            f"{file}:{data.count(10, 0, at) + 1}: not UTF-8: byte 0x{data[at]:02x} at position {at} of the file."
            f"{hint} Save the file as UTF-8."
        ) from error


def _check_text(where: str, text: str) -> None:
    if len(text) > LONGEST:
        raise TextError(f"{where}: a document must have at most {LONGEST:,} characters. Got {len(text):,}; split it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(
            f'{where}: "text" holds half of a surrogate pair at character {error.start}, which is not a character.'
        ) from error


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text):,} characters)"
