import pytest

from steering.chat_templates import fixed_date
from steering.chat_templates.rendering import Rendering
from tests.helpers import templates
from tests.helpers.templates import REQUEST, opened, plainly
from tests.helpers.tiny_models import CHATML


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (templates.DATED, "Today Date: 26 Jul 2024<|im_end|>\n"),
        (templates.DATED_IN_MACRO, "It is Friday, July 26, 2024.<|im_end|>\n"),
    ],
)
def test_a_template_that_writes_todays_date_writes_one_day_for_ever(source, written, monkeypatch):
    template = opened(source)
    assert template.date == "2024-07-26"
    assert template.rendering == Rendering("none", "2024-07-26")
    text = "".join(piece for piece, _ in template.reads(REQUEST))
    assert written in text
    # Its other words are what they are without us.
    today = template.tokenizer.decode(plainly(template.tokenizer, REQUEST))
    assert today != text
    assert today.partition("<|im_end|>\n")[2] == text.partition("<|im_end|>\n")[2]
    assert today.startswith(text[: text.index(written[:5]) + 5])


def test_on_the_fixed_day_it_writes_what_transformers_would(monkeypatch):
    from datetime import datetime

    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2024, 7, 26, 12)

    monkeypatch.setattr("transformers.utils.chat_template_utils.datetime", Then)
    for source in (templates.DATED, templates.DATED_IN_MACRO, "\n\n" + templates.DATED):
        template = opened(source)
        assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST)


def test_each_code_of_the_date_is_what_the_library_writes():
    from datetime import datetime

    for day in (fixed_date.FIXED, fixed_date._ANOTHER):
        noon = datetime(day.year, day.month, day.day, 12)
        for code, value in fixed_date._codes(day).items():
            assert value == noon.strftime(code), code


def test_a_template_without_a_date_is_left_as_it_is():
    template = opened(CHATML)
    assert template.source == CHATML
    assert template.date is None


def test_a_clock_that_the_template_asks_but_does_not_write_is_no_date():
    template = opened("{% set now = strftime_now('%Y') %}" + CHATML)
    assert template.date is None
    assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST)
