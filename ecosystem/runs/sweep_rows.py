"""Points of a list design read from a file: CSV with a header of keys, or a YAML list of mappings."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ecosystem.errors import InputError
from ecosystem.files import yaml_positions
from ecosystem.files.allowed import shown


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows; values of a CSV file are read as YAML (`0.5`, `ring`, `[1, 2]`). InputError names the file and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    return _of_csv(path, text) if path.suffix == ".csv" else _of_yaml(path, text)


def _of_csv(path: Path, text: str) -> list[dict[str, Any]]:
    lines = [[cell.strip() for cell in line] for line in csv.reader(text.splitlines())]
    lines = [line for line in lines if any(line)]
    header, body = (lines[0], lines[1:]) if lines else ([], [])
    if len(set(header)) < len(header) or not all(header):
        raise InputError(f"{path}:1: the header must name each key once; got {', '.join(header)}")
    rows = []
    for number, line in enumerate(body, 2):
        if len(line) != len(header):
            raise InputError(f"{path}:{number}: must have {len(header)} values, one a key; got {len(line)}")
        try:
            rows.append({key: yaml_positions.scalar(cell) for key, cell in zip(header, line, strict=True)})
        except ValueError as error:
            raise InputError(f"{path}:{number}: {error}") from None
    return rows


def _of_yaml(path: Path, text: str) -> list[dict[str, Any]]:
    tree = yaml_positions.load(text)
    if tree.faults:
        raise InputError(f"{path}: {tree.faults[0].text}")
    rows = tree.data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path}: must be a list of mappings, each a point; got {shown(rows)}")
    return rows
