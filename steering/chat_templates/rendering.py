"""How requests were rendered when something was fitted: thinking or not, and under which date.

What is fitted in one mode says nothing of the other: the template tokens that directions are read
at are not the same.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from typing_extensions import TypedDict

from steering.errors import SteeringError

Thinking = Literal["none", "off", "on"]
"""`none`: the template knows no thinking; `off`: it is closed before the answer begins."""
ASKED: Final = ("auto", "on", "off")
"""What can be asked for; `auto` is off where the template allows it."""


class RenderingEntry(TypedDict, total=False):
    """The form of a `Rendering` in a JSON document."""

    thinking: str
    date: str | None


@dataclass(frozen=True)
class Rendering:
    """The mode of a chat template.

    Attributes:
        thinking: `none`, `off` or `on`.
        date: The day that the template writes, as YYYY-MM-DD; None where it writes none.
    """

    thinking: Thinking = "none"
    date: str | None = None

    def __post_init__(self) -> None:
        """Refuse a mode that does not exist."""
        if self.thinking not in get_args(Thinking):
            raise ValueError(f"thinking is {self.thinking!r}; allowed: {get_args(Thinking)}")

    @classmethod
    def of(cls, document: Any) -> "Rendering":  # noqa: ANN401 - what a JSON file holds
        """Read it from a manifest; what was written before there were modes knows none."""
        return cls(document.get("thinking", "none"), document.get("date"))

    def as_dict(self) -> RenderingEntry:
        """Return the fields as JSON types."""
        return {"thinking": self.thinking, "date": self.date}

    def require(self, found: "Rendering", *, what: str, model: str) -> None:
        """Refuse a model that is rendered in another mode than this one.

        Args:
            found: How the model's requests are rendered.
            what: What was fitted, for the sentence.
            model: Name of the model.

        Raises:
            SteeringError: Names both modes.
        """
        if (self.thinking == "on") != (found.thinking == "on"):
            fitted, now = ("on", "off") if self.thinking == "on" else ("off", "on")
            raise SteeringError(
                f"{what} were fitted with thinking {fitted}, and {model} is loaded with thinking "
                f"{now}; the two read other template tokens: load it with thinking {fitted}, or "
                f"make others with `python -m steering precompute --model {model} --thinking {now} "
                "--out FOLDER`"
            )
        if None not in (self.date, found.date) and self.date != found.date:
            raise SteeringError(
                f"{what} were fitted on requests dated {self.date}, and the chat template of "
                f"{model} is dated {found.date} here; make them again with `python -m steering "
                f"precompute --model {model}`"
            )


PLAIN: Final = Rendering()
"""Of a template that knows neither thinking nor dates."""
