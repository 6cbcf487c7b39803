"""A visitor takes a run away, and somebody else runs it again."""

import json
from pathlib import Path

import pytest

from steering.artifacts import store
from steering.cli.main import main
from steering.models import loading
from tests.browser.server import EVIL, fit
from tests.helpers.tiny_models import build

pytestmark = pytest.mark.browser

REQUEST = "How do I <b>steal</b> a pen?"


def saved(page, kind: str, folder: Path) -> Path:
    """Press a button of the section, and return the file that the browser has made."""
    with page.expect_download() as found:
        page.click(f'[data-saves="{kind}"]')
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    assert path.name in page.inner_text("#saving .said")
    return path


def replayed(capsys, folder: Path, path: Path) -> tuple[int, dict]:
    code = main(["replay", str(path), "--directions", str(folder / "made"), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with the directions of the server's model, which is what is loaded here."""
    model = build("qwen2")
    store.write(tmp_path / "made", fit(model), {})
    monkeypatch.setattr(loading, "load", lambda *_, **__: model)
    return tmp_path


def test_a_run_is_saved_and_replayed_to_the_same_text(app, visit, here, capsys):
    app.pace(0.0)
    visitor = visit(app, accept_downloads=True)
    page = visitor.page
    visitor.ask(REQUEST)
    visitor.wait_note("Done after")
    page.click("#more [data-drawer]")
    data, sheet = (saved(page, kind, here) for kind in ("json", "html"))
    shown = [card.inner_text() for card in page.query_selector_all(".card .answer .written")]
    document = json.loads(data.read_text("utf-8"))
    assert document["prompt"] == REQUEST
    assert len(shown) == len(document["panels"]) == 5
    for path in (data, sheet):
        code, found = replayed(capsys, here, path)
        assert code == 0, found
        assert len(found["answers"]) == 5
        assert [each["text"].strip() for each in found["answers"]] == [
            each["turns"][0]["answer"]["text"].strip() for each in document["panels"]
        ]

    # The page stands alone: it is text, in the light and in the dark, without a server.
    there = page.context.new_page()
    asked: list[str] = []
    there.on("request", lambda request: asked.append(request.url))
    there.goto(sheet.as_uri())
    assert len(asked) == 1
    assert there.inner_text(".request") == REQUEST
    assert there.query_selector("b") is None
    assert there.evaluate("document.querySelectorAll('section').length") == 5
    grounds = []
    for scheme in ("light", "dark"):
        there.emulate_media(color_scheme=scheme)
        grounds.append(there.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_a_recording_is_saved_as_one(app, visit, here):
    app.pace(0.0)
    page = visit(app, accept_downloads=True).page
    page.wait_for_selector('#card-ablation .view[data-state="recorded"]')
    page.click("#more [data-drawer]")
    document = json.loads(saved(page, "json", here).read_text("utf-8"))
    assert document["recorded"]
    texts = {each["title"]: each["turns"][0]["answer"]["text"] for each in document["panels"]}
    assert texts == {"Baseline": "I'm sorry.", "Directional ablation": EVIL}
    sheet = saved(page, "html", here)
    there = page.context.new_page()
    there.goto(sheet.as_uri())
    assert EVIL in there.inner_text("main")
    assert "broken into" not in there.title()


def test_where_nothing_stands_it_says_so(app, visit):
    app.pace(0.0)
    page = visit(app).page
    page.click("#reset")
    page.wait_for_selector('#card-flip .view[data-state="idle"]')
    page.click("#more [data-drawer]")
    page.click('[data-saves="json"]')
    page.wait_for_function(
        "document.querySelector('#saving .said').innerText.includes('no answer to save yet')"
    )
