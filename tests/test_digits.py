"""The world of pictures: shares of classes without made-up images, what is held out, the judge, folders, mistakes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from agents.humans.digits import Digits, _classifier
from ecosystem import Ecosystem, Scenario, images, machine
from ecosystem.checks import check_source
from ecosystem.errors import InputError

sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn brings the digits")


def opened(*sources: Digits):
    return sources[0].open(list(sources))


def rows(content: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in content}


@pytest.fixture(scope="module")
def truth() -> dict[bytes, int]:
    """The class of every digit, by its pixels, from scikit-learn itself."""
    found = sklearn.load_digits()
    return {row.tobytes(): label for row, label in zip(found.data / 16, found.target, strict=True)}


@pytest.fixture
def folder(tmp_path):
    """Three classes of 12 pictures of 8 x 8, as PNG; class 10 sorts after class 9."""
    found = sklearn.load_digits()
    for label, name in ((1, "9"), (2, "10"), (3, "cat")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i, image in enumerate(found.images[found.target == label][:12]):
            grey = (image * 15.9).astype(np.uint8)
            Image.fromarray(grey).save(tmp_path / "pictures" / name / f"{i}.png")
    return tmp_path / "pictures"


@pytest.mark.parametrize(
    "source", [Digits(zipf=1.2), Digits(shares={8: 0.01}, size=6), Digits(classes=[3, 5])], ids=repr
)
def test_worlds_with_other_keys_keep_the_rules(source):
    check_source(source)


def test_shares_come_about_by_leaving_images_out(truth):
    (writer,) = opened(Digits(shares={8: 0.01, 9: 0.02}))
    for content in (writer.documents, writer.held_out):
        assert len(rows(content)) == len(content), "no image twice"
        labels = [truth[row.tobytes()] for row in content]
        share = np.bincount(labels, minlength=10) / len(content)
        assert share[8] == pytest.approx(0.01, abs=0.5 / len(content) + 0.001)
        assert share[9] == pytest.approx(0.02, abs=0.5 / len(content) + 0.001)
        assert (share[:8] > 0.1).all()
    assert len(writer.documents) > 1000
    assert not rows(writer.documents) & rows(writer.held_out)
    counts = np.bincount([truth[row.tobytes()] for row in writer.documents])
    assert writer.judge.share_C == pytest.approx(counts / len(writer.documents))


def test_without_shares_nothing_is_left_out(truth):
    (writer,) = opened(Digits())
    assert len(writer.documents) + len(writer.held_out) >= 0.99 * len(truth), "rounding of shares costs a few"


def test_zipf_shares_fall_with_rank(truth):
    (writer,) = opened(Digits(zipf=1, classes=[5, 3, 1]))
    counts = np.bincount([truth[row.tobytes()] for row in writer.documents], minlength=10)
    assert counts[[5, 3, 1]] / counts.sum() == pytest.approx(np.array([6, 3, 2]) / 11, abs=0.005)
    assert writer.judge.names == ("5", "3", "1")


def test_images_are_chosen_and_held_out_alike_whatever_else_is_written():
    (all_of_them,), (few,) = opened(Digits()), opened(Digits(classes=[4], shares={8: 0.1}))
    assert not rows(few.documents) & rows(all_of_them.held_out)
    assert not rows(few.held_out) & rows(all_of_them.documents)


def test_a_minority_writes_classes_of_its_own():
    spec = Scenario.from_file("digits").with_(
        {
            "world": {"kind": "digits", "classes": list(range(8))},
            "humans": [{"name": "many", "rate": 90}, {"name": "few", "rate": 10, "writes": {"classes": [8, 9]}}],
            "metrics": ["class_coverage", "class_coverage@few", "rare_class_coverage@few", "class_divergence@few"],
            "measure.rare_below": 0.08, "steps": 0, "arms": {}, "claims": [], "models.drawers.learner.updates": 100,
        }
    )  # fmt: skip
    world = Ecosystem(spec)
    assert world.reference.judge.names == tuple("0123456789")
    assert world.reference.class_share_C[:8].sum() == pytest.approx(0.9)
    assert world.reference.classes_of("few").tolist() == [False] * 8 + [True] * 2
    assert world.reference.rare_C.tolist() == [False] * 8 + [True] * 2
    assert world.frame.values["class_coverage@few"] == world.frame.values["rare_class_coverage@few"]


def test_the_judge_tells_digits_and_knows_nonsense():
    judge = opened(Digits(shares={8: 0.01}))[0].judge
    table = judge.confusion()
    assert table.shape == (10, 11)
    assert table.sum() == pytest.approx(0.2 * 1797, abs=10), "all held-out images, those of rare classes included"
    assert np.trace(table) / table.sum() >= 0.95
    (writer,), random = opened(Digits()), np.random.default_rng(0)
    shuffled = random.permuted(writer.held_out, axis=1)
    assert (judge.classes(shuffled) == -1).mean() > 0.95
    assert (judge.classes(np.zeros((1, 64))) == -1).all()
    assert judge.features(shuffled).shape == (len(shuffled), 32)
    assert (judge.classes(np.full((2, 64), np.nan)) == -1).all()


def test_the_judge_is_the_same_whenever_it_is_trained():
    judge = opened(Digits())[0].judge
    content = np.random.default_rng(0).uniform(size=(50, 64))
    before = judge.features(content)
    _classifier.cache_clear()
    np.testing.assert_array_equal(before, judge.features(content))


def test_images_come_from_a_folder_too(folder):
    (writer,) = opened(Digits(path=str(folder), shares={"cat": 0.2}))
    assert writer.judge.names == ("9", "10", "cat")
    assert writer.judge.share_C[2] == pytest.approx(0.2, abs=0.03)
    assert writer.shape.size == 64
    assert rows(writer.documents) <= {
        (np.asarray(Image.open(p), float) / 255).ravel().tobytes() for p in folder.rglob("*.png")
    }
    (small,) = opened(Digits(path=str(folder), size=5))
    assert small.images(small.documents).shape[1:] == (5, 5)


def test_photographs_are_read_in_grey(folder):
    Image.new("RGB", (30, 20), (255, 255, 255)).save(folder / "cat" / "white.jpg")
    found = images.read(images.stamp(str(folder)), 8)
    assert found.image_Mss.shape == (37, 8, 8)
    assert found.image_Mss[-1].min() == 1.0


def test_people_see_a_picture():
    (writer,) = opened(Digits())
    shown = writer.show(writer.documents[:1])[0].split("\n")
    assert [len(line) for line in shown] == [8] * 8
    assert shown[0][0] == " ", "corners are black"
    assert writer.images(writer.documents[:3] * 9 - 4).min() == 0.0


def one_line(run) -> str:
    with pytest.raises(InputError) as error:
        run()
    (line,) = error.value.lines
    return line


def test_mistakes_are_told_in_one_line(folder, tmp_path, monkeypatch):
    def world(**keys):
        return lambda: opened(Digits(**keys))

    assert "no such folder (did you mean 'pictures'?)" in one_line(world(path=str(tmp_path / "picture")))
    assert "has no class '12'" in one_line(world(classes=[12]))
    assert "did you mean 'cat'?" in one_line(world(path=str(folder), shares={"cats": 0.1}))
    assert "must add up to 1. Got 0.2" in one_line(world(classes=[1], shares={1: 0.2}))
    assert "'size' of Digits must be the same" in one_line(lambda: opened(Digits(), Digits(size=9)))
    (tmp_path / "none").mkdir()
    assert "a sub-folder for each class" in one_line(world(path=str(tmp_path / "none")))
    (tmp_path / "none" / "dog").mkdir()
    assert "a class without images" in one_line(world(path=str(tmp_path / "none")))
    (tmp_path / "none" / "dog" / "1.png").write_text("no picture")
    assert "1.png: cannot be read as an image" in one_line(world(path=str(tmp_path / "none")))
    for name in ("1", "2"):
        Image.new("L", (8, 8)).save(tmp_path / "none" / "dog" / f"{name}.png")
    assert "2 different images at least. Got 1" in one_line(world(path=str(tmp_path / "none")))
    with monkeypatch.context() as small:
        small.setattr(machine, "memory", lambda: 4 * 2**10)
        assert "2 images of 9 x 9 numbers: must have at most 1 KiB" in one_line(
            world(path=str(tmp_path / "none"), size=9)
        )
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    images.read.cache_clear()
    assert "pip install 'scikit-learn" in one_line(world(size=7))
    images.read.cache_clear()


@pytest.mark.parametrize(
    "keys",
    [{"zipf": 1, "shares": {1: 0.1}}, {"shares": {1: 0.7, 2: 0.4}}, {"classes": [1, 1]}, {"held_out": 0}],
    ids=str,
)
def test_keys_that_contradict_are_refused(keys):
    with pytest.raises(ValidationError):
        Digits(**keys)


def test_shares_and_classes_are_read_from_a_file(tmp_path):
    spec = Scenario.from_file("digits", "world.shares={8: 0.02}", "world.classes=[7, 8, 9]")
    assert spec.world == Digits(shares={"8": 0.02}, classes=("7", "8", "9"))
    assert Scenario.from_file(spec.to_file(tmp_path / "again.yaml")).world == spec.world
