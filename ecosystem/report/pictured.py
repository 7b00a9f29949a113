"""What is on the web where documents are pictures: a row of them a generation, human ones on top.

Letters: M pictures of h x w.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.interfaces import Writer
from ecosystem.report.network_figure import first_runs
from ecosystem.report.written import MOST_ARMS
from ecosystem.runs.wording import counted
from ecosystem.streams import Streams

COLUMNS, ROWS, MOST_COMMUNITIES = 16, 6, 4
PIXELS = 48  # a side: smaller pictures are enlarged and smoothed, as the eye reads them better so


@dataclass(frozen=True)
class Strip:
    """A row of pictures as one PNG: whose they are, the data URI, its words for those who do not see it, its width."""

    heading: str
    source: str
    alt: str
    width: int


def strips(study) -> list[dict]:
    """By arm, of its first seed: its strips; nothing where documents are no pictures, were not recorded or cannot be
    told, since the human ones they came from are gone."""
    runs = [run for run in first_runs(study, study.arms[:MOST_ARMS]) if run.spec.record.documents not in ("none", 0)]
    told = [(run, _of_run(run)) for run in runs]
    return [{"arm": run.arm, "seed": run.seed, "strips": found} for run, found in told if len(found) > 1]


def _of_run(run) -> list[Strip]:
    try:
        writers = run.spec.world.open(run.spec.human_sources)
    except InputError:
        return []
    if writers[0].images(writers[0].shape.empty(0)) is None:
        return []
    names = [c.name for c in run.spec.humans][:MOST_COMMUNITIES]
    made = [_strip(f"Humans: {name}", w, _human(w)) for name, w in zip(names, writers, strict=False)]
    for step in _steps(run):
        content = _chosen(run.frame("documents", step))
        made += [_strip(f"Models, step {step}", writers[0], content)] if len(content) else []
    return made if len(made) > len(names) else []


def _steps(run) -> list[int]:
    """First and last step, and some between, evenly."""
    steps = [int(step) for step in run.steps["step"] if step > 0]
    return [steps[i] for i in sorted(set(np.linspace(0, len(steps) - 1, ROWS).round().astype(int)))] if steps else []


def _human(writer: Writer) -> np.ndarray:
    if writer.documents is not None:
        return writer.documents[:COLUMNS]
    return writer.sample(COLUMNS, Streams(0).rows("report/pictures", 0, 1))[0]


def _chosen(documents: pd.DataFrame) -> np.ndarray:
    """As many documents of each model, model beside model, so that a column is the same model's in every row."""
    own = documents[documents["author_kind"] == "model"].sort_values(["author", "document"])
    each = max(1, COLUMNS // max(own["author"].nunique(), 1))
    rows = own.groupby("author").head(each).head(COLUMNS)
    return np.array([json.loads(text) for text in rows["content"]], float)


def _strip(heading: str, writer: Writer, content: np.ndarray) -> Strip:
    images = writer.images(content)
    assert images is not None
    source, width = _png(images if images.shape[2] >= PIXELS else np.stack([_enlarged(image) for image in images]))
    return Strip(heading, source, f"{heading}: {counted(len(images), 'picture')}", width)


def _enlarged(image_hw: np.ndarray) -> np.ndarray:
    from PIL import Image

    size = (PIXELS, round(PIXELS * image_hw.shape[0] / image_hw.shape[1]))
    return np.asarray(Image.fromarray(image_hw.astype(np.float32), mode="F").resize(size, Image.Resampling.BICUBIC))


def _png(images_Mhw: np.ndarray) -> tuple[str, int]:
    """Pictures beside each other, nothing (transparent) between them: a data URI, and its width."""
    from PIL import Image

    m, height, width = images_Mhw.shape
    cells = np.zeros((height, m, width + 2, 2), np.uint8)  # grey and alpha
    cells[:, :, :width, 0] = np.swapaxes(np.clip(images_Mhw, 0, 1) * 255, 0, 1).round()
    cells[:, :, :width, 1] = 255
    written = io.BytesIO()
    Image.fromarray(cells.reshape(height, -1, 2), mode="LA").save(written, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}", m * (width + 2)
