"""Runs are counted by address, and by no name that a visitor could make up."""

import threading
from types import SimpleNamespace

import pytest

from steering.serving import allowance
from steering.serving.allowance import Allowance, TooOftenError


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def taken(allowed, visitor):
    count = 0
    while True:
        try:
            allowed.take(visitor)
        except TooOftenError as error:
            return count, error
        count += 1


def test_a_bucket_empties_and_fills_up_at_the_rate(clock):
    allowed = Allowance(6, clock=clock)
    count, error = taken(allowed, "ann")
    assert (count, error.seconds) == (6, 10)
    assert str(error) == (
        "6 runs a minute are what one address may begin here; try again in 10 seconds"
    )
    clock.now += 9.5
    assert taken(allowed, "ann")[1].seconds == 1
    clock.now += 0.5
    assert taken(allowed, "ann")[0] == 1
    clock.now += 25
    assert taken(allowed, "ann")[0] == 2
    clock.now += 3600
    assert taken(allowed, "ann")[0] == 6, "a pause buys no more than a full bucket"


def test_visitors_do_not_take_from_each_other(clock):
    allowed = Allowance(3, clock=clock)
    assert [taken(allowed, name)[0] for name in ("ann", "bob", "ann")] == [3, 3, 0]


def test_nothing_is_counted_unless_it_is_asked_for(clock):
    allowed = Allowance(clock=clock)
    for _ in range(1000):
        allowed.take("ann")
    assert not allowed._buckets


def test_many_threads_get_as_many_as_one(clock):
    allowed, counts = Allowance(40, clock=clock), []
    threads = [
        threading.Thread(target=lambda: counts.append(taken(allowed, "ann")[0])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 40


def test_whoever_is_full_again_is_forgotten(clock, monkeypatch):
    monkeypatch.setattr(allowance, "_MOST_KNOWN", 50)
    allowed = Allowance(5, clock=clock)
    for number in range(50):
        allowed.take(f"old {number}")
    clock.now += 30
    allowed.take("ann")
    assert len(allowed._buckets) == 51, "buckets that are not full say something"
    clock.now += 31
    allowed.take("bob")
    assert set(allowed._buckets) == {"ann", "bob"}


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "visitor"),
    [
        (0, "192.0.2.1", "", "192.0.2.1"),
        (0, "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (1, "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        (1, "192.0.2.1", "forged, 198.51.100.7", "198.51.100.7"),
        (2, "192.0.2.1", "forged, 198.51.100.7, 203.0.113.5", "198.51.100.7"),
        (2, "192.0.2.1", "forged", "192.0.2.1"),
        (1, "192.0.2.1", "", "192.0.2.1"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (1, "::1", "2001:db8:1:2:9::1", "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "", "", ""),
    ],
)
def test_only_what_known_proxies_have_added_is_believed(proxies, peer, forwarded, visitor):
    assert Allowance(1, proxies).visitor(peer, forwarded) == visitor


def test_a_program_has_two_requests_at_once_and_places_come_back(clock):
    allowed = Allowance(10, clock=clock)
    with allowed.program("ann"), allowed.program("ann"):
        with pytest.raises(TooOftenError, match="2 requests of this address are under way"):
            allowed.program("ann").__enter__()
        with allowed.program("bob"):
            pass
    with allowed.program("ann"):
        pass
    assert not allowed._running
    free = Allowance(clock=clock)
    with free.program("ann"), free.program("ann"), free.program("ann"):
        assert free._running == {"ann": 3}


def test_who_asks_is_read_from_gradio_s_request_and_from_starlette_s():
    trusting = Allowance(1, proxies=1)
    client, headers = SimpleNamespace(host="192.0.2.1"), {"x-forwarded-for": "198.51.100.7"}
    request = SimpleNamespace(client=client, headers=headers)
    assert trusting.visitor_of(request) == "198.51.100.7"
    assert Allowance(1).visitor_of(request) == "192.0.2.1"
    assert trusting.visitor_of(SimpleNamespace(client=None, headers={})) == ""
    assert trusting.visitor_of(SimpleNamespace(session_hash="a")) == ""
