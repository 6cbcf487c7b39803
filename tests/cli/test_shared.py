from steering.cli import shared
from steering.system.progress import Step


def test_the_steps_of_a_download_are_stages_one_after_another(capsys):
    with shared.progress_bar() as report:
        report(Step("Downloading", 0, 5_000_000, "B"))
        report(Step("Downloading", 5_000_000, 5_000_000, "B"))
        report(Step("Waiting", 0, 0, "step"))
    said = capsys.readouterr().err.splitlines()
    # Where the log lies is said once a process, so only if no test before this one made it.
    lines = [line for line in said if not line.startswith("progress is kept in")]
    assert [line.split(" ", 1)[1] for line in lines] == [
        "Downloading: 0 MB of 5 MB",
        "Downloading: 5 MB of 5 MB, done after 0 s",
        "Waiting",
        "Waiting, done after 0 s",
    ]
