import pytest

from tests.helpers.commands import refused


@pytest.mark.parametrize("option", ["--harmful", "--harmless"])
def test_one_file_of_prompts_without_the_other_is_told(capsys, no_loading, tmp_path, option):
    told = refused(capsys, "precompute", option, str(tmp_path / "prompts.txt"))
    assert "give both --harmful and --harmless" in told
