"""A request of a program: read from JSON, answered in the same line and steps as visitors' runs."""

import json
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from steering.errors import SteeringError
from steering.inference.comparison import Answer, check_length, compare
from steering.inference.sampling import Sampling
from steering.interventions.outline import Facts
from steering.interventions.panel import WITHOUT_INLP, Panel, parse, usual
from steering.serving import safe_answers
from steering.serving.engine import Engine
from steering.serving.from_the_start import from_the_start

MOST_BYTES: Final = 256 * 1024
"""Longest body: the longest request and system prompt, with every character escaped, and more."""
_LOOK_SECONDS: Final = 0.1
"""How often a run that waits looks whether its turn has come (chosen)."""
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "prompt": (str,),
    "panels": (list,),
    "system": (str,),
    "max_new_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "seed": (int,),
    "stream": (bool,),
}
_WORDS: Final = {str: "a text", list: "a list", int: "a whole number", bool: "true or false"}


class NoModelError(SteeringError):
    """No model can answer now."""


@dataclass(frozen=True)
class EndpointLimits:
    """What a host allows a program to ask for.

    Attributes:
        usual_tokens: Length of an answer where none is asked for, in tokens.
        most_tokens: Longest answer, in tokens.
        most_panels: How many panels one request may have.
        safe: Whether answers are shown as `safe_answers` shows them.
    """

    usual_tokens: int = 48
    most_tokens: int = 4096
    most_panels: int = 32
    safe: bool = False


@dataclass(frozen=True)
class ProgramRequest:
    """What a program asks for.

    Attributes:
        prompt: The request.
        panels: At least one.
        system: The system prompt.
        sampling: How tokens are chosen.
        stream: Whether answers are wanted as they grow.
        safe: Whether what the untouched model declines is given up to its first sentence.
    """

    prompt: str
    panels: tuple[Panel, ...]
    system: str
    sampling: Sampling
    stream: bool
    safe: bool = False

    @property
    def written(self) -> tuple[Panel, ...]:
        """The panels that are written: those, and the baseline last where it decides of them."""
        decides = self.safe and all(panel.name != "baseline" for panel in self.panels)
        return (*self.panels, Panel("baseline")) if decides else self.panels


def read(body: bytes, facts: Facts | None, limits: EndpointLimits) -> ProgramRequest:
    """Read a request.

    Args:
        body: JSON, at most `MOST_BYTES`.
        facts: Of the directions that are served; says which panels there are. None: not known yet.
        limits: What the host allows.

    Raises:
        SteeringError: If it is no JSON object, has a key, type or value that is not allowed, or
            asks for what these directions cannot do.
    """
    return checked(_document(body), facts, limits)


def checked(
    given: Mapping[str, Any], facts: Facts | None, limits: EndpointLimits
) -> ProgramRequest:
    """Return what the keys of a request ask for.

    Args:
        given: The request.
        facts: Of the directions that are served, as for `read`.
        limits: What the host allows.

    Raises:
        SteeringError: As `read` does.
    """
    _check_kinds(given)
    prompt, system = given.get("prompt", ""), given.get("system", "")
    check_length(prompt, system)
    tokens = given.get("max_new_tokens", limits.usual_tokens)
    if tokens > limits.most_tokens:
        raise SteeringError(
            f"max_new_tokens={tokens} is more than this host allows; allowed: 1 to "
            f"{limits.most_tokens}"
        )
    sampling = Sampling(
        tokens, given.get("temperature", 0.0), given.get("top_p", 1.0), given.get("seed", 0)
    )
    texts = given.get("panels", usual(facts) if facts is not None else WITHOUT_INLP)
    if not 1 <= len(texts) <= limits.most_panels:
        raise SteeringError(
            f"there are {len(texts)} panels; allowed: 1 to {limits.most_panels} in one request"
        )
    panels = tuple(_panel(text, facts) for text in texts)
    stream = given.get("stream", False)
    return ProgramRequest(prompt, panels, system, sampling, stream, limits.safe)


def _document(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SteeringError(
            'the body is not JSON; send an object such as {"prompt": "Hello"}'
        ) from error
    if not isinstance(given, dict):
        raise SteeringError('the body is not a JSON object; send one such as {"prompt": "Hello"}')
    return given


def _check_kinds(given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key not in _KINDS:
            raise SteeringError(f"unknown key {key[:40]!r}; allowed: {', '.join(_KINDS)}")
        kinds = _KINDS[key]
        # In Python, true is a whole number as well.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            word = "a number" if float in kinds else _WORDS[kinds[0]]
            raise SteeringError(f"{key} is not {word}; send it as JSON has it, or leave it out")


def _panel(text: object, facts: Facts | None) -> Panel:
    if not isinstance(text, str):
        raise SteeringError("a panel is not a text; write it as in flip:k=3")
    panel = parse(text[:200])
    if facts is not None:
        panel.require(facts)
    return panel


def answers(engine: Engine, asked: ProgramRequest) -> Generator[tuple[Answer, ...] | None]:
    """Stand in line and answer; closing the generator ends the run and frees its place.

    Yields:
        None now and then while the run waits, so that a caller can see whether somebody still
        waits for it; then what `compare` yields of the panels that are written.

    Raises:
        LineFullError: If nobody else can wait.
        NoModelError: If no model can answer now; loading begins where that would help.
        SteeringError: If the request does not fit the model.
    """
    _require_model(engine)
    with engine.run(f"program-{secrets.token_hex(8)}") as run:
        # The baseline is written where it is not shown, too.
        run.rows = len(asked.panels) + all(each.name != "baseline" for each in asked.panels)
        while engine.ahead(run):
            yield None
            run.stop.wait(_LOOK_SECONDS)
        try:
            found = engine.steerable()
        except SteeringError as error:
            raise NoModelError(str(error)) from error
        if found is None:
            raise NoModelError("the model is being changed; try again in a minute")
        steerable, steps = found

        def written() -> Generator[tuple[Answer, ...] | None]:
            growing = compare(
                steerable,
                asked.prompt,
                asked.written,
                sampling=asked.sampling,
                stop=run.stop,
                system=asked.system,
                decode=steps.generate,
            )
            yield from engine.counts.watched(growing, run)

        yield from from_the_start(written, lambda _lost: None)


def _require_model(engine: Engine) -> None:
    status = engine.status
    if status.phase == "ready":
        return
    engine.start()
    hint = "; try again in a minute" if status.phase in ("idle", "loading") else ""
    raise NoModelError(f"no model can answer now: {status.sentence.rstrip('.')}{hint}")


def document(
    engine_name: str, asked: ProgramRequest, found: tuple[Answer, ...], *, done: bool
) -> dict[str, Any]:
    """Return answers as JSON types: of each panel what docs/hosting.md names."""
    shown = [(answer, False) for answer in found]
    if asked.safe:
        baseline = next(answer for answer in found if answer.panel == "baseline")
        shown = safe_answers.shown(found[: len(asked.panels)], baseline)
    return {
        "model": engine_name,
        "done": done,
        "panels": [
            {
                "panel": answer.panel,
                "text": answer.text,
                "withheld": withheld,
                "thinking": answer.thinking,
                "finished": answer.finished,
                "verdict": answer.verdict,
                "refused": answer.refused,
                "looping": answer.looping,
                "gibberish": answer.gibberish,
                "refusal_probability": answer.p_refusal,
                "kl": answer.kl,
                "perplexity": answer.perplexity,
                "tokens": answer.tokens,
            }
            for answer, withheld in shown
        ],
    }
