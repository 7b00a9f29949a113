"""Pictures of known classes: scikit-learn's bundled handwritten digits, or a folder with a sub-folder for each class.

A fault is one line that names the folder or file and what is allowed.
Letters: M images, C classes; images are squares of `size` x `size` grey values from 0 (black) to 1 (white).
"""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecosystem import file_size
from ecosystem.errors import InputError, did_you_mean

SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_IMAGES = 1_000_000
MISSING = "world: the digits come with scikit-learn, which is not installed; run: pip install 'scikit-learn>=1.7'"


class ImageError(InputError):
    """A folder of images, or what is asked of it, is wrong."""


@dataclass(frozen=True)
class ClassedImages:
    """image_Mss (M, size, size) and the class (M,) of each, 0 .. C - 1, an index into names."""

    image_Mss: np.ndarray
    class_M: np.ndarray
    names: tuple[str, ...]


Stamp = tuple[tuple[str, int, int], ...]
"""Files of a folder: (path, time of change in ns, bytes) of each. Equal stamps: nothing was changed."""


def stamp(path: str | None) -> Stamp:
    """The images under a path, with what tells whether one has changed; () for the bundled digits."""
    return () if path is None else tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in _files(Path(path)))


@functools.lru_cache(maxsize=8)
def read(files: Stamp, size: int) -> ClassedImages:
    """All images, in the order of their files; kept while the process lives, so that replicates read once."""
    if not files:
        return _digits(size)
    paths = [Path(name) for name, _, _ in files]
    names = sorted({path.parent.name for path in paths}, key=_natural)
    number = {name: c for c, name in enumerate(names)}
    told = f"{name_of(files)}: {len(paths):,} images of {size} x {size} numbers"
    file_size.check(told, 8 * len(paths) * size**2, file_size.TEXT_TIMES, ImageError)
    image_Mss = np.stack([_image(path, size) for path in paths])
    return ClassedImages(image_Mss, np.array([number[path.parent.name] for path in paths]), tuple(names))


def name_of(files: Stamp) -> str:
    """The folder."""
    return str(Path(files[0][0]).parent.parent) if files else "The handwritten digits"


def _digits(size: int) -> ClassedImages:
    """1,797 digits of 8 x 8, 174 to 183 of each (Alpaydin & Kaynak 1998, doi:10.24432/C50P49)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImageError(MISSING) from None
    found = load_digits()
    images = found.images / 16
    if size != images.shape[1]:
        images = np.stack([_resized(image, size) for image in images])
    return ClassedImages(images, found.target.astype(np.int64), tuple("0123456789"))


def _files(folder: Path) -> list[Path]:
    """The images in the sub-folders of a folder, in order of name."""
    if not folder.is_dir():
        siblings = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise ImageError(f"{folder}: no such folder{did_you_mean(folder.name, siblings)}.")
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise ImageError(f"{folder}: must hold a sub-folder for each class of images. Got none.")
    found = []
    for each in classes:
        images = sorted(p for p in each.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if not images:
            raise ImageError(f"{each}: a class without images; wanted are {', '.join(SUFFIXES)}.")
        found += images
    if len(found) > MOST_IMAGES:
        raise ImageError(f"{folder}: at most {MOST_IMAGES:,} images are read. Got {len(found):,}.")
    return found


def _image(path: Path, size: int) -> np.ndarray:
    """(size, size) grey values of a file; a picture that is not square is stretched."""
    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            grey = np.asarray(opened.convert("L"), np.float64) / 255
    except Exception as error:  # Pillow's decoders raise whatever comes to them
        said = " ".join(str(error).split())
        raise ImageError(f"{path}: cannot be read as an image ({type(error).__name__}: {said}).") from None
    return grey if grey.shape == (size, size) else _resized(grey, size)


def _resized(grey: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(grey.astype(np.float32), mode="F")
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR), np.float64).clip(0, 1)


def _natural(name: str) -> list:
    """Sorts class 10 after class 9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
