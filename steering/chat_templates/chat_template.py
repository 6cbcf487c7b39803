"""A request in its chat template, as token ids: the one module where requests are rendered.

The template is foreign code that came with the model. Here it is asked in one mode (thinking, date;
see `rendering`), what a visitor wrote stays text (see `control_tokens`), and an error of its own
becomes a sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from jinja2 import TemplateError, TemplateSyntaxError

from steering.chat_templates import fixed_date
from steering.chat_templates.control_tokens import ControlTokens
from steering.chat_templates.readable_tokens import answer_texts, readable_token
from steering.chat_templates.rendering import Rendering
from steering.chat_templates.thinking import PROBE, Mode, Reply, find_mode, split_thinking
from steering.chat_templates.token_texts import token_texts
from steering.chat_templates.turns import Exchange, messages_of
from steering.errors import SteeringError

_RAISED: Final = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the expressions of a template can raise; it is not code of this project."""

_ENDINGS: Final = ("a", "Describe a cat.", "why?", "x = 1", "7", "猫", "end\n\nz")
"""Requests with endings of many kinds, so that no shared token of their own is counted."""


@dataclass(frozen=True, eq=False)
class ChatTemplate:
    """The chat template of one model in one mode.

    Attributes:
        name: The model's, for sentences.
        tokenizer: A transformers tokenizer.
        source: The template, on its fixed day if it writes one.
        mode: What is done about thinking.
        date: The day it writes, as YYYY-MM-DD; None where it writes none.
        system: System prompt of every request that brings none; blank leaves the template's own.
    """

    name: str
    tokenizer: Any
    source: str
    mode: Mode
    date: str | None
    system: str = ""

    @property
    def rendering(self) -> Rendering:
        """What is stored with everything that is fitted or measured."""
        return Rendering(self.mode.thinking, self.date)

    @cached_property
    def controls(self) -> ControlTokens:
        """The control tokens of the tokenizer."""
        return ControlTokens(self.tokenizer, self.source)

    @cached_property
    def suffix(self) -> tuple[str, ...]:
        """What comes after the visitor's text, token by token: the common end of many requests.

        Raises:
            SteeringError: If it is nothing, or everything.
        """
        rendered = [self.ids(text) for text in _ENDINGS]
        length = 0
        while len({row[-length - 1] for row in rendered if len(row) > length}) == 1:
            length += 1
        if not 1 <= length < min(map(len, rendered)):
            raise SteeringError(
                f"the chat template of {self.name} appends {length} tokens after the user's text; "
                "at least one is needed, since the directions are read there; choose another model"
            )
        return tuple(self.decode([token]) for token in rendered[0][-length:])

    def ids(self, prompt: str, system: str = "", turns: Sequence[Exchange] = ()) -> list[int]:
        """Return the token ids of a request, up to where the answer begins.

        Args:
            prompt: The request.
            system: A system prompt; blank leaves that of all requests, or the template's own.
            turns: What was said before; control tokens that a model wrote stay text as well.

        Raises:
            SteeringError: If the template refuses them.
        """
        system = system if system.strip() else self.system
        said = [text for turn in turns for text in (turn.request, turn.answer)]
        mark = self.controls.mark_for(prompt, system, self.source, *said)
        prompt, system = (self.controls.broken(text, mark) for text in (prompt, system))
        whole = [
            Exchange(*(self.controls.broken(text, mark) for text in (turn.request, turn.answer)))
            for turn in turns
        ]
        return self.controls.encode(self._text(prompt, system, whole), mark)

    def reads(
        self, prompt: str, system: str = "", turns: Sequence[Exchange] = ()
    ) -> tuple[tuple[str, bool], ...]:
        """Return the text that the model reads, in pieces: is each a control token, or not?

        Raises:
            SteeringError: If the template refuses the request.
        """
        ids = self.ids(prompt, system, turns)
        pieces: list[tuple[str, bool]] = []
        for token, text in zip(ids, self.texts(ids), strict=True):
            control = token in self.controls.by_id
            if pieces and not control and not pieces[-1][1]:
                text = pieces.pop()[0] + text
            pieces.append((text, control))
        return tuple(pieces)

    def control_tokens(self, *texts: str) -> tuple[str, ...]:
        """Return the control tokens and turn marks that stand in a visitor's texts."""
        found = [token for text in texts for token in self.controls.within(text)]
        return tuple(dict.fromkeys(found))

    def encode(self, text: str) -> list[int]:
        """Return the ids of bare text; what looks like a control token stays text."""
        mark = self.controls.mark_for(text)
        return self.controls.encode(self.controls.broken(text, mark), mark)

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        """Return the text of tokens."""
        text = self.tokenizer.decode(list(tokens), skip_special_tokens=skip_special_tokens)
        return cast(str, text)

    def texts(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Return what each token adds to the text of all."""
        return token_texts(tokens, self.decode)

    def readable(self, token: int, before: Sequence[int]) -> str:
        """Return what a token adds to the text before it, readable also where it is half a sign."""
        return readable_token(token, before, self.decode, self.tokenizer.convert_ids_to_tokens)

    def answer_texts(self, tokens: Sequence[int]) -> list[str]:
        """Return the part of the shown answer that each token writes; see `readable_tokens`."""
        return answer_texts(tokens, self.split)

    def split(self, tokens: Sequence[int]) -> Reply:
        """Split what the model wrote into thinking and answer."""
        return split_thinking(tokens, self.decode, self.mode)

    def _text(self, prompt: str, system: str, turns: Sequence[Exchange] = ()) -> str:
        messages: list[Mapping[str, str]] = [
            *messages_of(turns),
            {"role": "user", "content": prompt},
        ]
        alone = self._rendered(messages)
        if turns and alone == self._rendered(messages[-1:]):
            raise SteeringError(
                f"{self.name} reads one request alone: its chat template drops what was said "
                "before; ask a new request"
            )
        if not system.strip():
            return alone
        messages.insert(0, {"role": "system", "content": system})
        try:
            text = self._rendered(messages)
        except SteeringError as error:
            raise SteeringError(
                f"{self.name} takes no system prompt; its chat template says: "
                f"{_said(error.__cause__)}; leave it empty"
            ) from error
        if text == alone:
            raise SteeringError(
                f"{self.name} takes no system prompt: its chat template drops it; leave it empty"
            )
        return text

    def _rendered(self, messages: Sequence[Mapping[str, str]]) -> str:
        options = self.mode.options
        text = render(self.name, self.tokenizer, self.source, messages, options)
        return text + self.mode.opening


def open_template(name: str, tokenizer: Any, *, thinking: str = "auto") -> ChatTemplate:  # noqa: ANN401
    """Find out what a model's template writes, and fix its mode.

    Args:
        name: The model's, for sentences.
        tokenizer: A transformers tokenizer.
        thinking: `auto`, `on` or `off`; `auto` is off where the template allows it.

    Raises:
        SteeringError: If there is no template, it cannot be rendered, or has no such mode.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise SteeringError(
            f"{name} has no chat template, so it is not a chat model; choose an instruct version"
        )
    try:
        source = cast(str, tokenizer.get_chat_template())
    except ValueError as error:  # several templates, none of them the usual one
        raise SteeringError(
            f"{name} has no chat template that is called default; choose an instruct version"
        ) from error
    messages = [{"role": "user", "content": PROBE}]
    try:
        days = [render(name, tokenizer, each, messages, {}) for each in fixed_date.both(source)]
    except SteeringError as error:
        raise SteeringError(
            f"the chat template of {name} cannot be used; it says: {_said(error.__cause__)}; mend "
            "it, or choose another model"
        ) from error
    dated = days[0] != days[1]
    if dated:
        source = fixed_date.pretending(source, fixed_date.FIXED)

    def probe(options: Mapping[str, Any]) -> str | None:
        try:
            return render(name, tokenizer, source, messages, options)
        except SteeringError:  # a template may refuse what it is not meant to be given
            return None

    mode = find_mode(name, source, probe, thinking)
    return ChatTemplate(
        name, tokenizer, source, mode, fixed_date.FIXED.isoformat() if dated else None
    )


def render(
    name: str,
    tokenizer: Any,  # noqa: ANN401
    source: str,
    messages: Sequence[Mapping[str, str]],
    options: Mapping[str, Any],
) -> str:
    """Return the text of a chat, up to where the answer begins.

    Raises:
        SteeringError: With the template's own words, if it raises or cannot be parsed.
    """
    try:
        text = tokenizer.apply_chat_template(
            list(messages),
            chat_template=source,
            add_generation_prompt=True,
            tokenize=False,
            **options,
        )
    except _RAISED as error:
        raise SteeringError(
            f"the chat template of {name} does not take this request; it says: {_said(error)}; "
            "change the request, or choose another model"
        ) from error
    return cast(str, text)


def _said(error: BaseException | None) -> str:
    """Return a template's own words."""
    if isinstance(error, TemplateSyntaxError):
        return f"line {error.lineno}: {error.message}"
    return str(error) or type(error).__name__
