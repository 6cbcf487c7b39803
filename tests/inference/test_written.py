from steering.inference.generation import Column
from steering.inference.written import Written
from steering.verdicts.rules import OVERFLOWED


def columns(words):
    for token in words:
        yield Column((token, token, token), None, (False,) * 3, (False,) * 3)
    yield Column((None, None, None), None, (True, False, True), (False, False, True))


def test_a_row_grows_until_its_end_and_is_judged_by_how_it_ended(tiny):
    words = tiny.template.encode("I'm sorry, but")
    written = Written(3)
    for column in columns(words):
        written.add(column)
    assert written.tokens == [list(words)] * 3
    assert [reply.answer for reply in written.replies(tiny.template)] == ["I'm sorry, but"] * 3
    ended, cut, lost = written.judgements(tiny.template)
    assert (ended.verdict, cut.verdict) == ("complied", "refused")
    assert lost is OVERFLOWED


def test_nothing_is_written_before_the_first_column(tiny):
    written = Written(2)
    assert written.tokens == [[], []]
    assert {each.verdict for each in written.judgements(tiny.template)} == {"empty"}


def test_answers_of_another_batch_take_their_place():
    whole, part = Written(3), Written(2)
    part.add(Column((5, 6), None, (False, True), (False, True)))
    whole.take([2, 0], part)
    assert whole.tokens == [[6], [], [5]]
    assert list(whole.ended) == [True, False, False]
    assert list(whole.overflowed) == [True, False, False]
