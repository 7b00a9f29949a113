"""The replay page in a real browser: everything that can be pressed, with no error and no request."""

from __future__ import annotations

import pytest

from ecosystem.runs.runner import replicate
from ecosystem.view import replay
from tests.browser import Watched, opened
from tests.test_view_replay import spec

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def chrome():
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    texts = {"record": {"documents": "all"}}
    study = replicate(spec(**texts), arms=("base", "guarded"), seeds=1, out=tmp_path_factory.mktemp("out"))
    return replay.write(study.folder).as_uri()


@pytest.fixture
def shown(chrome, address):
    watched = Watched(chrome)
    yield watched.open(address)
    assert watched.wrong == []
    watched.context.close()


def button(shown, name: str):
    return shown.page.get_by_role("button", name=name, exact=True)


def test_two_arms_are_drawn_beside_each_other(shown):
    assert shown.page.locator("canvas.network").count() == 2
    assert shown.colours() > 50
    assert shown.colours("canvas.network[data-arm='guarded']") > 50
    shown.picture("replay_light")


def test_steps_forth_and_back_by_button_and_key(shown):
    assert shown.t == 0
    button(shown, "Step").click()
    assert shown.t == 1
    shown.page.keyboard.press("ArrowRight")
    assert shown.t == 2
    button(shown, "Step back").click()
    shown.page.keyboard.press("ArrowLeft")
    assert shown.t == 0
    shown.page.keyboard.press("End")
    assert shown.t == 12
    shown.page.keyboard.press("Home")
    assert shown.t == 0


def test_it_plays_to_the_end_and_pauses(shown):
    shown.page.get_by_label("Speed").select_option("20")
    button(shown, "Play").click()
    shown.reaches(3)
    button(shown, "Pause").click()
    stopped = shown.t
    shown.page.wait_for_timeout(300)
    assert shown.t == stopped
    button(shown, "First step").click()
    shown.until(lambda: shown.t == 0)
    shown.page.evaluate("document.activeElement.blur()")  # on a button the space bar presses it
    shown.page.keyboard.press(" ")
    shown.reaches(12)
    assert button(shown, "Play").count() == 1


def test_the_scrubber_and_a_curve_seek(shown):
    shown.page.get_by_label("Step", exact=True).and_(shown.page.locator("input")).fill("7")
    assert shown.t == 7
    box = shown.page.locator("canvas.chart").first.bounding_box()
    shown.page.mouse.click(box["x"] + box["width"] - 10, box["y"] + 30)
    assert shown.t == 12


def test_hovering_tells_and_a_click_pins(shown):
    x, y = shown.page.evaluate(
        """() => { const c = document.querySelector("canvas.network"), r = c.getBoundingClientRect();
        const g = c.getContext("2d"), d = window.devicePixelRatio; c.scrollIntoView(); return [r.left, r.top]; }"""
    )
    found = None
    for dx in range(60, 460, 6):  # across the middle until a model is met
        shown.page.mouse.move(x + dx, y + 180)
        if shown.page.locator(".tip").is_visible():
            found = x + dx
            break
    assert found is not None
    assert "human share of its diet" in shown.page.locator(".tip").inner_text()
    shown.page.mouse.click(found, y + 180)
    inspector = shown.page.locator(".inspector")
    assert inspector.is_visible()
    assert "Read by" in inspector.inner_text()
    button(shown, "Unpin").click()
    assert not inspector.is_visible()


def test_models_can_be_walked_through_by_keyboard(shown):
    shown.page.locator("canvas.network").first.focus()
    shown.page.keyboard.press("ArrowDown")
    assert "small 0" in shown.page.locator(".inspector h3").inner_text()
    shown.page.keyboard.press("ArrowDown")
    assert "small 1" in shown.page.locator(".inspector h3").inner_text()
    assert shown.t == 0
    shown.page.keyboard.press("Escape")
    assert not shown.page.locator(".inspector").is_visible()


def test_a_pinned_model_is_told_apart_by_arm(shown):
    shown.page.locator("canvas.network").first.focus()
    shown.page.keyboard.press("ArrowDown")
    head = shown.page.locator(".inspector thead").inner_text()
    assert "base" in head
    assert "guarded" in head


def test_difference_colours_by_how_far_an_arm_is_from_the_first(shown):
    shown.page.keyboard.press("End")
    before = shown.page.locator(".legend .ramp").inner_text()
    button(shown, "Difference").click()
    after = shown.page.locator(".legend .ramp").inner_text()
    assert "minus base" in after
    assert before != after
    shown.picture("replay_difference")


def test_dark_is_dark_and_the_table_says_the_same(shown):
    button(shown, "Dark").click()
    assert shown.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert shown.colours() > 50
    shown.picture("replay_dark")
    button(shown, "Table").click()
    rows = shown.page.locator(".tables table").nth(1).locator("tbody tr").count()
    assert rows == 24  # twelve models in two arms


def test_the_look_follows_the_visitors_system(chrome, address):
    watched = Watched(chrome, dark=True).open(address)
    assert watched.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert watched.wrong == []
    watched.context.close()


def test_a_small_screen_shows_all_of_it(chrome, address):
    watched = Watched(chrome, width=420, height=900).open(address)
    wide = watched.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 430
    assert watched.wrong == []
    watched.picture("replay_small")
    watched.context.close()
