"""SIGTERM ends a process as Ctrl-C does: with its clean-up, even where it is the first of all."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from steering.system.stopping import end_at_sigterm

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import time
import signal, threading
from steering.system import stopping

def work():
    try:
        print("there", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("cleaned up", flush=True)
"""
PLAIN = "stopping.block(work)"
"""Nothing else takes the signal."""
TAKEN = """
import ctypes
begun = threading.Event()

def begin():
    ctypes.CDLL(None).signal(signal.SIGTERM, 0)  # behind Python's back, as Ray does
    begun.set()

threading.Timer(0.2, begin).start()
stopping.block(work, begun)
"""
FIRST = ("unshare", "--pid", "--fork", "--kill-child")


def is_allowed(command: tuple[str, ...]) -> bool:
    if not command:
        return True
    if not shutil.which(command[0]):
        return False
    return subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("within", [(), FIRST], ids=["a process", "the first of a container"])
@pytest.mark.parametrize("code", [PLAIN, TAKEN], ids=["plain", "taken"])
def test_a_process_that_is_told_to_end_cleans_up(code, within):
    if not is_allowed(within):
        pytest.skip("no namespace of processes can be made here")
    process = subprocess.Popen(
        [*within, sys.executable, "-c", CODE + code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "there\n"
        told = process.pid
        if within:  # the first process of the namespace, as this one sees it
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            told = int(children.split()[0])
        os.kill(told, signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert said == "cleaned up\n"
    assert process.returncode == 0


AT_WORK = """
import atexit, sys, threading, time
import torch
from steering.system import stopping

def work():
    numbers = torch.randn(300, 300)
    while True:
        numbers = (numbers @ numbers).clamp(-1, 1)

for _ in range(int(sys.argv[1])):
    threading.Thread(target=work, daemon=True).start()
atexit.register(print, "registered")
time.sleep(1)
print("said", end=" ")
stopping.leave(3)
"""


@pytest.mark.parametrize("threads", [0, 3])
def test_threads_at_work_in_torch_do_not_abort_a_process_that_ends(threads):
    command = [sys.executable, "-c", AT_WORK, str(threads)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "said registered\n"), done.stderr


@pytest.mark.parametrize("more", ["", "sys.stdout = None; "])
def test_whoever_does_not_listen_any_more_changes_no_exit_status(more):
    code = (
        "import sys, threading, time; from steering.system import stopping\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        f"sys.stdin.read(); print('words'); {more}stopping.leave(4)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": ""},  # the words are still to be written at the end
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.close()
    assert process.wait(60) == 4


def test_another_thread_than_the_main_one_changes_nothing():
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=end_at_sigterm)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == before


def test_while_nothing_has_begun_a_signal_ends_the_wait():
    code = (
        "import threading; from steering.system import stopping\n"
        "threading.Timer(1, lambda: print('there', flush=True)).start()\n"
        "stopping.block(lambda: print('worked'), threading.Event()); print('over', flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "there\n"
    process.terminate()
    said, _ = process.communicate(timeout=600)
    assert (said, process.returncode) == ("over\n", 0)
