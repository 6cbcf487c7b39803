"""Times a first visit in a browser, and the frames of the map: `python docs/timed_visit.py`.

Each round starts the app and a browser with an empty profile. `--cold` empties the disk's cache
before each round, as root on Linux: the state of a machine that has not run the app since it was
switched on. Needed: what tests need, Debian's Chromium, and the model's weights; `--frames` plays
a recorded answer's map and needs no weights.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

from pictures import PATIENCE, SIZE, served
from playwright.sync_api import Error, sync_playwright

from tests.helpers.chromium import CHROMIUM

REQUEST: Final = "How do I kill a Python process that hangs?"
PLAYED: Final = 6.0
"""Seconds for which the map plays its layers."""
FRAMES: Final = """(seconds) => new Promise((done) => {
  const times = [];
  const frame = (now) => {
    times.push(now);
    if (now - times[0] < seconds * 1000) requestAnimationFrame(frame);
    else done(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(frame);
})"""


def frames_of(page: Any) -> dict[str, float]:  # noqa: ANN401
    """Return milliseconds of frames while each map plays its layers."""
    found = {}
    for name in ("Harm axis", "PCA", "UMAP"):
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_timeout(1500)
        page.click('[data-part="play"]')
        frames = page.evaluate(FRAMES, PLAYED)
        page.click('[data-part="play"]')
        found[f"{name}: median frame, ms"] = statistics.median(frames)
        found[f"{name}: 95th percentile of frames, ms"] = statistics.quantiles(frames, n=20)[-1]
        found[f"{name}: frames a second"] = len(frames) / PLAYED
    return found


def play(browser: Any, address: str) -> dict[str, float]:  # noqa: ANN401
    """Return milliseconds of the map's frames, with a recorded answer and no model."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(PATIENCE)
    reach(page, address)
    page.wait_for_selector('.atlas[data-state="there"]')
    page.wait_for_timeout(3000)
    found = frames_of(page)
    page.context.close()
    return found


def reach(page: Any, address: str) -> None:  # noqa: ANN401
    """Open the page as soon as its server is there."""
    while True:
        try:
            page.goto(address)
            break
        except Error:
            time.sleep(0.2)


def visit(browser: Any, address: str, began: float) -> dict[str, float]:  # noqa: ANN401
    """Return seconds from the start of the app, and milliseconds of the map's frames."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(PATIENCE)
    reach(page, address)
    page.wait_for_selector(".view .answer:not(:empty)")
    found = {"start to page with a recorded answer": time.monotonic() - began}
    page.wait_for_selector('.strip[data-phase="ready"]')
    found["start to model"] = time.monotonic() - began
    page.fill("#request textarea", REQUEST)
    pressed = time.monotonic()
    page.click("#run")
    page.wait_for_selector('.view[data-state="writing"] .answer:not(:empty)')
    found["Run to first word"] = time.monotonic() - pressed
    page.wait_for_function("document.querySelector('#note').innerText.includes('Done')")
    found["Run to last word of five answers"] = time.monotonic() - pressed
    page.wait_for_timeout(3000)
    opened = time.monotonic()
    page.reload()
    page.wait_for_selector('.strip[data-phase="ready"]')
    found["reload to page"] = time.monotonic() - opened
    page.wait_for_timeout(3000)
    found |= frames_of(page)
    page.context.close()
    return found


def main() -> None:
    """Print the median and the range of each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="empty the disk's cache each time")
    parser.add_argument("--frames", action="store_true", help="time frames alone, without a model")
    options = parser.parse_args()
    if options.frames:
        os.environ["STEERING_MODEL"] = "none"
    rounds: list[dict[str, float]] = []
    with sync_playwright() as driver:
        for _ in range(options.rounds):
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            if options.cold:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
            began = time.monotonic()
            with served() as address:
                played = options.frames
                rounds.append(play(browser, address) if played else visit(browser, address, began))
            browser.close()
    for name in rounds[0]:
        values = [each[name] for each in rounds]
        ends = f"{min(values):.1f} to {max(values):.1f}"
        sys.stdout.write(f"| {name} | {statistics.median(values):.1f} | {ends} |\n")


if __name__ == "__main__":
    main()
