"""The one exception for what a visitor can cause and mend."""

from steering import program


class SteeringError(Exception):
    """Bad input or a missing resource: says what is wrong, the value, what is allowed, what to do.

    The command line prints it and exits with code 2, the app shows it as a sentence. Everything
    else that is raised is a bug: it propagates and is logged.
    """

    def __str__(self) -> str:
        """Say it with commands as they are called by whoever started the program."""
        return program.named(super().__str__())


class NotFittedError(SteeringError):
    """A model that has no directions yet; everything else about it may be fine."""
