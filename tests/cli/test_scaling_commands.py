import json
from pathlib import Path

import pytest

from steering.artifacts import store
from steering.cli.main import main
from steering.scaling.costs import MACHINES, Costs
from tests.helpers.commands import document, refused

FAST = Costs(((5, 0.01), (50, 0.02)), read=0.1, measure=0.1, place=0.1, between=0.1, room=50)


def test_the_table_is_the_documents_and_the_same_for_the_same_seed(capsys):
    found = document(capsys, "scaling", "--json", "--visitors", "10", "--visitors", "100")
    assert [row["visitors"] for row in found["rows"]] == [10, 100]
    assert document(capsys, "scaling", "--json", "--visitors", "10")["rows"] == found["rows"][:1]
    assert main(["scaling", "--visitors", "100"]) == 0
    replicas = found["rows"][1]["replicas"]
    assert f"| 100 | {replicas} | " in capsys.readouterr().out


def test_costs_of_another_machine_come_from_a_file(capsys, tmp_path):
    file = tmp_path / "costs.json"
    file.write_text(json.dumps(vars(FAST)))
    asked = ("scaling", "--json", "--visitors", "100", "--costs", str(file), "--price", "2")
    (row,) = document(capsys, *asked)["rows"]
    assert row["visitors_a_replica"] > 1
    assert row["dollars_an_hour"] == 2 * row["replicas"]
    file.write_text("{}")
    assert "the costs cannot be read" in refused(capsys, *asked)
    assert "--visitors 0 is no number" in refused(capsys, "scaling", "--visitors", "0")
    for option in ("--goal", "--price"):
        for wrong in ("-1", "nan", "inf", "much"):
            with pytest.raises(SystemExit):
                main(["scaling", f"{option}={wrong}"])
            assert f"{wrong} is no amount; allowed: numbers from 0" in capsys.readouterr().err


@pytest.mark.parametrize("machine", MACHINES)
def test_the_documentation_has_the_table_that_the_command_writes(capsys, machine):
    assert main(["scaling", "--machine", machine]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 1")]
    assert len(rows) == 5
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")
    assert "\n".join(rows) in page


def test_costs_of_this_machine_are_measured_and_serve_the_table(
    capsys, tmp_path, directions, charted
):
    file = tmp_path / "here.json"
    store.write_maps(Path(directions), charted)
    asked = ("scaling", "--directions", directions, "--visitors", "10", "--json")
    trial = ("--measure", str(file), "--trial", "2", "--seconds", "0.5")
    found = document(capsys, *asked, *trial)
    assert found["trial"]["runs"] >= 2
    costs = json.loads(file.read_text())
    assert costs["place"] > 0  # the maps are there, and were asked
    assert found["machine"] == costs["title"]
    again = document(capsys, *asked, "--costs", str(file))
    assert again["rows"] == found["rows"]
    assert again["rows"][0]["dollars_an_hour"] is None  # nobody has said what it costs


def test_where_costs_are_written_is_looked_at_before_anything_is_loaded(capsys, tmp_path):
    nowhere = str(tmp_path / "none" / "here.json")
    assert "there is no folder" in refused(capsys, "scaling", "--measure", nowhere)
    both = ("--measure", str(tmp_path / "a.json"), "--costs", str(tmp_path / "b.json"))
    assert "give one of them" in refused(capsys, "scaling", *both)
