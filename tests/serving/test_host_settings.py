"""What a host may say in the environment, and what cannot be meant."""

import json
import logging
import os

import pytest

from steering.errors import SteeringError
from steering.serving import host_settings
from steering.serving.replica_range import ReplicaRange

NAMES = (
    *("STEERING_PUBLIC", "STEERING_RATE", "STEERING_PROXIES", "STEERING_FRAMES", "STEERING_MCP"),
    *("STEERING_REPLICAS", "STEERING_ADDRESS"),
)


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in (*NAMES, "STEERING_LOG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "kept")


def test_at_home_nothing_is_counted_and_anybody_may_frame_the_page(monkeypatch):
    found = host_settings.allowance()
    assert (found.per_minute, found.proxies, host_settings.frames()) == (0, 0, "*")
    monkeypatch.setenv("STEERING_PUBLIC", "1")
    assert host_settings.is_public()
    assert host_settings.allowance().per_minute == 60
    assert host_settings.frames().startswith("'self' https://huggingface.co ")


def test_what_a_host_says_holds(monkeypatch):
    said = {"STEERING_PUBLIC": "1", "STEERING_RATE": "0", "STEERING_PROXIES": "2"}
    for name, value in (said | {"STEERING_FRAMES": "https://example.org"}).items():
        monkeypatch.setenv(name, value)
    found = host_settings.allowance()
    assert (found.per_minute, found.proxies) == (0, 2)
    assert host_settings.frames() == "https://example.org"


def test_where_visitors_are_counted_no_header_is_believed_unasked(monkeypatch):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS")
    host_settings.allowance()
    assert "FORWARDED_ALLOW_IPS" not in os.environ
    monkeypatch.setenv("STEERING_RATE", "5")
    host_settings.allowance()
    assert os.environ["FORWARDED_ALLOW_IPS"] == ""


@pytest.mark.parametrize("name", ["STEERING_RATE", "STEERING_PROXIES"])
@pytest.mark.parametrize("value", ["-1", "many", "1.5", "", "٣"])
def test_a_number_that_is_none_is_a_mistake_of_the_host(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SteeringError, match=f"{name}={value} is not a whole number from 0; leave"):
        host_settings.allowance()


@pytest.mark.parametrize("value", ["*; script-src *", "a, b", "a\nset-cookie: b", "é"])
def test_who_may_frame_it_cannot_end_the_policy(value, monkeypatch):
    monkeypatch.setenv("STEERING_FRAMES", value)
    with pytest.raises(SteeringError, match="cannot be sent to a browser"):
        host_settings.frames()


def test_a_tool_that_cannot_be_offered_says_what_to_install(monkeypatch):
    assert not host_settings.has_tool()
    monkeypatch.setenv("STEERING_MCP", "1")
    monkeypatch.setattr(host_settings, "find_spec", lambda _name: None)
    with pytest.raises(SteeringError, match=r"playground\[mcp\]"):
        host_settings.has_tool()
    monkeypatch.setattr(host_settings, "find_spec", lambda name: name == "mcp")
    assert host_settings.has_tool()


@pytest.fixture
def root(monkeypatch):
    """A root logger without handlers, as a process begins."""
    made = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging, "root", made)
    own = logging.getLogger("steering")
    level = own.level
    yield made
    own.setLevel(level)


def test_the_log_is_for_people_or_a_json_object_a_line(root, monkeypatch, capsys):
    monkeypatch.setenv("STEERING_LOG", "json")
    host_settings.start_log()
    (handler,) = root.handlers
    record = logging.makeLogRecord(
        {"name": "steering.x", "levelname": "INFO", "msg": "a\n%s", "args": ("b",)}
    )
    assert json.loads(handler.format(record))["message"] == "a\nb"
    root.handlers.clear()
    monkeypatch.setenv("STEERING_LOG", "debug")
    host_settings.start_log()
    assert root.handlers[0].format(record) == "INFO steering.x: a\nb"
    assert logging.getLogger("steering").level == logging.DEBUG
    monkeypatch.setenv("STEERING_LOG", "loud")
    with pytest.raises(SteeringError, match="STEERING_LOG=loud is unknown; allowed: info, debug"):
        host_settings.start_log()


def test_one_replica_without_a_cluster_is_this_process(monkeypatch):
    assert host_settings.replicas() is None
    monkeypatch.setenv("STEERING_REPLICAS", "1")
    assert host_settings.replicas() is None
    monkeypatch.setenv("STEERING_ADDRESS", "auto")
    assert host_settings.replicas() == (ReplicaRange(1, 1), "auto")
    monkeypatch.delenv("STEERING_ADDRESS")
    monkeypatch.setenv("STEERING_REPLICAS", "1-3")
    assert host_settings.replicas() == (ReplicaRange(1, 3), None)
