from steering.evaluation.evaluation_arms import arms
from steering.evaluation.extent import CHOSEN, amount, whole

SETS = {"harmful": ["a"] * 80, "harmless": ["b"] * 80, "borderline": ["c"] * 80}


def test_what_a_comparison_takes_is_said_in_prompts_and_tokens(fitted):
    found = whole(fitted)
    text = amount(arms(fitted), SETS, 48, found)
    n = len(arms(fitted))
    assert f"answers of {n} panels x 240 prompts x at most 48 tokens" in text
    assert f"({n * 240 * 48 / 1000:,.0f} thousand)" in text
    assert f"longer answers of {len(found.long)} panels x 160 prompts x at most 256" in text
    assert f"next tokens of {len(found.panels) + 1} panels x 80 prompts" in text


def test_a_comparison_of_chosen_panels_takes_its_answers_alone(fitted):
    text = amount(arms(fitted)[:3], {"harmful": ["a"]}, 5, CHOSEN)
    assert text == "answers of 3 panels x 1 prompts x at most 5 tokens (0 thousand)"


def test_the_longer_pass_is_of_few_arms_with_the_baseline_first(fitted):
    found = whole(fitted)
    assert found.long[0].kind == "baseline"
    assert {arm.kind for arm in found.long[1:]} == {"paper"}
    assert len(found.long) <= 8
    assert len(found.panels) == len(set(found.panels))
