import pytest

from steering.cluster.board import Board

GROUPS = [["a", "b"], ["c"], ["d"], ["e"]]


def test_a_follower_waits_until_the_stage_is_open_and_then_has_whole_groups():
    board = Board(2)
    assert board.claim(0, "s").keys == ()
    board.open("s", GROUPS)
    assert board.claim(0, "s").keys == ("a", "b")
    assert board.claim(1, "s").keys == ("c",)


def test_what_was_brought_comes_once_and_a_whole_stage_is_everybodys():
    board = Board(1)
    board.open("s", GROUPS)
    board.give("s", "a", {"is": 1})
    board.give("s", "a", {"is": 2})
    assert board.take() == [("a", {"is": 1})]
    assert board.take() == []
    board.end("s", {"a": {"is": 1}})
    assert board.claim(0, "s").found == {"a": {"is": 1}}


def test_what_somebody_held_who_is_gone_is_handed_out_first_without_what_was_brought():
    board = Board(2)
    board.open("s", GROUPS)
    board.claim(0, "s")
    board.give("s", "a", {})
    board.free(0)
    assert board.claim(1, "s").keys == ("b",)
    board.free(0)  # holds nothing any more
    assert board.claim(0, "s").keys == ("c",)


def test_few_groups_are_left_for_the_end_so_that_nobody_waits_for_one():
    board = Board(2)
    board.open("s", [[str(number)] for number in range(16)])
    sizes = []
    while keys := board.claim(0, "s").keys:
        sizes.append(len(keys))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 4
    assert sizes[-1] == 1
    assert sum(sizes) == 16


@pytest.mark.parametrize("ask", [Board.claim, Board.tensors])
def test_whoever_waits_for_another_stage_than_the_open_one_is_astray(ask):
    board = Board(2)
    ask(board, 0, "other")
    assert board.astray() is None  # nothing is open, and it may be the next one
    board.claim(1, "s")
    board.open("s", GROUPS)  # what the second one waited for
    assert board.astray() == "other"
    board.claim(0, "s")
    assert board.astray() is None
    ask(board, 0, "other")
    board.free(0)
    assert board.astray() is None


def test_what_comes_late_of_an_old_stage_is_no_part_of_the_open_one():
    board = Board(1)
    board.open("s", GROUPS)
    board.end("s", {})
    board.open("t", GROUPS)
    board.give("s", "a", {"is": "old"})
    board.give("t", "a", {"is": "new"})
    assert board.take() == [("a", {"is": "new"})]


def test_tensors_are_there_when_they_were_shown():
    board = Board(1)
    assert board.tensors(0, "s") is None
    board.show("s", b"file")
    board.open("t", GROUPS)
    assert board.astray() is None  # it is not waiting any more, though it has not looked yet
    assert board.tensors(0, "s") == b"file"
