import os
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from steering.errors import SteeringError
from steering.serving import address

ROOT = Path(__file__).resolve().parents[2]
HUB = "https://huggingface.co/some/model"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
SERVE = """
from steering.serving import address
name = address.prepare()
import gradio as gr
with gr.Blocks() as demo: gr.HTML("here")
address.check_address(name)
demo.launch(server_name=name, prevent_thread_lock=True, quiet=True, ssr_mode=False)
print(demo.local_url)
"""


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """Nothing of the machine that runs the tests."""
    names = (*PROXIES, "no_proxy", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield
    for name in names:  # what `bypass` has added
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


def goes_through(url):
    """Return the proxy that httpx, and so Gradio, would take; None for a straight way."""
    client = httpx.Client()
    transport = client._transport_for_url(httpx.URL(url))
    straight = transport is client._transport or not hasattr(transport._pool, "_proxy_url")
    found = None if straight else transport._pool._proxy_url
    client.close()
    return found


@pytest.mark.parametrize("name", [*PROXIES, *(each.upper() for each in PROXIES)])
def test_the_app_s_own_addresses_need_no_proxy_and_all_others_keep_theirs(name, monkeypatch):
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "192.168.7.7")
    url = HUB if "https" in name.lower() or "all" in name.lower() else HUB.replace("https", "http")
    own = [f"http://{host}:7860/" for host in ("localhost", "127.0.0.1", "[::1]", "192.168.7.7")]
    if "https" not in name.lower():
        assert all(goes_through(each) for each in own)
    address.bypass()
    assert not any(goes_through(each) for each in own)
    assert goes_through(url)


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_whom_the_visitor_has_excepted_stays_excepted(name, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv(name, "intranet.example, .corp.example")
    address.bypass()
    for each in ("no_proxy", "NO_PROXY"):
        assert os.environ[each].startswith("intranet.example,.corp.example,localhost,")
    once = dict(os.environ)
    address.bypass()
    assert dict(os.environ) == once


def test_a_star_that_excepts_all_is_left_alone(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")
    address.bypass()
    assert os.environ["no_proxy"] == "*"


def test_without_a_proxy_nothing_is_changed():
    before = dict(os.environ)
    address.bypass()
    assert dict(os.environ) == before


def test_a_proxy_of_the_system_s_settings_is_kept_for_what_is_fetched(monkeypatch):
    system = {"https": "http://proxy.example:3128", "ftp": "http://proxy.example:3128"}
    monkeypatch.setattr(urllib.request, "getproxies", lambda: system)
    address.bypass()
    assert os.environ["https_proxy"] == "http://proxy.example:3128"
    assert "ftp_proxy" not in os.environ
    assert goes_through(HUB)
    assert not goes_through("https://127.0.0.1/")


@pytest.mark.parametrize("name", ["GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"])
@pytest.mark.parametrize("value", ["x", "", "0", "70000", "-1", "7860.5", "9" * 5000, "٧"])
def test_a_port_that_is_none_is_named_before_gradio_reads_it(name, value, monkeypatch):
    if value == "٧":
        value = "٧٧٧٧٧"
    monkeypatch.setenv(name, value)
    with pytest.raises(SteeringError, match=f"{name}=.* is not a whole number from 1 to 65535"):
        address.prepare()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks9://127.0.0.1:1"),
        ("https_proxy", "nonsense://proxy"),
        ("HTTP_PROXY", "http://proxy:port"),
        ("SSL_CERT_FILE", "/there/is/none.pem"),
    ],
)
def test_network_settings_that_cannot_be_used_are_a_sentence(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SteeringError, match=rf"cannot be used \(.*{name}.*correct them"):
        address.prepare()


def test_a_password_in_a_proxy_is_not_repeated(monkeypatch):
    monkeypatch.setenv("https_proxy", "nonsense://me:hunter2@proxy")
    with pytest.raises(SteeringError) as caught:
        address.prepare()
    assert "hunter2" not in str(caught.value)


def test_ipv6_is_handed_to_launch_in_brackets(monkeypatch):
    for given in ("::1", "[::1]"):
        monkeypatch.setenv("GRADIO_SERVER_NAME", given)
        assert address.prepare() == "[::1]"
        assert "GRADIO_SERVER_NAME" not in os.environ
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert address.prepare() is None
    assert os.environ["GRADIO_SERVER_NAME"] == "0.0.0.0"


def test_a_port_that_is_taken_or_free_is_known(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(taken.getsockname()[1]))
        with pytest.raises(SteeringError, match=r"port \d+ is in use .* choose another"):
            address.check_address()
    address.check_address()
    monkeypatch.delenv("GRADIO_SERVER_PORT")
    address.check_address()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 70, "2001:db8::1"])
def test_an_address_of_another_machine_is_a_sentence(host, monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", host)
    with pytest.raises(SteeringError, match=f"GRADIO_SERVER_NAME={host} is no address of this"):
        address.check_address()


class Refusing(BaseHTTPRequestHandler):
    """A proxy that forbids everything, and counts."""

    asked = 0

    def refuse(self):
        type(self).asked += 1
        self.send_error(403)

    do_GET = do_HEAD = do_CONNECT = do_POST = refuse

    def log_message(self, *_arguments):
        pass


@contextmanager
def refusing_proxy():
    Refusing.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def start(*words, script=None, **environment):
    command = [sys.executable, *(["-c", script] if script else []), *words]
    known = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", **environment}
    return subprocess.run(
        command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_app_starts_between_a_dead_proxy_and_one_that_forbids_everything():
    with refusing_proxy() as forbidding:
        dead = "http://127.0.0.1:9"
        found = start(script=SERVE, http_proxy=dead, HTTPS_PROXY=dead, ALL_PROXY=forbidding)
        assert found.returncode == 0, found.stderr
        assert found.stdout.startswith("http://127.0.0.1:")
        assert Refusing.asked == 0


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["app.py"], "GRADIO_SERVER_PORT", "seven"),
        (["-m", "steering", "serve"], "ALL_PROXY", "socks9://127.0.0.1:1"),
    ],
)
def test_app_and_command_end_with_a_sentence_and_no_traceback(words, name, value):
    found = start(*words, **{name: value})
    assert found.returncode in (1, 2)
    assert found.stderr.startswith("error: ")
    assert name in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stderr.count("\n") == 1
