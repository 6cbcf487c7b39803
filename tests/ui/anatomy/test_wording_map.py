import re
from itertools import pairwise

from steering.ui.anatomy.wording_map import WordedMark, figure
from tests.helpers.wordings import made

_LABEL = re.compile(r'<text x="([\d.-]+)" y="([\d.-]+)" text-anchor="(\w+)">([^<]+)</text>')


def test_every_wording_has_a_line_and_a_dot_each_request():
    document = made(5)
    shown = figure(document, document["map"], "a map")
    assert shown.count('class="arrow"') == shown.count('class="points"') == 10
    assert shown.count('class="name"') == 10
    assert shown.rindex('class="arrow"') < shown.index('class="name"')  # no line over a name
    for sets in re.findall(r'class="dots \w+" d="([^"]+)"', shown):
        assert sets.count("h0") == 5
    assert 'aria-label="a map"' in shown


def test_harmful_is_the_end_of_a_line():
    document = made(5)
    shown = figure(document, document["map"], "a map")
    for start, end in re.findall(r'<path d="M([\d.]+) [\d.]+L([\d.]+) ', shown):
        assert float(end) < float(start)


def test_no_name_is_written_over_another():
    document = made(3)
    for row in document["wordings"]:
        row["points"] = document["wordings"][0]["points"]
    places = [
        (float(x), float(y))
        for x, y, _, _ in _LABEL.findall(figure(document, document["map"], "a map"))
    ]
    assert len(set(places)) == 10
    heights = sorted(y for _, y in places)
    assert min(b - a for a, b in pairwise(heights)) >= 12.9


def test_marks_outside_stand_at_the_edge_and_their_names_are_escaped():
    document = made()
    marks = [WordedMark("<b>", 9.0, (1e9, -1e9)), WordedMark("no map", 0.0)]
    shown = figure(document, document["map"], "a map", marks)
    assert shown.count('class="mine"') == 1
    assert "yours, &lt;b&gt;" in shown
    assert "translate(464.0 384.0)" in shown


def test_the_names_of_marks_and_wordings_keep_off_one_another():
    document = made(3)
    at = tuple(document["wordings"][0]["points"]["harmful"][0][1:3])
    marks = [WordedMark(name, 0.5, at) for name in ("English", "German", "Hindi")]
    shown = figure(document, document["map"], "a map", marks)
    mine = sorted(map(float, re.findall(r'class="mine-name" x="[\d.]+" y="([\d.]+)"', shown)))
    assert len(mine) == 3
    assert min(b - a for a, b in pairwise(mine)) >= 18
