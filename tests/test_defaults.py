import ast
from pathlib import Path

from steering import defaults
from steering.evaluation.evaluation import EvaluationSettings
from steering.evaluation.evaluation_arms import arms


def test_nothing_is_imported_so_that_help_comes_at_once():
    tree = ast.parse(Path(defaults.__file__).read_text("utf-8"))
    imported = [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(each) for each in imported] == ["from typing import Final"]


def test_a_whole_comparison_has_these_settings_and_a_prompt_is_answered_at_once(fitted):
    assert (EvaluationSettings().tokens, EvaluationSettings().rows_per_batch) == (
        defaults.TOKENS,
        defaults.ROWS,
    )
    assert len(arms(fitted)) <= defaults.ROWS
