import pytest

from steering.serving.room_shares import ADDRESS_SHARE, PROXY_SHARE, shares


@pytest.mark.parametrize("forwarded", ["", " , ", "1.2.3.4", "9.9.9.9, 1.2.3.4"])
def test_an_address_that_the_server_knows_has_its_share(forwarded):
    assert shares("1.2.3.4", forwarded) == {"1.2.3.4": ADDRESS_SHARE}


def test_behind_another_proxy_each_visitor_has_a_share_and_all_have_one_together():
    first, second = (shares("10.0.0.1", f"forged, 1.2.3.{n}") for n in (4, 5))
    assert first["10.0.0.1"] == second["10.0.0.1"] == PROXY_SHARE
    (own,) = set(first) - set(second)
    assert first[own] == ADDRESS_SHARE
    # What a visitor has written in front of what the proxy adds changes nothing.
    assert shares("10.0.0.1", "other, 1.2.3.4") == first
    assert PROXY_SHARE > ADDRESS_SHARE


def test_behind_proxies_that_the_host_has_counted_a_visitor_is_who_runs_are_counted_for():
    # Two proxies: the second has added the first's address behind the visitor's.
    one, other = (shares("10.0.0.1", f"forged, 1.2.3.{n}, 10.0.0.2", 2) for n in (4, 5))
    assert one == {"1.2.3.4": ADDRESS_SHARE}
    assert set(one).isdisjoint(other)


@pytest.mark.parametrize("forwarded", ["", "2001:db8::1"])
def test_addresses_that_one_visitor_has_beside_each_other_are_one(forwarded):
    first, second = (
        shares("2001:db8::1" if not forwarded else "10.0.0.1", forwarded),
        shares("2001:db8::2" if not forwarded else "10.0.0.1", forwarded.replace("::1", "::2")),
    )
    assert first == second
