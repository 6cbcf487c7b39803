import pytest

from steering.interventions.panel import Panel
from steering.ui.dose import dose_text
from tests.helpers.doses import row


@pytest.mark.parametrize(
    ("first_word", "answered", "hardly"),
    [(0.06, 0.1, True), (0.6, 0.1, True), (0.1, 0.6, True), (0.6, 0.6, False), (0.2, None, False)],
)
def test_a_model_that_hardly_refuses_is_said_to(first_word, answered, hardly, fitted):
    untouched = row(Panel("baseline"), fitted, label="baseline", rate=first_word)
    untouched["harmful_refused"] = answered
    if answered is None:
        untouched["n_answered"] = None
    said = dose_text.sentences([untouched])
    assert dose_text.hardly_refuses([untouched]) is hardly
    assert bool(said["hardly"]) is hardly
    assert "n = 32" in said["measured"]
    assert ("judged" in said["measured"]) is (answered is not None)


@pytest.mark.parametrize(
    ("reached", "words"),
    [(0.9, "which induces refusal: 90 % at c = 2"), (0.1, "Not even activation addition")],
)
def test_what_pushing_towards_refusal_does_is_said_as_it_was_measured(reached, words, fitted):
    rows = [
        row(Panel("baseline"), fitted, rate=0.05),
        row(Panel("actadd", c=1.0), fitted, rate=0.05),
        row(Panel("actadd", c=2.0), fitted, rate=reached),
        row(Panel("actadd", c=-1.0), fitted, rate=1.0),
    ]
    assert words in dose_text.sentences(rows)["hardly"]


def test_without_a_baseline_nothing_is_claimed(fitted):
    assert not dose_text.hardly_refuses([row(Panel("flip"), fitted, rate=0.0)])
    assert dose_text.sentences([row(Panel("flip"), fitted)])["hardly"] == ""


def test_a_model_without_doses_names_the_command():
    assert "python -m steering sweep --model tiny" in dose_text.missing("tiny")
