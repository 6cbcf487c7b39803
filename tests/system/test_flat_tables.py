import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from steering.system.flat_tables import as_csv, flat

NAMES = st.text("abcxyz_", min_size=1, max_size=4)
LEAVES = st.integers() | st.text(max_size=3) | st.none()
NESTED = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    ),
    max_size=4,
)


def leaves(value) -> list:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for each in inner for leaf in leaves(each)]
    return [value]


@given(NESTED)
def test_every_leaf_has_a_column_whose_name_leads_to_it(entry):
    found = flat(entry)
    assert list(found.values()) == leaves(entry)
    for path, value in found.items():
        here = entry
        for step in path.split("."):
            here = here[int(step)] if isinstance(here, list) else here[step]
        assert here == value


def test_an_interval_has_a_column_for_each_end_and_what_is_beside_it_stands_below():
    change = {"estimate": -0.1, "low": -0.2, "high": 0.0, "n": 80, "p_value": 0.04}
    assert flat({"harmful": {"difference": change, "n": 80}}) == {
        "harmful.difference": -0.1,
        "harmful.difference_low": -0.2,
        "harmful.difference_high": 0.0,
        "harmful.difference_n": 80,
        "harmful.difference.p_value": 0.04,
        "harmful.n": 80,
    }


def test_columns_are_those_of_all_rows_in_order_and_what_a_row_lacks_is_empty():
    text = as_csv([{"a": 1, "c": 'x, "y"'}, {"a": 2, "b": 3}])
    assert text.splitlines()[0] == "a,c,b"
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"a": "1", "c": 'x, "y"', "b": ""},
        {"a": "2", "c": "", "b": "3"},
    ]
