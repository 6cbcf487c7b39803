from steering.inference.generation import Column
from steering.inference.written import KeptText, Written, judged_tokens
from steering.verdicts.judgement import NOT_FINISHED, OVERFLOWED


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
    assert (ended.verdict, cut.verdict) == ("answered", "refused")
    assert lost is OVERFLOWED


def test_what_is_kept_of_a_row_is_judged_as_the_row_is(tiny):
    written = Written(3)
    for column in columns(tiny.template.encode("I'm sorry, but")):
        written.add(column)
    kept = written.kept(tiny.template)
    assert [each.ended for each in kept] == [True, False, True]
    assert [each.judgement for each in kept] == written.judgements(tiny.template)
    assert KeptText("", ended=False, is_answered=False).judgement is NOT_FINISHED


def test_the_token_that_writes_a_character_is_found_by_its_place(tiny):
    text = "I'm sorry, but I can't assist with that."
    written = Written(1)
    written.tokens = [tiny.template.encode(text)]
    whole = tiny.template.split(written.tokens[0]).answer
    places = [written.token_at(tiny.template, 0, place) for place in range(len(whole))]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(written.tokens[0]) - 1)
    for character, place in enumerate(places):
        before, after = (
            len(tiny.template.split(written.tokens[0][:n]).answer) for n in (place, place + 1)
        )
        assert before <= character < after


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


def test_answers_that_were_kept_as_tokens_are_judged_by_their_length(tiny):
    tokens = list(tiny.template.encode("I'm sorry, but"))
    older = {"tokens": [tokens, []], "verdicts": ["complied", "empty"]}
    newer = {"tokens": [tokens, []], "overflowed": [False, True]}
    ended = judged_tokens(tiny.template, [older, newer], len(tokens) + 1)
    assert [each.verdict for each in ended] == ["answered", "empty", "answered", "not_judged"]
    assert ended[3] is OVERFLOWED
    cut = judged_tokens(tiny.template, [older], len(tokens))
    assert cut[0].verdict == "refused"


def test_a_row_may_begin_with_what_was_given(tiny):
    given, words = tiny.template.encode("I'm"), tiny.template.encode(" sorry, but")
    written = Written(3, given)
    for column in columns(words):
        written.add(column)
    assert written.tokens == [[*given, *words]] * 3
    assert given == tiny.template.encode("I'm")  # and no row shares its list
    assert written.replies(tiny.template)[0].answer == "I'm sorry, but"
