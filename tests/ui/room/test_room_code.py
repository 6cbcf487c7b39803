import re

import pytest

from steering.errors import SteeringError
from steering.ui.room.room_code import code

segno = pytest.importorskip("segno")
LINK = "http://host:7860/?room=birch-owl-123"


def test_the_code_is_drawn_module_by_module_within_a_white_margin():
    svg = code(LINK)
    rows = segno.make(LINK, error="m", micro=False).matrix
    size = len(rows) + 8
    assert f'viewBox="0 0 {size} {size}"' in svg
    assert f'<rect width="{size}" height="{size}" fill="#fff"/>' in svg
    drawn = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg)}
    dark = {(x + 4, y + 4) for y, row in enumerate(rows) for x, d in enumerate(row) if d}
    assert drawn == dark
    assert code(LINK + "4") != svg


def test_what_a_browser_sends_is_drawn_and_never_written():
    assert "onerror" not in code("<img src=x onerror=alert(1)>")


@pytest.mark.parametrize("length", [0, 301])
def test_a_link_of_no_length_or_too_great_a_length_is_told(length):
    with pytest.raises(SteeringError, match=f"a link of {length} signs"):
        code("x" * length)
    assert code("x" * 300)
