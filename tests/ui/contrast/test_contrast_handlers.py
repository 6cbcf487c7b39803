"""What the tab does: every mistake is a sentence, files go, and nothing is played unasked."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from steering.contrasts import contrast_bundle
from steering.ui.contrast import contrast_handlers
from steering.ui.contrast.contrast_handlers import Handlers
from tests.helpers.engines import ready
from tests.helpers.two_lists import ASKED, ORDERED

VISITOR = SimpleNamespace(session_hash="a")
LISTS = ("asked", "\n".join(ASKED), "ordered", "\n".join(ORDERED))


@pytest.fixture
def does(tab, tiny, fitted):
    return Handlers(tab[0], ready(tiny, fitted))


@pytest.fixture
def uploaded(tmp_path, monkeypatch):
    """Return what puts a file where Gradio keeps uploads."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))

    def put(name: str, content: bytes) -> str:
        path = tmp_path / "gradio" / "digest" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return str(path)

    return put


def said(does, updates) -> str:
    return str(updates[does.section.progress.said])


def test_a_fit_of_what_stands_in_the_fields_is_told_and_kept(does):
    updates = list(does.fit(VISITOR, *LISTS, "1,3"))
    assert "Reading the texts" in "".join(said(does, each) for each in updates[:-1])
    found = next(each[does.section.contrast] for each in updates if does.section.contrast in each)
    assert found.directions.class_names == ("asked", "ordered")
    assert [each.layer for each in found.findings] == [1, 3]
    shown = does.shown(found)
    assert "asked and ordered separate" in shown[does.section.found]
    path = Path(shown[does.section.save]["value"])
    assert path.name == "asked-ordered.zip"
    assert contrast_bundle.load(path, does.engine.model).texts == found.texts


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ((1, "only\nthree\ntexts"), "at least 16 are needed"),
        ((2, "asked"), "both lists are called"),
        ((4, "eight"), "no list of block inputs"),
        ((4, "99"), "layer 99 has no contrast"),
        ((3, "x" * 300_000), "at most 200,000 are read"),
    ],
)
def test_a_mistake_is_a_sentence_and_nothing_is_kept(does, changed, words):
    values = [*LISTS, "1"]
    values[changed[0]] = changed[1]
    updates = list(does.fit(VISITOR, *values))
    assert any(
        words in said(does, each).lower() for each in updates if does.section.progress.said in each
    )
    assert not any(does.section.contrast in each for each in updates)
    assert list(does.fit(VISITOR, *LISTS, "1"))[-1]  # and the next one runs


def test_a_stopped_fit_says_so_and_gives_the_button_back(does):
    updates = []
    for each in does.fit(VISITOR, *LISTS, "1,3"):
        updates.append(each)
        does.contrasts.stop("a")
    assert any("nothing was kept" in said(does, each) for each in updates[:-1])
    assert updates[-1][does.section.progress.stop]["interactive"] is False


def test_a_file_is_read_a_text_a_line_and_goes(does, uploaded):
    path = uploaded("rude ones.json", json.dumps(["Go\naway", "Be quick"]).encode())
    updates = does.read(does.section.lists[1], path)
    assert updates[does.section.lists[1].texts] == "Go away\nBe quick"
    assert updates[does.section.lists[1].name] == "rude ones"
    assert not Path(path).exists()


def test_a_file_that_is_none_is_a_sentence_and_goes_too(does, uploaded):
    path = uploaded("x.json", b"{")
    assert 'role="alert"' in said(does, does.read(does.section.lists[0], path))
    assert not Path(path).exists()


def test_a_path_that_was_never_uploaded_is_left_alone(does, tmp_path, uploaded):
    uploaded("y.txt", b"")
    own = tmp_path / "own.txt"
    own.write_text("a text")
    does.read(does.section.lists[0], str(own))
    assert own.read_text() == "a text"


def test_what_was_saved_is_opened_again_with_its_texts(does, asked_and_ordered, uploaded, tmp_path):
    contrast_bundle.save(asked_and_ordered, does.engine.model, tmp_path / "kept.zip")
    path = uploaded("kept.zip", (tmp_path / "kept.zip").read_bytes())
    updates = does.open(path)
    assert updates[does.section.lists[0].texts] == "\n".join(ASKED)
    assert updates[does.section.contrast].texts == asked_and_ordered.texts


def test_no_path_of_this_machine_is_in_what_is_said_of_a_bad_file(does, uploaded):
    path = uploaded("kept.zip", b"nothing")
    words = said(does, does.open(path))
    assert "kept.zip" in words.lower()
    assert str(Path(path).parent) not in words


def test_play_and_back(does, asked_and_ordered):
    assert "no contrast yet" in said(does, does.play(None)).lower()
    section, before = does.section, does.engine.outline
    turned = does.play(asked_and_ordered)[section.turned]
    assert turned == does.engine.maps_id
    assert does.engine.contrast == ("asked", "ordered")
    shown = contrast_handlers.playing(section, does.engine)
    assert "asked against ordered" in shown[section.playing]
    assert shown[section.back]["interactive"] is True
    assert does.back()[section.turned] == does.engine.maps_id != turned
    assert does.engine.contrast is None
    assert does.engine.outline.inlp_point == before.inlp_point
    shown = contrast_handlers.playing(section, does.engine)
    assert shown[section.playing] == ""
    assert shown[section.back]["interactive"] is False


def test_what_is_refused_turns_nothing(does, asked_and_ordered):
    foreign = replace(asked_and_ordered.directions, model="another")
    maps_id = does.engine.maps_id
    updates = does.play(replace(asked_and_ordered, directions=foreign))
    assert "fitted on another" in said(does, updates)
    assert does.section.turned not in updates
    assert does.engine.maps_id == maps_id
    assert does.engine.contrast is None


def test_a_file_that_unpacks_to_more_than_any_contrast_is_refused(does, uploaded, monkeypatch):
    monkeypatch.setattr(contrast_handlers, "LARGEST_OPENED", 10_000)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("directions.safetensors", bytes(20_000))
    assert len(content.getvalue()) < 1_000
    words = said(does, does.open(uploaded("bomb.zip", content.getvalue())))
    assert "which no directions have" in words


def test_the_example_is_one_that_can_be_fitted(does):
    updates = does.example()
    first, second = does.section.lists
    lists = contrast_handlers._lists(
        (updates[first.texts], updates[second.texts]), (updates[first.name], updates[second.name])
    )
    assert lists.size == 20
    assert not lists.notes
