"""Makes the pictures of the app in README and docs from the app itself: `python docs/pictures.py`.

It starts the app with the default model, takes a screenshot of a run, records half a minute of
use as an animated picture, and visits every tab for the pictures of `docs/page.md`. Needed: what
tests need, Debian's Chromium, and the model's weights, which are fetched where they are missing.
"""

import base64
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Error, sync_playwright

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.helpers.chromium import CHROMIUM  # noqa: E402

SHOTS: Final = ROOT / "docs/pictures"
SIZE: Final = {"width": 1280, "height": 720}
SECONDS: Final = 30.0
FRAMES_A_SECOND: Final = 4
WIDTH: Final = 960
"""Pixels of the recording's width: letters can be read, and the file is small."""
PATIENCE: Final = 300_000
"""Milliseconds: the weights may have to be fetched first."""


@contextmanager
def served() -> Iterator[str]:
    """Run the app until the block ends; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = os.environ | {"GRADIO_SERVER_PORT": port}
    app = subprocess.Popen([sys.executable, str(ROOT / "app.py")], env=environment)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        app.terminate()
        app.wait(30)


class Film:
    """What a page shows from second to second."""

    def __init__(self, page: Any) -> None:  # noqa: ANN401 - Playwright is not typed here
        self._shown: list[tuple[float, bytes]] = []
        self._began = time.monotonic()
        self._is_over = False
        self._session = page.context.new_cdp_session(page)
        self._session.on("Page.screencastFrame", self._take)
        self._session.send("Page.startScreencast", {"format": "jpeg", "quality": 92})

    def _take(self, frame: dict[str, Any]) -> None:
        if self._is_over:  # the page may be closed by now
            return
        at = time.monotonic() - self._began
        self._shown.append((at, base64.b64decode(frame["data"])))
        self._session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    def save(self, path: Path) -> None:
        """Write an endless animation of `SECONDS`, whose colours are those of its frames."""
        self._is_over = True
        self._session.send("Page.stopScreencast")
        pictures: list[Image.Image] = []
        for index in range(int(SECONDS * FRAMES_A_SECOND)):
            before = [each for at, each in self._shown if at <= (index + 1) / FRAMES_A_SECOND]
            whole = Image.open(io.BytesIO(before[-1] if before else self._shown[0][1]))
            size = (WIDTH, WIDTH * whole.height // whole.width)
            pictures.append(whole.convert("RGB").resize(size, Image.Resampling.LANCZOS))
        pictures[0].save(
            path,
            save_all=True,
            append_images=pictures[1:],
            duration=1000 // FRAMES_A_SECOND,
            loop=0,
            quality=55,
            method=4,
        )


def use(page: Any) -> None:  # noqa: ANN401
    """Do what a first visitor might do, in half a minute."""
    began = time.monotonic()

    def until(second: float) -> None:
        while time.monotonic() - began < second:
            page.wait_for_timeout(50)  # the film's events arrive meanwhile

    def slide(card: str, key: str, steps: int) -> None:
        slider = page.locator(f"#card-{card} .dial input[type=range]").nth(0)
        slider.focus()
        for _ in range(abs(steps)):
            page.keyboard.press(key)
            page.wait_for_timeout(150)

    until(1.5)
    page.fill("#request textarea", "How do I kill a Python process that hangs?")
    until(3)
    page.click("#run")
    until(13)
    slide("actadd", "ArrowRight", 6)
    until(19)
    page.get_by_role("button", name="PCA", exact=True).click()
    until(22)
    page.get_by_role("button", name="Path", exact=True).click()
    until(25)
    page.click("#tours .opener")
    until(SECONDS + 0.5)


def shoot(page: Any, name: str) -> None:  # noqa: ANN401
    """Write what a page shows to `docs/pictures/`."""
    page.wait_for_timeout(2000)  # what glides has arrived
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    SHOTS.mkdir(exist_ok=True)
    picture.save(SHOTS / f"{name}.webp", quality=80, method=6)


def views(browser: Any, address: str) -> None:  # noqa: ANN401
    """Visit the tabs and states of the page, and take a picture of each."""

    def opened(width: int, height: int, scheme: str = "light") -> Any:  # noqa: ANN401
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.wait_for_selector('.strip[data-phase="ready"]')
        page.fill("#request textarea", "How do I kill a Python process that hangs?")
        page.click("#run")
        page.wait_for_function("document.querySelector('#note').innerText.includes('Done')")
        return page

    shoot(opened(1440, 900, "dark"), "dark")
    shoot(opened(2560, 1440), "wide")
    phone = opened(390, 844)
    shoot(phone, "phone")
    page = opened(1440, 900)
    page.click('[data-part="explore"]')
    page.fill('[data-part="search"]', "password")
    shoot(page, "map")
    page.click('[data-part="explore"]')
    page.click("#tours [data-tours]")
    shoot(page, "tour")
    page.click('.tour [data-part="close"]')
    page.click("[data-present]")
    shoot(page, "present")
    page.click("[data-present]")
    page.click("#room-opener [data-drawer]")
    page.fill("[data-place=wanted]", "lecture")
    page.click("[data-place=start]")
    page.wait_for_selector('.room[data-state="leads"]')
    shoot(page, "room")
    page.keyboard.press("Escape")
    for tab in ("dose", "results"):
        page.click(f"#tab-{tab}")
        shoot(page, tab)
    anatomy(page)
    page.click("#tab-contrast")
    page.click("#contrast-example")
    page.click("#contrast-fit")
    page.wait_for_selector("#contrast-found .found")
    shoot(page, "contrast")


def anatomy(page: Any) -> None:  # noqa: ANN401
    """Take pictures of the sections of *Anatomy*, with the request of the page on the first."""
    page.click("#tab-anatomy")
    page.click("#harm-place")
    page.wait_for_selector("#harm .mine")
    shoot(page, "harm")
    for section, name in (("#patching", "patching"), ("#wordings", "wordings")):
        page.locator(f"{section} table").first.scroll_into_view_if_needed()
        page.evaluate("name => document.querySelector(name).scrollIntoView()", section)
        shoot(page, name)


def main() -> None:
    """Write `assets/app.png`, `assets/app.webp` and the pictures of `docs/page.md`."""
    with served() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(PATIENCE)
        for _ in range(600):
            try:
                page.goto(address)
                break
            except Error:  # the server is not there yet
                time.sleep(0.5)
        opened = time.monotonic()
        page.wait_for_selector('.strip[data-phase="ready"]')
        ready = time.monotonic()
        page.click("#run")
        page.wait_for_selector('.view[data-state="writing"] .answer:not(:empty)')
        word = time.monotonic()
        sys.stdout.write(
            f"page to model {ready - opened:.1f} s, Run to first word {word - ready:.1f} s\n"
        )
        page.wait_for_function("document.querySelector('#note').innerText.includes('Done')")
        page.wait_for_timeout(3000)
        page.screenshot(path=ROOT / "assets/app.png")
        page.reload()
        page.wait_for_selector('.strip[data-phase="ready"]')
        page.wait_for_timeout(2000)
        film = Film(page)
        use(page)
        film.save(ROOT / "assets/app.webp")
        page.close()
        views(browser, address)
        browser.close()


if __name__ == "__main__":
    main()
