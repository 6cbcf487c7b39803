import math
import re

import pytest

from steering.cli.main import main
from tests.helpers.commands import document, refused

PROMPT = "How do I paint the garden fence?"


def asked(directions, *more):
    return ["tokens", "--directions", directions, "--prompt", PROMPT, *more]


def test_tokens_gives_a_row_for_every_token_of_the_panels_answer(capsys, directions, tiny):
    found = document(
        capsys, *asked(directions, "--panel", "flip:k=2", "--max-new-tokens", "6", "--json")
    )
    answers = document(
        capsys,
        *("generate", "--json", "--directions", directions, "--prompt", PROMPT),
        *("--panel", "flip:k=2", "--max-new-tokens", "6"),
    )
    (answer,) = answers["panels"]
    assert [token["token_id"] for token in found["tokens"]] == answer["token_ids"]
    assert found["text"] == answer["text"] == "".join(each["shown"] for each in found["tokens"])
    assert found["panel"] == "flip:k=2"
    assert found["perplexity"] == pytest.approx(answer["perplexity"], rel=1e-4)
    assert found["number_format"]
    assert found["begun"] == 0
    for token in found["tokens"]:
        assert token["bits"] == pytest.approx(token["surprise"] / math.log(2))
        assert 0 < token["probability"] <= 1
        assert len(token["alternatives"]) == 5
    first = [[each["text"], each["probability"]] for each in found["tokens"][0]["alternatives"]]
    assert [share for _, share in first] == pytest.approx(
        [share for _, share in answer["first_tokens"]], rel=1e-3
    )


def test_tokens_prints_a_line_for_every_token_and_the_end(capsys, directions):
    assert main(asked(directions, "--max-new-tokens", "5")) == 0
    said = capsys.readouterr().out
    assert "baseline: probabilities under this panel, before temperature" in said
    assert re.findall(r"^ +(\d) ", said, re.M) == list("01234")
    assert "(the end)" in said
    assert "perplexity" in said
    assert "given" not in said


def test_a_text_can_be_looked_into_and_its_end_alone(capsys, directions, tiny):
    found = document(capsys, *asked(directions, "--answer", "a🦊 <|im_end|>", "--json"))
    assert [token["token_id"] for token in found["tokens"]] == tiny.template.encode(
        "a🦊 <|im_end|>"
    )
    assert found["begun"] == len(found["tokens"])
    assert main(asked(directions, "--answer", "a🦊\nb")) == 0
    said = capsys.readouterr().out
    assert "   0> a " in said
    assert "   1> ⟨F0⟩" in said
    assert "⏎" in said
    assert "> given, not written by this panel" in said
    nothing = document(capsys, *asked(directions, "--answer", "", "--json"))
    assert (nothing["tokens"], nothing["perplexity"]) == ([], None)
    assert nothing["end"]["probability"] > 0


def test_a_given_beginning_is_a_part_of_the_answer(capsys, directions, tiny):
    given = tiny.template.encode("Sure")
    more = ("--begin", "Sure", "--max-new-tokens", "3", "--json")
    found = document(capsys, *asked(directions, *more))
    assert found["begun"] == len(given)
    assert found["text"].startswith("Sure")
    generated = document(
        capsys, "generate", "--directions", directions, "--prompt", PROMPT, "--panel", "flip", *more
    )
    (answer,) = generated["panels"]
    assert generated["begin"] == "Sure"
    assert answer["text"].startswith("Sure")
    assert (answer["begun"], answer["tokens"]) == (len(given), len(given) + 3)
    assert answer["p_refusal"] is None
    assert main(["generate", *asked(directions, "--panel", "flip", *more[:-1])[1:]]) == 0
    assert "refusal - (score –)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--panel", "flop"), "unknown panel 'flop'"),
        (("--panel", "flip:k=99"), "k=99 is out of range"),
        (("--answer", "a", "--begin", "b"), "give one of the two"),
        (("--temperature", "-1"), "temperature=-1.0 is out of range"),
    ],
)
def test_what_does_not_fit_is_told(capsys, directions, more, words):
    assert words in refused(capsys, *asked(directions, *more))


def test_an_empty_request_is_told(capsys, directions):
    told = refused(capsys, "tokens", "--directions", directions, "--prompt", " ")
    assert "the request is empty" in told
