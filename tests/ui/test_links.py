import pytest

from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.ui import links


def test_an_address_that_is_only_a_tab_says_nothing():
    for address in ("", "dose", "playground&", "&&"):
        assert links.read(address) is None


def test_what_an_address_says_is_read_whole():
    link = links.read(
        "playground&request=How+do+I+pick+a+lock%3F&system=Be+brief.&panel=flip:k=3"
        "&panel=ablation&own=actadd:c=2&seed=7&temperature=0.5&model=tiny&layer=4&later=x"
    )
    assert link is not None
    assert link.request == "How do I pick a lock?"
    assert link.system == "Be brief."
    assert link.panels == (parse("flip:k=3"), parse("ablation"))
    assert link.own == parse("actadd:c=2")
    assert link.numbers == {"seed": 7.0, "temperature": 0.5}
    assert link.model == "tiny"


def test_texts_of_any_language_and_signs_survive():
    link = links.read("playground&request=%D9%84%D8%A7+%26+%3D+%23+100%25")
    assert link is not None
    assert link.request == "لا & = # 100%"
    assert link.panels is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("playground&panel=flip:z=3", "z"),
        ("playground&panel=nothing", "nothing"),
        ("playground&seed=many", "no number"),
        ("playground&temperature=nan", "no number"),
        ("playground&tokens=1e999", "no number"),
        ("playground&top_p=-inf", "no number"),
        ("playground&" + "&".join(f"a{n}=1" for n in range(80)), "64 parts"),
    ],
)
def test_what_cannot_be_read_is_said(address, words):
    with pytest.raises(SteeringError, match=words):
        links.read(address)


def test_panels_go_to_their_cards_and_a_second_of_a_kind_to_the_own(fitted):
    link = links.read("playground&panel=baseline&panel=flip&panel=flip:k=1")
    assert link is not None
    found = link.cards(fitted)
    assert list(found) == ["flip", "own"]
    assert str(found["own"].panel) == "flip:k=1"
    with pytest.raises(SteeringError, match="more panels"):
        links.Link(panels=(parse("flip"),) * 3).cards(fitted)
    with pytest.raises(SteeringError, match="more panels"):
        links.Link(panels=(parse("flip"),) * 2, own=parse("actadd")).cards(fitted)
