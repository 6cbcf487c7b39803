"""`python -m steering COMMAND ...`: the command line, which `steering.cli.main` holds."""

import sys

from steering.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
