"""A real browser for tests: Chromium of this machine, driven by Playwright; nothing it asks for may leave it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PICTURES = Path(__file__).resolve().parent.parent / "outputs" / "pages"
READY = "[data-ready='true']"


def chromium() -> str:
    """Where Chromium is; skips the test, saying how to get it, where it is not."""
    pytest.importorskip("playwright", reason="no browser tests: playwright is not installed (pip install playwright)")
    found = os.environ.get("ECOSYSTEM_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no browser tests: Chromium is not there (apt-get install chromium, or set ECOSYSTEM_CHROMIUM)")
    return found


@contextmanager
def opened() -> Iterator:
    """A browser; `Watched` opens pages in it."""
    from playwright.sync_api import sync_playwright

    where = chromium()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=where, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page of a visitor of its own. `wrong`: console errors, page errors and requests that left the machine."""

    def __init__(self, browser, dark: bool = False, width: int = 1500, height: int = 1000):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self.page, self.wrong = self.context.new_page(), []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.wrong.append(request.url) if _leaves(request.url) else None)

    def open(self, address: str) -> Watched:
        self.page.goto(address)
        self.page.wait_for_selector(READY, timeout=60_000)
        return self

    @property
    def t(self) -> int:
        """The step that is shown; -1 while a world's controls are there and it is not yet."""
        return int(self.page.evaluate("document.querySelector('[data-t]')?.dataset.t ?? -1"))

    def reaches(self, t: int) -> None:
        """Waits until step t or a later one is shown."""
        self.until(lambda: self.t >= t)

    def until(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until something holds (the page's own rules forbid Playwright's way of waiting)."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"waited {seconds:g} s in vain"
            self.page.wait_for_timeout(20)

    def colours(self, selector: str = "canvas.network") -> int:
        """Different colours on a canvas: a blank one has 1."""
        return self.page.evaluate(
            """(selector) => { const c = document.querySelector(selector), seen = new Set();
            const data = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
            for (const v of data) seen.add(v); return seen.size; }""",
            selector,
        )

    def picture(self, name: str) -> None:
        """A screenshot for people, outputs/pages/NAME.png."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")


def _leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "file:", "data:", "blob:"))
