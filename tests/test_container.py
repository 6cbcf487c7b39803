"""The image without an engine for images: its start, as any user on a disk that is read-only."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
START = ROOT / "container" / "start.sh"
SEALED = """
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=1777 data {data}
{opened}
# All that can be written becomes read-only, but what a kernel keeps and the writable folder.
while read -r _ _ _ _ at _; do
    case "$at" in /proc*|/sys*|/dev*|{data}) continue;; esac
    mount -o remount,bind,ro "$at" 2>/dev/null || true
done < /proc/self/mountinfo
cd {root}
exec setpriv --reuid 12345 --regid 12345 --clear-groups sh -c 'exec "$@"' sh "$@"
"""
OPENED = """
mkdir {data}/python && mount --bind {python} {data}/python
mount -t tmpfs -o mode=755 opened {closed}
mkdir -p {python} && mount --bind {data}/python {python}
"""
"""For a Python that lies in a home which only its owner may enter."""
TRY = "import os, sys; sys.exit(any(os.access(each, os.W_OK) for each in sys.argv[1:]))"


def variables():
    """Return what ENV sets, last wins."""
    joined = DOCKERFILE.replace("\\\n", " ")
    lines = re.findall(r"^ENV (.+)$", joined, re.MULTILINE)
    return dict(each.split("=", 1) for line in lines for each in line.split())


@pytest.fixture
def data():
    folder = Path(tempfile.mkdtemp(prefix="steering-data-"))
    folder.chmod(0o755)  # folders of pytest are for its user alone
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def sealed(data):
    """Return a function that makes a command one of nobody known, who can write in one folder."""
    if not hasattr(os, "getuid") or os.getuid() or not shutil.which("unshare"):
        pytest.skip("only root can make a read-only view of the disk")
    python = Path(sys.base_prefix)
    closed = [each for each in python.parents if not each.stat().st_mode & 0o001]
    opened = OPENED.format(data=data, python=python, closed=closed[-1]) if closed else ""
    script = SEALED.format(data=data, root=ROOT, opened=opened)
    before = ["unshare", "--mount", "sh", "-c", script, "sh"]

    def command(*words):
        return [*before, *words]

    probe = command(sys.executable, "-c", TRY, str(ROOT), "/", "/tmp", str(Path.home()))
    done = subprocess.run(probe, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(
            f"this machine allows no such view, or hides its packages: {done.stderr[-300:]}"
        )
    return command


def moved(data):
    """Return the image's variables, with the writable folder in another place."""
    own = variables()
    own.pop("PATH")
    return {name: re.sub(r"^/data\b", str(data), value) for name, value in own.items()}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_it_starts_as_any_user_and_writes_in_its_folder_alone(sealed, data):
    port = free_port()
    environment = moved(data) | {"PATH": os.environ["PATH"], "STEERING_MODEL": "none"}
    environment |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    command = sealed("sh", str(START), sys.executable, "app.py")
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    opened = build_opener(ProxyHandler({})).open
    try:
        for _ in range(1200):
            assert process.poll() is None, process.stdout.read()
            try:
                page = opened(f"http://127.0.0.1:{port}/", timeout=60).read().decode()
                break
            except OSError:
                time.sleep(0.1)
        assert "Refusal Steering Playground" in page
        assert b'"ok"' in opened(f"http://127.0.0.1:{port}/health", timeout=60).read()
    finally:
        process.terminate()
        said = process.communicate(timeout=60)[0]
    assert process.returncode in (0, 130), said  # told to end, not killed
    assert "Traceback" not in said
    assert "Read-only" not in said


def started_as(user, group, data, *command):
    """Start the image's command as somebody, and return what came of it."""
    become = ["setpriv", "--reuid", str(user), "--regid", str(group), "--clear-groups"]
    environment = moved(data) | {"PATH": "/usr/bin:/bin"}
    script = START.read_text("utf-8")  # the checkout may be closed to others
    return subprocess.run(
        [*become, "sh", "-c", script, "sh", *command],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
    )


def test_a_volume_goes_from_one_user_of_a_group_to_another_and_says_so_to_others(data):
    if not hasattr(os, "getuid") or os.getuid() or not shutil.which("setpriv"):
        pytest.skip("only root can become somebody")
    data.chmod(0o1777)
    writes = 'mkdir -p "$STEERING_CACHE/a" && echo "$0" >> "$STEERING_CACHE/a/file"'
    for user in (12345, 34567):
        done = started_as(user, 0, data, "sh", "-c", writes, str(user))
        assert done.returncode == 0, done.stderr
    assert (data / "steering" / "a" / "file").read_text() == "12345\n34567\n"
    stranger = started_as(777, 777, data, "sh", "-c", writes)
    assert stranger.returncode == 1
    assert "user 777 of group 777 cannot write in" in stranger.stderr
    data.chmod(0o755)
    shutil.rmtree(data / "tmp")
    assert "cannot write in" in started_as(12345, 0, data, "true").stderr


def test_only_what_is_closed_to_others_is_opened(tmp_path):
    """A file whose mode is set, even to what it was, lies in the image a second time."""
    opens = re.search(r"find /srv/app /srv/weights .+? \{\} \+", DOCKERFILE)[0]
    modes = {"app/open.py": 0o644, "app/closed.py": 0o600, "app/half.sh": 0o750, "weights/w": 0o444}
    for name, mode in modes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "weights").chmod(0o700)
    before = {name: (tmp_path / name).stat() for name in modes}
    subprocess.run(["sh", "-c", opens.replace("/srv", str(tmp_path))], check=True)
    after = {name: (tmp_path / name).stat() for name in modes}
    now = {name: stat.S_IMODE(after[name].st_mode) for name in modes}
    assert now == {**modes, "app/closed.py": 0o644, "app/half.sh": 0o755}
    assert stat.S_IMODE((tmp_path / "weights").stat().st_mode) == 0o755
    touched = {name for name in modes if before[name].st_ctime_ns != after[name].st_ctime_ns}
    assert touched == {"app/closed.py", "app/half.sh"}


def test_baked_weights_lie_beside_those_that_are_fetched(data, tmp_path):
    baked, cache, hub = tmp_path / "weights", data / "steering", data / "huggingface"
    for name in ("models/one-abc", "models/two-def", "huggingface/hub/models--a--b"):
        (baked / name).mkdir(parents=True)
    (cache / "models" / "two-def").mkdir(parents=True)
    script = START.read_text("utf-8").replace("/srv/weights", str(baked))
    environment = {"TMPDIR": str(data / "tmp"), "STEERING_CACHE": str(cache), "HF_HOME": str(hub)}
    for _ in range(2):  # a volume is there again at the next start
        command = ["sh", "-c", script, "sh", "true"]
        subprocess.run(command, env=environment | {"PATH": "/usr/bin:/bin"}, check=True)
    linked = {each.relative_to(data).as_posix(): each for each in data.rglob("*-*")}
    assert {name: each.is_symlink() for name, each in linked.items()} == {
        "steering/models/one-abc": True,
        "steering/models/two-def": False,
        "huggingface/hub/models--a--b": True,
    }
    there = baked / "models" / "one-abc"
    assert linked["steering/models/one-abc"].resolve() == there.resolve()
    assert (data / "tmp").is_dir()


def test_every_folder_that_is_written_is_in_the_one_that_may_be():
    own = variables()
    folders = {name for name, value in own.items() if value.startswith("/") and name != "PATH"}
    assert folders == {
        "HOME",
        "TMPDIR",
        "GRADIO_TEMP_DIR",
        "HF_HOME",
        "STEERING_CACHE",
        "NUMBA_CACHE_DIR",
    }
    assert all(own[name].startswith("/data") for name in folders)
    assert "VOLUME /data" in DOCKERFILE


def test_the_image_has_two_targets_and_a_user_who_is_not_root():
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert stages == [
        ("python:3.12-slim", "base"),
        ("base", "cpu"),
        ("base", "cuda"),
        ("${TARGET}", "app"),
    ]
    (user,) = re.findall(r"^USER (\d+):0$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    assert os.access(START, os.X_OK)


def test_the_cpu_s_torch_is_that_of_the_requirements():
    (wanted,) = re.findall(r"sed -n '(.+?)' requirements.txt", DOCKERFILE)
    command = ["sed", "-n", wanted, "requirements.txt"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"torch>=[\d.]+,<=[\d.]+\n", found)
