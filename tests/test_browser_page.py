"""The live page in a real browser: Mesa's controls, our panel, no error, no request that leaves, no world shared."""

from __future__ import annotations

import re
import subprocess

import pytest

from ecosystem.view import assets
from tests.browser import Watched, chromium, opened

pytestmark = pytest.mark.timeout(400)
SMALL = {
    "name": "shown", "question": "What do models forget?", "steps": 20,
    "metrics": ["within_diversity", "tail_coverage", "human_share_read", "between_similarity"],
    "world": {"kind": "zipf", "items": 60},
    "humans": [{"name": "people", "rate": 20}],
    "models": [{"name": "models", "count": 12, "publish": 8, "read": 20, "learner": {"kind": "categorical"}}],
    "graph": {"kind": "small_world"},
}  # fmt: skip


@pytest.fixture(scope="module")
def chrome():
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a page, and what its server said."""
    wrong = assets.problem()
    if wrong:
        pytest.skip(wrong)
    chromium()
    import yaml

    from ecosystem.view import launch

    folder = tmp_path_factory.mktemp("page")
    source = folder / "shown.yaml"
    source.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    with (folder / "log").open("w+") as log, launch.serving(str(source), log=log) as address:
        yield address
        log.seek(0)
        assert "Traceback" not in log.read()


@pytest.fixture
def shown(chrome, served):
    watched = Watched(chrome)
    yield watched.open(served)
    assert watched.wrong == []
    watched.context.close()


def press(shown, name: str) -> None:
    shown.page.get_by_role("button", name=name, exact=True).click()


def test_step_shows_the_next_step(shown):
    assert shown.t == 0
    assert shown.colours() > 50
    for t in (1, 2, 3):
        press(shown, "Step")
        shown.reaches(t)
        assert shown.t == t
    shown.picture("live_light")


def test_play_pause_and_reset(shown):
    press(shown, "▶")
    shown.reaches(4)
    press(shown, "❚❚")
    shown.page.wait_for_timeout(500)
    stopped = shown.t
    shown.page.wait_for_timeout(500)
    assert shown.t == stopped
    press(shown, "Reset")
    shown.until(lambda: shown.t == 0)


def test_a_slider_waits_for_apply(shown):
    press(shown, "Step")
    shown.reaches(1)
    slider = shown.page.get_by_role("slider", name="people: documents a step")
    slider.focus()
    for _ in range(3):
        shown.page.keyboard.press("ArrowRight")
    shown.page.get_by_text("20 → 23").wait_for()
    assert shown.t == 1
    press(shown, "Apply")
    shown.until(lambda: shown.t == 0)
    shown.page.get_by_text("people: documents a step: 23").wait_for()
    assert shown.page.get_by_text("20 → 23").count() == 0


def test_the_scenario_file_is_the_one_that_is_set(shown):
    shown.page.get_by_role("slider", name="people: documents a step").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.page.get_by_text("20 → 21").wait_for()
    with shown.page.expect_download() as waiting:
        press(shown, "Scenario file")
    import yaml

    text = waiting.value.path().read_text(encoding="utf-8")
    assert yaml.safe_load(text)["humans"][0]["rate"] == 21


# Of every moment: whose panel and whose controls are shown.
SIDE_BY_SIDE = """() => { window.seen = new Set(); const look = () => {
  const named = [...document.querySelectorAll("figcaption")].some((e) => e.textContent.includes("baseline"));
  const old = document.body.innerText.includes("documents a step: 20");
  window.seen.add(`${named ? "baseline" : "-"} beside ${old ? "shown" : "-"}`); setTimeout(look, 2); }; look(); }"""


def test_another_scenario_can_be_chosen(shown):
    shown.page.evaluate(SIDE_BY_SIDE)
    shown.page.get_by_role("button", name=re.compile("^Scenario (?!file)")).click()
    shown.page.get_by_role("option", name="baseline", exact=True).click()
    shown.page.locator("figcaption", has_text="baseline").wait_for()
    press(shown, "Step")  # at once: the button is the new world's as soon as the world is seen
    shown.reaches(1)
    assert shown.t == 1
    seen = set(shown.page.evaluate("[...window.seen]"))
    assert {"- beside shown", "baseline beside -"} <= seen
    assert "baseline beside shown" not in seen


def test_what_policies_hold_and_have_spent_stands_below_the_timeline(shown):
    assert shown.page.locator(".policies").is_hidden()
    shown.page.get_by_role("button", name=re.compile("^Scenario (?!file)")).click()
    shown.page.get_by_role("option", name="buy_or_verify", exact=True).click()
    shown.page.get_by_role("button", name=re.compile("^Arm")).click()
    shown.page.get_by_role("option", name="buy", exact=True).click()
    shown.page.get_by_role("slider", name="policy: purse").wait_for(state="attached")
    press(shown, "Step")
    shown.reaches(1)
    told = shown.page.locator(".policies")
    told.get_by_text("100 more documents of people a step").wait_for()
    assert told.get_by_text("Spent so far: 100").count() == 1
    assert told.get_by_text("human documents: 100").count() == 1


def test_a_seed_below_zero_is_refused_in_a_line(shown):
    shown.page.get_by_label("Seed").fill("-1")
    shown.page.keyboard.press("Enter")
    shown.page.get_by_text("Seed: must be a whole number from 0 to 2,147,483,647; got -1.").wait_for()
    shown.page.get_by_label("Seed").fill("7")
    shown.page.keyboard.press("Enter")
    shown.page.get_by_text("seed 0 → 7").wait_for()
    assert shown.page.get_by_text("must be a whole number").count() == 0


def test_a_pinned_model_shows_what_it_writes_beside_people(shown):
    press(shown, "Step")
    shown.reaches(1)
    shown.page.locator("canvas.network").focus()
    shown.page.keyboard.press("ArrowDown")
    shown.page.locator("canvas.distribution").wait_for()
    assert "Wrote in this step" in shown.page.locator(".inspector").inner_text()
    assert shown.colours("canvas.distribution") > 2


def test_looking_back_is_kept_while_it_steps_on(shown):
    for t in (1, 2, 3):
        press(shown, "Step")
        shown.reaches(t)
    shown.page.get_by_label("Step", exact=True).and_(shown.page.locator("input.scrubber")).fill("1")
    assert shown.t == 1
    press(shown, "Step")
    shown.page.wait_for_timeout(600)
    assert shown.t == 1


def test_visitors_do_not_see_each_other(chrome, served):
    one, other = Watched(chrome).open(served), Watched(chrome).open(served)
    press(one, "Step")
    one.reaches(1)
    press(one, "Step")
    one.reaches(2)
    assert other.t == 0
    press(other, "Step")
    other.reaches(1)
    assert (one.t, other.t) == (2, 1)
    assert one.wrong == other.wrong == []
    one.context.close()
    other.context.close()


def test_dark_mode_from_the_system(chrome, served):
    watched = Watched(chrome, dark=True).open(served)
    press(watched, "Step")
    watched.reaches(1)
    assert watched.page.locator("[data-t]").get_attribute("data-theme") == "dark"
    watched.picture("live_dark")
    assert watched.wrong == []
    watched.context.close()


@pytest.mark.parametrize("models", [60, 300, 1000])
def test_fifteen_seconds_of_play_at_the_shortest_interval(chrome, tmp_path, models):
    """Mesa's own page dies of a race here; charts are on, one step after the other without a pause."""
    wrong = assets.problem()
    if wrong:
        pytest.skip(wrong)
    import yaml

    from ecosystem.view import launch

    source = tmp_path / "many.yaml"
    group = SMALL["models"][0] | {"count": models}
    source.write_text(yaml.safe_dump(SMALL | {"models": [group]}), encoding="utf-8")
    with (tmp_path / "log").open("w+") as log, launch.serving(str(source), log=log) as address:
        watched = Watched(chrome).open(address)
        watched.page.get_by_role("slider", name="ms between steps").focus()
        watched.page.keyboard.press("Home")
        watched.page.get_by_text("10 ms between steps").wait_for()
        press(watched, "▶")
        watched.page.wait_for_timeout(15_000)
        press(watched, "❚❚")
        assert watched.t > 15
        assert watched.page.locator("canvas.chart").count() == 4
        assert watched.wrong == []
        watched.context.close()
        log.seek(0)
        assert "Traceback" not in log.read()


def test_a_server_that_cannot_start_says_so(served):
    from ecosystem.errors import InputError
    from ecosystem.view import launch

    port = int(served.rstrip("/").rpartition(":")[2])
    with pytest.raises(InputError, match="port"), launch.serving("baseline", port=port, log=subprocess.DEVNULL):
        pass
