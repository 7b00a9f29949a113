"""The page's budgets, in a real browser on this machine: needs the extra viz, Playwright and Chromium.

Page ready within 5 s; Step within 300 ms at 60 models; at least 15 steps a second at 60 models and 6 at 1,000; a replay
of 300 models seeks within 10 ms and plays at 50 frames a second or more; its file for 60 models, 300 steps and two arms
under 300 kB.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from ecosystem.runs.runner import replicate
from ecosystem.scenario import Scenario
from ecosystem.view import launch, replay

FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
STEP = "Number(document.querySelector('[data-t]').dataset.t)"
SEEK = """async () => { const s = document.querySelector(".scrubber"), times = [];
for (let i = 0; i < 100; i++) { s.value = (i * 37) % 300; const before = performance.now();
s.dispatchEvent(new Event("input")); times.push(performance.now() - before); await new Promise(requestAnimationFrame); }
times.sort((a, b) => a - b); return [times[50], times[95]]; }"""
FRAMES = """async () => { let n = 0, on = true; const count = () => { n++; if (on) requestAnimationFrame(count); };
document.querySelector("button[aria-label=Play]").click();
const began = performance.now(); requestAnimationFrame(count);
await new Promise((done) => setTimeout(done, 3000)); on = false;
return n / ((performance.now() - began) / 1000); }"""


def scenario(models: int, steps: int = 300) -> dict:
    return {
        "name": "page", "steps": steps, "world": {"kind": "zipf", "items": 200},
        "humans": [{"name": "people", "rate": 50}],
        "metrics": ["within_diversity", "between_similarity", "tail_coverage", "human_share_read"],
        "models": [{"name": "models", "count": models, "publish": 20, "read": 50, "learner": {"kind": "categorical"}}],
        "graph": {"kind": "scale_free", "links": 2}, "arms": {"fed": {"humans.people.rate": 500}},
    }  # fmt: skip


def live(chrome, folder: Path, models: int) -> None:
    source = folder / f"page{models}.yaml"
    source.write_text(yaml.safe_dump(scenario(models)), encoding="utf-8")
    with launch.serving(str(source), log=subprocess.DEVNULL) as address:
        page = chrome.new_page(viewport={"width": 1500, "height": 1000})
        began = time.perf_counter()
        page.goto(address)
        page.wait_for_selector("[data-ready='true']", timeout=60_000)
        ready, steps = time.perf_counter() - began, []
        for t in range(1, 11):
            began = time.perf_counter()
            page.get_by_role("button", name="Step", exact=True).click()
            page.wait_for_function(f"{STEP} >= {t}")
            steps.append(time.perf_counter() - began)
        page.get_by_role("slider", name="ms between steps").focus()
        page.keyboard.press("Home")
        page.get_by_text("10 ms between steps").wait_for()
        page.get_by_role("button", name="▶").click()
        page.wait_for_timeout(1000)
        first, began = page.evaluate(STEP), time.perf_counter()
        page.wait_for_timeout(8000)
        rate = (page.evaluate(STEP) - first) / (time.perf_counter() - began)
        page.close()
    step = 1000 * sorted(steps)[5]
    print(f"live, {models:>5} models: ready {ready:.1f} s; Step {step:.0f} ms; {rate:.1f} steps/s", flush=True)


def played_back(chrome, folder: Path, models: int) -> None:
    study = replicate(Scenario.from_file(scenario(models)), seeds=1, arms=("base", "fed"), out=folder)
    path = replay.write(study.folder)
    page = chrome.new_page(viewport={"width": 1500, "height": 1000})
    began = time.perf_counter()
    page.goto(path.as_uri())
    page.wait_for_selector("[data-ready='true']", timeout=60_000)
    ready = time.perf_counter() - began
    middle, slow = page.evaluate(SEEK)
    page.get_by_label("Speed").select_option("60")
    frames = page.evaluate(FRAMES)
    page.close()
    size = path.stat().st_size / 1000
    print(
        f"replay, {models:>4} models, 300 steps, two arms: {size:.0f} kB; ready {ready:.1f} s; seek {middle:.1f} ms "
        f"(95%: {slow:.1f}); {frames:.0f} frames/s",
        flush=True,
    )


def main() -> int:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("Playwright is not installed; pip install playwright.")
        return 0
    found = os.environ.get("ECOSYSTEM_CHROMIUM") or shutil.which("chromium")
    if not found:
        print("Chromium is not there; apt-get install chromium, or set ECOSYSTEM_CHROMIUM.")
        return 0
    with tempfile.TemporaryDirectory() as out, sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=found, args=list(FLAGS))
        for models in (60, 300, 1000):
            played_back(chrome, Path(out), models)
        for models in (60, 300, 1000):
            live(chrome, Path(out), models)
        chrome.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
