from hypothesis import given
from hypothesis import strategies as st

from steering.fitting.point_keys import key_of, point_of


@given(st.integers(-99, -1), st.integers(0, 200))
def test_a_point_comes_back_from_its_key(position, layer):
    assert point_of(key_of((position, layer))) == (position, layer)
