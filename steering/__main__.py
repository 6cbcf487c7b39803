"""`python -m steering COMMAND ...`: the command line, which `steering.cli.main` holds."""

from typing import NoReturn

from steering.cli.main import main
from steering.system import stopping


def run() -> NoReturn:
    """Run the command that the process was given, and end with its exit status."""
    stopping.leave(main())


if __name__ == "__main__":
    run()
