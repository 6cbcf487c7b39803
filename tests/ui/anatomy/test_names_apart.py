import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from steering.ui.anatomy.names_apart import Name, apart, lead

SIZE, HEIGHT = 16.0, 400.0
NAMES = st.lists(
    st.builds(
        Name,
        st.sampled_from(["Flip", "Ablation", "yours, Portuguese"]),
        st.tuples(st.floats(0, 480), st.floats(-50, 450)),
        st.just(9.0),
        st.booleans(),
    ),
    max_size=11,
)


def span(name: Name) -> tuple[float, float]:
    wide = 0.65 * SIZE * len(name.words)
    return (name.x - wide, name.x) if name.at_left else (name.x, name.x + wide)


@given(NAMES)
def test_no_name_covers_another_and_none_leaves_the_figure(names):
    bases = apart(names, SIZE, HEIGHT)
    assert all(0 < base < HEIGHT for base in bases)
    for (one, y), (other, other_y) in combinations(zip(names, bases, strict=True), 2):
        (left, right), (start, end) = span(one), span(other)
        if left < end and start < right:
            assert abs(y - other_y) >= SIZE


def test_a_name_that_stands_free_stays_beside_its_mark_and_the_first_one_always():
    one, far = Name("Flip", (100, 200), 9, at_left=False), Name("Flip", (400, 200), 9, at_left=True)
    same = Name("Ablation", (104, 203), 9, at_left=False)
    assert apart([one, far], SIZE, HEIGHT) == [204.0, 204.0]
    first, second = apart([one, same], SIZE, HEIGHT)
    assert first == 204.0
    assert second > first


def test_a_name_at_the_other_side_of_its_mark_is_in_the_way_where_it_reaches():
    left = Name("yours, Portuguese", (300, 100), 9, at_left=True)
    right = Name("Ablation", (200, 100), 9, at_left=False)
    assert len(set(apart([left, right], SIZE, HEIGHT))) == 2


def test_at_the_lower_edge_names_give_way_upwards():
    names = [Name("Flip", (100, 396), 9, at_left=False)] * 4
    bases = apart(names, SIZE, HEIGHT)
    assert len(set(bases)) == 4
    assert max(bases) < HEIGHT


def test_only_a_name_that_moved_is_led_to():
    name = Name("Flip", (100, 200), 9, at_left=True)
    assert not lead(name, 204, SIZE)
    found = lead(name, 240, SIZE)
    assert re.search(r'd="M100 200L94 236', str(found)), found
    assert apart([], SIZE, HEIGHT) == []
