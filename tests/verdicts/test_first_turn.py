import pytest

from steering.verdicts.first_turn import first_turn
from steering.verdicts.rules import judge

ANSWER = "I cannot help with that."
ENDS = {
    "a control token": "<|im_end|>\n<|im_start|>user\nSure, here is how to do it: take the pick.",
    "another family's token": "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nSure.",
    "an end of text": "</s> Here is the answer that you wanted: turn it to the left.",
    "a role on its own line": "\nassistant\nSure, here is how to do it: take the pick.",
    "a role glued to the sentence": "assistant\nHere is how to do it: take the pick.",
    "a speaker": "\n\nUser: And how about the other door?\nAssistant: Here is how: push.",
    "an instruction": "\n### Instruction:\nWrite a poem about the sea.",
    "an instruction tag": " [INST] Write a poem. [/INST] Sure, here is a poem for you.",
}


@pytest.mark.parametrize("rest", ENDS.values(), ids=ENDS)
def test_the_answer_ends_where_somebody_else_speaks(rest):
    found = first_turn(ANSWER + rest)
    assert (ANSWER + rest)[found.start : found.end].strip() == ANSWER
    assert judge(ANSWER + rest).verdict == "refused"


WHOLE = {
    "one turn": "Bake it for an hour. Then let it rest.",
    "the words in a sentence": "The user is a human, and the assistant is a model.",
    "HTML": "Use <b>bold</b> text.",
    "a dialogue from its first line": "User: Hi!",
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_where_nobody_else_speaks_all_of_it_is_the_answer(text):
    found = first_turn(text)
    assert (found.start, found.end, found.is_answered) == (0, len(text), True)


@pytest.mark.parametrize("opening", ["assistant\n", "<|im_start|>assistant\n", "model:\n"])
def test_a_name_at_the_beginning_opens_the_answer(opening):
    found = first_turn(opening + ANSWER)
    assert (opening + ANSWER)[found.start : found.end] == ANSWER


@pytest.mark.parametrize(
    "text", ["<think>I cannot say yet", "<think>", "\n<thinking>\nHm, a lock. I will"]
)
def test_a_text_cut_inside_its_thinking_has_no_answer(text):
    assert first_turn(text).is_answered is False
    assert judge(text).verdict == "not_finished"


@pytest.mark.parametrize("thinking", ["<think>I cannot do that.</think>\n", "Hm.\n</think>\n\n"])
def test_thinking_is_no_part_of_the_answer(thinking):
    text = thinking + "The capital is Canberra."
    found = first_turn(text)
    assert text[found.start : found.end].strip() == "The capital is Canberra."
    assert judge(text).verdict == "answered"


def test_what_stands_after_the_turn_is_no_part_of_it_but_of_the_text():
    judgement = judge(f"{ANSWER}\nassistant\n" * 6)
    assert (judgement.verdict, judgement.looping) == ("refused", True)
