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
