"""Runs that a visitor has saved, as JSON or as a page that holds it: read, and checked."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any, Final, cast

from steering.artifacts.run_document import RUN_KIND, RUN_SCHEMA, ConditionsEntry
from steering.artifacts.saved_answers import answer_of
from steering.chat_templates.turns import Exchange
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.interventions.panel import Panel, parse

_LARGEST: Final = 64 * 2**20
"""Bytes that are read at most (chosen): a run of six cards and 4,096 tokens each has about 1 MB."""
_EMBEDDED: Final = re.compile('<template id="run">(.*?)</template>', re.DOTALL)
"""Where the page of a run holds its data, escaped like all that stands in it."""


@dataclass(frozen=True)
class SavedTurn:
    """A request and the answer of a panel.

    Attributes:
        request: What was asked.
        panel: What was done to the model, with every default filled in as it was then.
        sampling: How the answer was drawn.
        text: The answer, without its thinking.
        token_ids: The whole answer; empty where only its text was kept.
        begun: How many of these were given, not written by this panel.
        ended: Whether it ended by itself.
        answer: All that was measured of it, with the panel's text form as it was shown.
    """

    request: str
    panel: Panel
    sampling: Sampling
    text: str
    token_ids: tuple[int, ...]
    begun: int
    ended: bool
    answer: Answer

    @property
    def turn(self) -> Exchange:
        """What a later request has before it."""
        return Exchange(self.request, self.text)


@dataclass(frozen=True)
class SavedRun:
    """A run.

    Attributes:
        model: Name of the model.
        version: Of the program that wrote it.
        recorded: Whether it was shown from a recording.
        system: System prompt; empty leaves the template's own.
        conditions: What else decides what is written, as far as it is known.
        titles: Of the cards, in words.
        turns: Of each card, first to last.
        written: When it had ended, as ISO 8601 has it; empty where it is not known.
    """

    model: str
    version: str
    recorded: bool
    system: str
    conditions: ConditionsEntry
    titles: tuple[str, ...]
    turns: tuple[tuple[SavedTurn, ...], ...]
    written: str = ""


def read(path: Path) -> SavedRun:
    """Read a run from the JSON that the page saves, or from the page that it saves.

    Raises:
        SteeringError: If the file cannot be read, or is no such run; it names what is wrong.
    """
    return parsed(_text(path), str(path))


def parsed(text: str, name: str) -> SavedRun:
    """Return the run that a text holds.

    Args:
        text: Of the JSON, or of the page, that the playground saves.
        name: What a mistake calls it.

    Raises:
        SteeringError: If it is no such run; it names what is wrong.
    """
    document = _json(name, text)
    if not isinstance(document, Mapping) or document.get("kind") != RUN_KIND:
        raise SteeringError(
            f"{name} is no saved run; give a file that the playground has saved, under Settings, "
            "as a page or as data"
        )
    if document.get("schema") != RUN_SCHEMA:
        raise SteeringError(
            f"{name} has schema {repr(document.get('schema'))[:40]}; this version reads "
            f"{RUN_SCHEMA}; take the version of the program that wrote it"
        )
    reader = _Reader(name)
    panels = reader.list_of(document, "panels", "the run")
    if not panels:
        raise SteeringError(f"{name} holds no panels; save the run again")
    return SavedRun(
        model=reader.text(document, "model", "the run"),
        version=reader.text(document, "version", "the run"),
        recorded=document.get("recorded") is True,
        system=reader.text(document, "system", "the run"),
        conditions=_conditions(document.get("conditions")),
        titles=tuple(reader.text(each, "title", f"panel {n}") for n, each in enumerate(panels, 1)),
        turns=tuple(reader.turns(each, f"panel {n}") for n, each in enumerate(panels, 1)),
        written=_moment(document.get("ended")),
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise SteeringError(
                f"{path} has {path.stat().st_size:,} bytes; a saved run has at most {_LARGEST:,}; "
                "give a file that the playground has saved"
            )
        return path.read_text("utf-8")
    except OSError as error:
        raise SteeringError(
            f"{path} cannot be read ({error.strerror}); give a file that the playground has saved"
        ) from error
    except ValueError as error:  # not UTF-8, or a name that no file can have
        raise SteeringError(
            f"{path} is no text in UTF-8; give a file that the playground has saved"
        ) from error


def _json(name: str, text: str) -> Any:  # noqa: ANN401 - what a JSON file holds
    if text.lstrip("\ufeff \r\n\t").startswith("<"):
        embedded = _EMBEDDED.search(text)
        if embedded is None:
            raise SteeringError(
                f"{name} is a page without the data of a run; give one that the playground has "
                "saved"
            )
        text = unescape(embedded[1])
    try:
        return json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise SteeringError(
            f"{name} is damaged: it holds no JSON ({str(error)[:80]}); save the run again"
        ) from error


def _moment(found: object) -> str:
    """Return a moment as it was written, if it is one."""
    try:
        return datetime.fromisoformat(found).isoformat() if isinstance(found, str) else ""
    except ValueError:
        return ""


def _conditions(found: object) -> ConditionsEntry:
    """Return what is known; what is of another type than it should be is not."""
    if not isinstance(found, Mapping):
        return {}
    names = [*ConditionsEntry.__annotations__]
    names = [name for name in names if name not in ("weights", "threads", "versions")]
    kept: dict[str, Any] = {name: found[name] for name in names if isinstance(found.get(name), str)}
    weights = found.get("weights")
    if isinstance(weights, Mapping):
        kept["weights"] = {
            name: weights[name]
            for name in ("source", "sha256", "revision")
            if isinstance(weights.get(name), str)
        }
    return cast(ConditionsEntry, kept)


class _Reader:
    """Takes values of known types out of what a file holds."""

    def __init__(self, name: str) -> None:
        self.name = name

    def wrong(self, where: str, key: str, value: object, allowed: str) -> SteeringError:
        return SteeringError(
            f"{self.name}, {where}: {key} is {repr(value)[:60]}; it must be {allowed}; save the "
            "run again"
        )

    def text(self, found: object, key: str, where: str) -> str:
        value = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(value, str):
            raise self.wrong(where, key, value, "a text")
        return value

    def list_of(self, found: object, key: str, where: str) -> list[Any]:
        value = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(value, list):
            raise self.wrong(where, key, value, "a list")
        return value

    def turns(self, panel: object, where: str) -> tuple[SavedTurn, ...]:
        turns = self.list_of(panel, "turns", where)
        if not turns:
            raise SteeringError(f"{self.name}, {where}: it holds no answer; save the run again")
        return tuple(self.turn(each, f"{where}, turn {n}") for n, each in enumerate(turns, 1))

    def turn(self, found: object, where: str) -> SavedTurn:
        request, panel = self.text(found, "request", where), self.text(found, "resolved", where)
        assert isinstance(found, Mapping)
        answer = found.get("answer")
        text = self.text(answer, "text", where)
        tokens = self.list_of(answer, "token_ids", where)
        if not all(type(token) is int for token in tokens):
            raise self.wrong(where, "token_ids", tokens, "a list of whole numbers")
        assert isinstance(answer, Mapping)
        begun = answer.get("begun", 0)
        if type(begun) is not int or not 0 <= begun <= len(tokens):
            raise self.wrong(where, "begun", begun, f"a whole number from 0 to {len(tokens)}")
        form = self.text(found, "panel", where)
        try:
            read, shown = parse(panel), parse(form)
        except SteeringError as error:
            raise SteeringError(f"{self.name}, {where}: {error}") from error
        return SavedTurn(
            request=request,
            panel=read,
            sampling=self.sampling(found.get("sampling"), where),
            text=text,
            token_ids=tuple(tokens),
            begun=begun,
            ended=answer.get("ended") is True,
            answer=answer_of(
                answer,
                str(shown),
                text,
                tuple(tokens),
                begun,
                wrong=partial(self.wrong, where),
            ),
        )

    def sampling(self, found: object, where: str) -> Sampling:
        usual = vars(Sampling())
        given = dict(found) if isinstance(found, Mapping) else {}
        for name, value in given.items():
            allowed = (int, float) if isinstance(usual.get(name), float) else (int,)
            if name not in usual or type(value) not in allowed:
                raise self.wrong(
                    where, f"sampling.{name}", value, f"a number, of {', '.join(usual)}"
                )
        try:
            return Sampling(**given)
        except SteeringError as error:
            raise SteeringError(f"{self.name}, {where}: {error}") from error
