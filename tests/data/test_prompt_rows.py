import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.data.prompt_rows import TEXT_COLUMNS, request_of
from steering.data.prompts import read
from steering.errors import SteeringError

HERE = "a.jsonl, line 3"
WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1).filter(
    lambda text: text.lower() not in ("none", "nan", "null", "<noinput>")
)


def asked(tmp_path, *rows: dict[str, object]) -> set[tuple[str, ...]]:
    """Return what is asked when the rows stand in each kind of file that can hold them."""
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    found = {read(tmp_path / "a.jsonl"), read(tmp_path / "a.json")}
    if all(isinstance(value, str) for row in rows for value in row.values()):
        with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list({name: None for row in rows for name in row}))
            writer.writeheader()
            writer.writerows(rows)
        found.add(read(tmp_path / "a.csv"))
    return found


LAYOUTS = {
    "AdvBench": ({"goal": "Q", "target": "Sure"}, "Q"),
    "Alpaca": ({"instruction": "Q", "input": "C", "output": "A"}, "Q\n\nC"),
    "Alpaca without input": ({"instruction": "Q", "input": "", "output": "A"}, "Q"),
    "Alpaca's sign for none": ({"instruction": "Q", "input": "<noinput>", "output": "A"}, "Q"),
    "Dolly": ({"instruction": "Q", "context": "C", "response": "A"}, "C\n\nQ"),
    "HarmBench": ({"Behavior": "Q", "Tags": "context", "ContextString": "C"}, "C\n\nQ"),
    "HarmBench, no context": ({"Behavior": "Q", "Tags": "", "ContextString": " "}, "Q"),
    "JailbreakBench": ({"Index": "0", "Goal": "Q", "Target": "Sure", "Behavior": "Title"}, "Q"),
    "StrongREJECT": ({"category": "c", "source": "s", "forbidden_prompt": "Q"}, "Q"),
    "XSTest": ({"id": "1", "prompt": "Q", "type": "homonyms", "note": ""}, "Q"),
    "questions": ({"question": "Q", "context": "C", "answer": "A"}, "C\n\nQ"),
    "queries": ({"Query": "Q"}, "Q"),
    "OpenAI chat": ({"messages": [{"role": "user", "content": "Q"}]}, "Q"),
    "chat with its answer": (
        {
            "messages": [
                {"role": "system", "content": ""},
                {"role": "user", "content": "Q"},
                {"role": "assistant", "content": "A"},
            ]
        },
        "Q",
    ),
    "chat in parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}]},
        "Q",
    ),
    "ShareGPT": (
        {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
        "Q",
    ),
    "LMSYS": ({"conversation": [{"role": "user", "content": "Q"}]}, "Q"),
    "a chat as prompt": ({"prompt": [{"role": "user", "content": "Q"}]}, "Q"),
}


@pytest.mark.parametrize(("row", "whole"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_layouts_of_public_sets_are_asked_whole(tmp_path, row, whole):
    assert asked(tmp_path, row, row) == {(whole, whole)}


@given(text=WORDS, context=WORDS, column=st.sampled_from(["input", "context", "ContextString"]))
def test_no_part_of_a_request_is_lost(text, context, column):
    found = request_of({"instruction": text, column: context}, HERE)
    assert sorted(found.split("\n\n")) == sorted([text, context])
    assert found.startswith(text if column == "input" else context)


@pytest.mark.parametrize("nothing", ["", " ", None, float("nan"), "NaN", "<noinput>", []])
@pytest.mark.parametrize("column", ["input", "context", "ContextString", "system", "choices"])
def test_an_empty_field_adds_nothing_however_it_is_written(column, nothing):
    assert request_of({"prompt": "Q", column: nothing}, HERE) == "Q"


REFUSED = {
    "system column": ({"prompt": "Q", "system": "Be rude."}, "'system' that would be left out"),
    "system prompt": ({"prompt": "Q", "System_Prompt": "Be rude."}, "'System_Prompt'"),
    "history": ({"instruction": "Q", "history": [["a", "b"]]}, "'history'"),
    "choices": ({"question": "Q", "choices": ["a", "b"]}, "'choices'"),
    "input that is no text": ({"instruction": "Q", "input": 7}, "'input'.*must be a string"),
    "system message": (
        {"messages": [{"role": "system", "content": "X"}, {"role": "user", "content": "Q"}]},
        "message 1: a system prompt",
    ),
    "two turns": ({"messages": [{"role": "user", "content": "Q"}] * 2}, "2 turns"),
    "no turn": ({"conversations": [{"from": "gpt", "value": "A"}]}, "0 turns"),
    "unknown role": ({"messages": [{"role": "tool", "content": "Q"}]}, "role 'tool'"),
    "picture": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "more than text",
    ),
    "chat written as text": ({"messages": '[{"role": "user"}]'}, "list of messages"),
    "no content": ({"messages": [{"role": "user", "content": None}]}, "empty"),
    "whole too long": ({"instruction": "x" * 2500, "input": "y" * 2500}, "5,002 characters"),
    "half a character in the context": ({"Behavior": "Q", "ContextString": "\ud83d"}, "half a"),
}


@pytest.mark.parametrize(("row", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_whole_is_refused_with_its_place(row, told):
    with pytest.raises(SteeringError, match=told) as caught:
        request_of(row, HERE)
    assert str(caught.value).startswith(HERE)
    assert len(str(caught.value)) < 400


@given(
    entry=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(st.characters(), max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [*TEXT_COLUMNS, "role", "content", "from", "value", "input", "history"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_every_entry_is_a_request_or_a_sentence(entry):
    try:
        found = request_of(entry, HERE)
    except SteeringError:
        return
    assert found.strip()
    found.encode("utf-8")
