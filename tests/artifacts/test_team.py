import pytest

from steering.artifacts import team
from steering.artifacts.resumable import Stages


class Somebody:
    """Leads and follows, and notes what it is asked."""

    def __init__(self):
        self.heard, self.stages = [], []

    def lines(self, stage, what):
        self.stages.append(stage)
        self.heard.append(("lines", stage.split()[1]))
        return {"a": {"is": "a"}} if callable(what) else iter([("a", {"is": "a"})])

    def end(self, stage, found):
        self.heard.append(("end", dict(found)))

    def show(self, stage, path):
        self.heard.append(("show", path.name))

    def tensors(self, stage):
        raise AssertionError("a file is there")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))


def never(_key):
    raise AssertionError("it was found here")


def test_a_leader_finds_nothing_itself_keeps_it_and_tells_the_others(tmp_path):
    leader = Somebody()
    with team.led(leader):
        assert Stages(["s"]).lines("words", ["a"], never) == [{"is": "a"}]
    assert leader.heard == [("lines", "words"), ("end", {"a": {"is": "a"}})]
    assert Stages(["s"]).lines("words", ["a"], never) == [{"is": "a"}]  # from disk


def test_a_follower_takes_what_the_leader_has_and_keeps_no_lines(tmp_path):
    with team.followed(Somebody()):
        assert Stages(["s"]).lines("words", ["a", "a"], never) == [{"is": "a"}] * 2
    assert not list(tmp_path.glob("cache/precompute/*/*.jsonl"))


def test_a_stage_that_is_asked_for_other_keys_is_another_one_and_for_the_same_keys_is_not():
    somebody = Somebody()
    with team.followed(somebody):
        for keys in (["a"], ["a", "a"], ["a"]):
            Stages(["s"]).lines("words", keys, never)
    first, other, again = somebody.stages
    assert first == again != other


def test_nobody_leads_or_follows_apart_from_the_others():
    with team.led(Somebody()), team.followed(Somebody()):
        with team.apart():
            assert team.leading() is team.following() is None
        assert team.leading() is not None
        assert team.following() is not None


def test_only_a_follower_ends_where_its_part_is_done_and_writes_nowhere(tmp_path):
    team.part_done()
    with team.led(Somebody()):
        team.part_done()
        assert team.place(tmp_path / "table.csv") == tmp_path / "table.csv"
    with team.followed(Somebody()):
        other = team.place(tmp_path / "table.csv")
        with pytest.raises(team.PartDoneError):
            team.part_done()
        other.write_text("nobody reads this")
    assert other.name == "table.csv"
    assert other.parent != tmp_path
    assert not other.parent.exists()
