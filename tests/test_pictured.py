"""Documents that are pictures are shown as pictures: a row a generation, inside the page, human ones on top."""

from __future__ import annotations

import base64
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ecosystem import replicate
from ecosystem.files.scenario_file import read
from ecosystem.report import pictured, write
from ecosystem.runs.opened import Study

SCENARIO = {
    "name": "drawn",
    "steps": 8,
    "metrics": ["within_diversity"],
    "humans": [{"name": "people", "rate": 4}],
    "models": [{"name": "some", "count": 4, "publish": 5, "read": 20, "learner": {"kind": "kde"}}],
    "graph": {"kind": "ring", "self_loops": True},
    "record": {"documents": "all"},
    "arms": {"none": {"humans.people.rate": 0}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of ten pictures."""
    place, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in ("a", "b"):
        (place / name).mkdir()
        for i in range(10):
            Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(place / name / f"{i}.png")
    return place


@pytest.fixture(scope="module")
def study(folder, tmp_path_factory) -> Study:
    world = {"kind": "digits", "path": str(folder)}
    return replicate(read(SCENARIO | {"world": world}), 1, arms=("base", "none"), out=tmp_path_factory.mktemp("out"))


def picture(strip) -> np.ndarray:
    """(height, width, 2): grey and alpha."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(strip.source.partition(",")[2]))))


def test_a_page_holds_a_strip_for_people_and_for_each_of_some_steps(study):
    arms = pictured.strips(study)
    assert [arm["arm"] for arm in arms] == ["base", "none"]
    headings = [s.heading for s in arms[0]["strips"]]
    assert headings[0] == "Humans: people"
    assert headings[1] == "Models, step 1"
    assert headings[-1] == "Models, step 8"
    assert len(headings) == 1 + pictured.ROWS
    page = write(study.folder).read_text(encoding="utf-8")
    for strip in (s for arm in arms for s in arm["strips"]):
        assert f'src="{strip.source}"' in page
        assert f'alt="{strip.heading}: 16 pictures"' in page
    assert "http" not in page.split('id="documents"')[1].split("</section>")[0]


def test_pictures_are_the_documents_and_a_column_is_one_models(study):
    run = study.runs[0]
    recorded = run.frame("documents", 1)
    strip = next(s for s in pictured.strips(study)[0]["strips"] if s.heading == "Models, step 1")
    drawn, cell = picture(strip), pictured.PIXELS + 2
    assert drawn.shape == (pictured.PIXELS, 16 * cell, 2)
    for column in (0, 5, 15):
        own = recorded[recorded["author"] == column // 4].sort_values("document")["content"].iloc[column % 4]
        grey = np.clip(np.reshape(json.loads(own), (8, 8)), 0, 1) * 255
        shown = drawn[:, column * cell : column * cell + pictured.PIXELS, 0].astype(float)
        back = shown.reshape(8, pictured.PIXELS // 8, 8, pictured.PIXELS // 8).mean(axis=(1, 3))
        match = np.corrcoef(grey.ravel(), back.ravel())[0, 1]
        assert match > 0.8, "enlarging smooths, but it is this picture"
    assert (drawn[:, pictured.PIXELS : cell, 1] == 0).all(), "nothing between two pictures"


def test_pictures_as_large_as_they_are_shown_are_left_as_they_are():
    images = np.random.default_rng(0).uniform(size=(3, 50, 60))
    source, width = pictured._png(images)
    drawn = picture(pictured.Strip("", source, "", width))
    assert drawn.shape == (50, width, 2)
    np.testing.assert_array_equal(drawn[:, 62:122, 0], (images[1] * 255).round())


def test_without_the_human_pictures_documents_are_points(study, folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.move(folder, moved)
    try:
        assert pictured.strips(study) == []
        assert '<table class="strips">' not in write(study.folder).read_text(encoding="utf-8")
    finally:
        shutil.move(moved, folder)


def test_other_vectors_are_no_pictures(tmp_path):
    spec = read(SCENARIO | {"world": {"kind": "mixture"}, "arms": {}, "steps": 1})
    assert pictured.strips(replicate(spec, 1, out=tmp_path)) == []
