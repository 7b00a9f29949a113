"""Pictures that people made: handwritten digits, or images from a folder, in classes of which some may be rare."""

from __future__ import annotations

import functools
import hashlib
from typing import Annotated, Any, Union

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from ecosystem.documents import DocumentShape
from ecosystem.errors import did_you_mean
from ecosystem.images import ClassedImages, ImageError, Stamp, name_of, read, stamp
from ecosystem.interfaces import HumanSource, Judge, Moments, Writer

INK = np.array(list(" .:-=+*#%@"))  # from black to white, for pictures as text


def _words(value: Any) -> Any:
    """Class names as text: a file may say 8 for '8'."""
    if isinstance(value, dict):
        return {str(key): number for key, number in value.items()}
    return tuple(map(str, value)) if isinstance(value, list | tuple) else value


Shares = Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], BeforeValidator(_words)]
Classes = Annotated[tuple[str, ...], BeforeValidator(_words, json_schema_input_type=tuple[Union[str, int], ...])]


class Digits(HumanSource):
    """Handwritten digits (8 x 8, 1,797 of them, with scikit-learn) or the images of a folder, each document once.

    A document is its size x size grey values row by row, 0 black to 1 white. Class shares come about by leaving images
    out, never by making any: a community writes as many documents as the scarcest class, for its share, allows (with
    `shares: {8: 0.01}` 1,190 digits, 12 of them an 8). A hash of the image decides which: the same ones for every seed.

    A share of every class is held out, never published, for measuring only. With the others a judge is trained that
    tells the class of a picture; it also knows images that were left out for the sake of shares.

    Communities may write other classes or shares (`writes: {classes: [8, 9]}`), or from another folder; those that
    write the same class draw on the same images. `shares` of classes that a community does not write are passed over.
    """

    path: str | None = Field(
        None,
        min_length=1,
        description="Folder with a sub-folder of PNG or JPEG images for each class; none: the handwritten digits.",
    )
    size: int = Field(8, ge=4, le=128, description="Pixels a side; other images are resized to it, in grey.")
    classes: Classes = Field((), description="Classes that are written (names of sub-folders); none given: all.")
    shares: Shares = Field({}, description="Share of a class, {class: share}; the other classes divide the rest.")
    zipf: float | None = Field(
        None, ge=0, le=10, description="Shares fall as rank^-zipf over the classes in their order; in place of shares."
    )
    held_out: float = Field(0.2, gt=0, lt=1, description="Share of every class kept for measuring only.")

    @model_validator(mode="after")
    def _go_together(self) -> Digits:
        if self.zipf is not None and self.shares:
            raise ValueError("zipf: stands in place of shares; leave one of them out")
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError(f"shares: must add up to 1 at most; got {sum(self.shares.values()):g}")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: each may be named once; got {', '.join(self.classes)}")
        return self

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        sources = [c for c in communities if isinstance(c, Digits)]
        for key in ("size", "held_out"):
            mine = getattr(self, key)
            other = next((getattr(c, key) for c in sources if getattr(c, key) != mine), None)
            if other is not None:
                raise ImageError(
                    f"The '{key}' of Digits must be the same for all communities: {mine!r}. Got {other!r}."
                )
        found = {source.path: _split(stamp(source.path), self.size, self.held_out) for source in sources}
        share_H = [source._shares(found[source.path]) for source in sources]
        written = tuple(dict.fromkeys(name for shares in share_H for name, share in shares.items() if share > 0))
        pool = tuple(dict.fromkeys(found.values()))
        return [DigitsWriter(found[s.path], shares, written, pool) for s, shares in zip(sources, share_H, strict=True)]

    def _shares(self, split: Split) -> dict[str, float]:
        """The share of each class that is written, summing to 1."""
        for key, names in (("classes", self.classes), ("shares", self.shares)):
            for name in names:
                if name not in split.names:
                    hint = did_you_mean(name, split.names)
                    raise ImageError(f"world.{key}: {split.source} has no class '{name}'{hint}. {_listed(split.names)}")
        names = self.classes or split.names
        if self.zipf is not None:
            weight = np.arange(1, len(names) + 1.0) ** -self.zipf
            return dict(zip(names, (weight / weight.sum()).tolist(), strict=True))
        given = {name: share for name, share in self.shares.items() if name in names}
        others = {name: len(split.published[name]) for name in names if name not in given}
        rest = 1 - sum(given.values())
        if not others and abs(rest) > 1e-9:
            raise ImageError(f"world.shares: of all classes written must add up to 1. Got {1 - rest:g}.")
        return {n: given[n] if n in given else rest * others[n] / sum(others.values()) for n in names}


class Split:
    """Images by class, some held out: by lowest hash, so the same ones whatever their order and the seed."""

    def __init__(self, images: ClassedImages, held_out: float, source: str):
        self.names, self.source = images.names, source
        self.published: dict[str, np.ndarray] = {}  # (m, d) by class
        self.held_out: dict[str, np.ndarray] = {}
        for c, name in enumerate(images.names):
            flat = np.unique(images.image_Mss[images.class_M == c].reshape(-1, images.image_Mss[0].size), axis=0)
            if len(flat) < 2:
                raise ImageError(f"{source}: class '{name}' must have 2 different images at least. Got {len(flat)}.")
            order = sorted(range(len(flat)), key=lambda i: hashlib.blake2b(flat[i].tobytes()).digest())
            apart = min(max(1, round(held_out * len(flat))), len(flat) - 1)
            self.held_out[name], self.published[name] = flat[order[:apart]], flat[order[apart:]]


class DigitsWriter(Writer):
    """What one community drew; `documents` lie in random order, the same for every seed."""

    def __init__(self, split: Split, shares: dict[str, float], written: tuple[str, ...], pool: tuple[Split, ...]):
        self.documents, counts = _chosen(split.published, shares, split.source)
        self.held_out, _ = _chosen(split.held_out, shares, split.source)
        self.shape = DocumentShape("vectors", self.documents.shape[1])
        self.side = round(self.shape.size**0.5)
        mean = self.documents.mean(axis=0)
        self.moments = Moments(mean[None], np.cov(self.documents.T, bias=True)[None])
        share_C = np.array([counts.get(name, 0) for name in written]) / sum(counts.values())
        self.judge = DigitsJudge(written, share_C, pool)

    def show(self, content: np.ndarray) -> list[str]:
        return ["\n".join("".join(row) for row in INK[(image * 9.999).astype(int)]) for image in self.images(content)]

    def images(self, content: np.ndarray) -> np.ndarray:
        return np.clip(content, 0, 1).reshape(-1, self.side, self.side)


class DigitsJudge(Judge):
    """A small network trained on what humans published; see `agents/neural/classifier.py`."""

    def __init__(self, names: tuple[str, ...], share_C: np.ndarray, pool: tuple[Split, ...]):
        self.names, self.share_C, self._pool = names, share_C, pool

    def classes(self, content: np.ndarray) -> np.ndarray:
        return _classifier(self.names, self._pool).judged(content)

    def features(self, content: np.ndarray) -> np.ndarray:
        return _classifier(self.names, self._pool).features(content)

    def confusion(self) -> np.ndarray:
        content_MD, class_M = _labelled(self.names, [split.held_out for split in self._pool])
        table = np.zeros((len(self.names), len(self.names) + 1), np.int64)
        np.add.at(table, (class_M, self.classes(content_MD)), 1)
        return table


@functools.lru_cache(maxsize=8)
def _split(files: Stamp, size: int, held_out: float) -> Split:
    return Split(read(files, size), held_out, name_of(files))


@functools.lru_cache(maxsize=8)
def _classifier(names: tuple[str, ...], pool: tuple[Split, ...]):
    """Trained once in a process, when it is first asked."""
    from agents.neural.classifier import trained

    return trained(*_labelled(names, [split.published for split in pool]), len(names))


def _labelled(names: tuple[str, ...], parts: list[dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """All images (M, d) of these classes and the number (M,) of each."""
    found = [(c, part[name]) for part in parts for c, name in enumerate(names) if name in part]
    return np.concatenate([x for _, x in found]), np.concatenate([np.full(len(x), c) for c, x in found])


def _chosen(images: dict[str, np.ndarray], shares: dict[str, float], source: str) -> tuple[np.ndarray, dict[str, int]]:
    """As many images (M, d) as there are of these shares, in random order, and how many of each class."""
    wanted = {name: share for name, share in shares.items() if share > 0}
    total = min(len(images[name]) / share for name, share in wanted.items())
    counts = {name: min(max(1, round(total * share)), len(images[name])) for name, share in wanted.items()}
    content = np.concatenate([images[name][:count] for name, count in counts.items()])
    order = sorted(range(len(content)), key=lambda i: hashlib.blake2b(content[i].tobytes(), key=b"order").digest())
    content = content[order]
    content.flags.writeable = False
    return content, counts


def _listed(names: tuple[str, ...]) -> str:
    return f"There are: {', '.join(names[:20])}{f' and {len(names) - 20} more' if len(names) > 20 else ''}."
