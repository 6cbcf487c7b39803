import pytest

from steering.system.generators import retold, returned


def work(steps: int):
    yield from range(steps)
    return f"{steps} done"


@pytest.mark.parametrize("steps", [0, 3])
def test_what_is_found_comes_back_and_every_step_is_heard(steps):
    heard: list[int] = []
    assert returned(work(steps), heard.append) == f"{steps} done" == returned(work(steps))
    assert heard == [*range(steps)]


def test_steps_are_told_in_other_words_as_they_come():
    asked: list[int] = []

    def tell(step: int) -> str:
        asked.append(step)
        return f"step {step}"

    told = retold(work(2), tell)
    assert (next(told), asked) == ("step 0", [0])
    heard: list[str] = []
    assert returned(told, heard.append) == "2 done"
    assert heard == ["step 1"]
