import zipfile

import pytest

from steering.artifacts.archives import SUMS, summed, unzipped, zipped
from steering.errors import SteeringError
from tests.helpers.archives import opened

MEMBERS = {"b.json": b"{}", "a.bin": bytes(range(256)) * 8}


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "found.zip"
    found.write_bytes(zipped(summed(MEMBERS)))
    return found


def test_what_is_packed_comes_back_with_its_sums(path):
    assert unzipped(path) == summed(MEMBERS)
    assert opened(path.read_bytes()) == summed(MEMBERS)
    assert summed(MEMBERS)[SUMS].decode().splitlines()[1].endswith("  b.json")


def test_the_same_members_are_the_same_bytes_in_any_order():
    assert zipped(summed(MEMBERS)) == zipped(summed(dict(reversed(MEMBERS.items()))))


@pytest.mark.parametrize("at", [100, 700, 2200, -30])
def test_a_changed_byte_is_found(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(SteeringError, match="mend it"):
        unzipped(path, remedy="mend it")


def test_a_file_that_was_cut_is_no_whole_archive(path):
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SteeringError, match="is no whole archive"):
        unzipped(path)
    path.write_bytes(b"hello")
    with pytest.raises(SteeringError, match="is no whole archive"):
        unzipped(path)


def test_members_that_were_exchanged_or_have_no_sums_are_told(tmp_path):
    path = tmp_path / "other.zip"
    path.write_bytes(zipped({**summed(MEMBERS), "b.json": b"[]"}))
    with pytest.raises(SteeringError, match="is damaged: what is in it is not what SHA256SUMS"):
        unzipped(path)
    path.write_bytes(zipped(MEMBERS))
    with pytest.raises(SteeringError, match="has no SHA256SUMS"):
        unzipped(path)


def test_what_would_unpack_to_more_than_there_is_room_for_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(20_000))
    with pytest.raises(SteeringError, match="which no directions have"):
        unzipped(path, largest=10_000)
    with pytest.raises(SteeringError, match="nothing in it can be checked"):
        unzipped(path, largest=30_000)
