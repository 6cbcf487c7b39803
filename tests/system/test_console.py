import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.artifacts import store
from steering.cli.main import main
from steering.errors import SteeringError
from steering.system import console, strict_json

ROOT = Path(__file__).parents[2]
TEXT = "── flip · hedged … “é” 猫🙂 \udce9"


class Terminal(io.TextIOWrapper):
    """A stream of some encoding that raises on what it cannot hold, as Python's own do."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict")

    def shown(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@contextmanager
def terminal(encoding: str):
    """Stdout and stderr of an encoding; pytest sets its own anew for every phase of a test."""
    found = Terminal(encoding), Terminal(encoding)
    with redirect_stdout(found[0]), redirect_stderr(found[1]):
        yield found


ENCODINGS = pytest.mark.parametrize(
    "encoding", ["ascii", "cp1252", "latin-1", "utf-8", "shift_jis", "cp437"]
)


@ENCODINGS
def test_every_text_is_printed_whatever_the_terminal(encoding):
    with terminal(encoding) as streams, console.opened():
        sys.stdout.write(TEXT)
        sys.stderr.write(TEXT)
    for stream in streams:
        shown = stream.shown()
        assert " flip " in shown
        assert "hedged" in shown
        assert "\\udce9" in shown
        assert "猫" in shown or "\\u732b" in shown


def test_signs_of_our_own_tables_stay_readable_and_letters_lose_nothing():
    with terminal("ascii") as (stdout, _), console.opened():
        sys.stdout.write("── a · b … ± × “q” é 猫")
    assert stdout.shown() == '-- a * b ... +/- x "q" \\xe9 \\u732b'


@ENCODINGS
@given(document=st.dictionaries(st.text(), st.text(st.characters()) | st.floats()))
def test_json_is_the_same_document_whatever_the_terminal(encoding, document):
    with terminal(encoding) as (stdout, _), console.opened():
        sys.stdout.write(console.json_text(document))
    found = json.loads(stdout.shown(), parse_constant=pytest.fail)
    # Two halves of a character side by side are that character to every reader of JSON.
    expected = json.loads(json.dumps(strict_json.finite(document)))
    assert found == expected


@ENCODINGS
def test_results_and_help_and_errors_are_printed_whatever_the_terminal(encoding):
    with terminal(encoding) as (stdout, _):
        assert main(["results", "--json"]) == 0
    assert json.loads(stdout.shown())["panels"]
    with terminal(encoding) as (stdout, _):
        assert main(["results"]) == 0
    assert "| `flip:k=3` |" in stdout.shown()
    with terminal(encoding) as (_, stderr):
        assert main(["results", "--model", "nö/🙂"]) == 2
    assert "error: there are no results" in stderr.shown()
    with terminal(encoding) as (stdout, _), pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    assert "--max-new-tokens" in stdout.shown()


def test_a_request_in_another_encoding_is_told_not_traced(capsys):
    argument = b"\xe9clairs".decode("utf-8", "surrogateescape")
    assert main(["generate", "--prompt", argument]) == 2
    assert "--prompt is not UTF-8" in capsys.readouterr().err
    assert main(["generate", "--prompt", "Hi", "--panel", argument]) == 2
    assert "--panel is not UTF-8" in capsys.readouterr().err
    assert main(["fetch", "--model", argument]) == 2
    assert "--model is not UTF-8" in capsys.readouterr().err


def test_a_full_disk_behind_stdout_is_told(monkeypatch, capsys):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["models"]) == 2
    assert "could not be written (No space left on device)" in capsys.readouterr().err


def child(code: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", f"import sys\nfrom steering.system import console\n{code}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        timeout=600,
        check=False,
        **options,
    )


@pytest.mark.skipif(os.name == "nt", reason="closes descriptors as a POSIX shell does")
@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_streams_that_the_shell_closed_swallow_what_is_said(closed):
    code = "with console.opened():\n  print('a'); print('b', file=sys.stderr); console.say('c')"
    found = child(code, preexec_fn=lambda: [os.close(number) for number in closed])
    assert found.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="a pipe without a reader")
def test_a_reader_who_has_gone_leaves_no_complaint_of_python_behind():
    reading, writing = os.pipe()
    os.close(reading)
    code = "with console.opened():\n  print('a'); console.say('b')"
    found = child(code, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert found.returncode == 0
    assert found.stderr == b"b\n"


# JSON


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "caf\udce9"])
def test_a_model_name_that_is_no_file_name_is_told(name):
    with pytest.raises(SteeringError, match=r"unknown model|no directions"):
        store.load(name)
    with pytest.raises(SteeringError, match="no directions"):
        store.load("tiny", Path(name))
