"""The request in a row of a public prompt file: its text, with what belongs to it, or a refusal.

A part of a request that would be dropped changes what is asked, so it is joined as the layout's own
authors join it, or the row is refused; other columns (answers, categories, ids) are none.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from steering.data.input_text import MAX_CHARACTERS, flaw
from steering.errors import SteeringError

_CHATS: Final = ("messages", "conversations", "conversation")
"""Columns that hold a list of messages, as OpenAI's, ShareGPT's and LMSYS' files have it."""

TEXT_COLUMNS: Final = (
    *("instruction", "prompt", "goal", "Goal", "forbidden_prompt"),
    *("Behavior", "behavior", "question", "Question", "query", "Query", "Prompt", "text"),
    *_CHATS,
)
"""Where the text of a request may stand in a file; the first one present counts. In the order of
AdvBench, XSTest, JailbreakBench, StrongREJECT, HarmBench, question sets, chats."""

_AFTER: Final = ("input",)
"""What Alpaca puts behind an instruction, an empty line between them."""
_BEFORE: Final = ("contextstring", "context")
"""What HarmBench puts before a behavior, an empty line between them; Dolly and question sets have
the passage that is asked about in `context`."""
_NEVER: Final = ("system", "system_prompt", "history", "choices", "options")
"""What would have to be part of the question and cannot be."""
_NOTHING: Final = frozenset({"", "<noinput>", "none", "nan", "null"})
"""How tables write that there is no context."""

_ROLES: Final = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "bot"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}


def listed(values: Iterable[object]) -> str:
    """Return values as a sentence names them."""
    return ", ".join(map(repr, values))


def request_of(entry: object, where: str) -> str:
    """Return the request of one entry of a file: a string, an object, or a chat.

    Args:
        entry: A string; an object with one of `TEXT_COLUMNS`; a list of messages.
        where: File and line, which begin the error.

    Raises:
        SteeringError: If there is none, or one that cannot be asked whole.
    """
    if not isinstance(entry, Mapping):
        return checked(_text(entry, where), where)
    column = column_of(list(entry), where)
    if column in _CHATS and not isinstance(entry[column], list):
        raise SteeringError(
            f"{where}, {column!r}: a chat must be a list of messages, each with a role and a text; "
            "give it as .json or .jsonl"
        )
    text = _text(entry[column], f"{where}, {column!r}")
    parts = {str(name).strip().lower(): (name, value) for name, value in entry.items()}
    for name in _NEVER:
        if name in parts and name != column and not _is_nothing(parts[name][1]):
            raise SteeringError(
                f"{where}: the request has a {parts[name][0]!r} that would be left out, since only "
                "the user's own text is asked; write it into the request, or remove it"
            )
    before = [_part(parts, name, where) for name in _BEFORE if name != column]
    after = [_part(parts, name, where) for name in _AFTER if name != column]
    whole = [part for part in (*before, text, *after) if part is not None]
    return checked("\n\n".join(whole), f"{where}, {column!r}")


def column_of(names: Sequence[str], where: str) -> str:
    """Return the name of the column with the requests.

    Raises:
        SteeringError: If there is none.
    """
    for column in TEXT_COLUMNS:
        if column in names:
            return column
    raise SteeringError(
        f"{where}: no text column among {listed(names)[:120] or 'no columns at all'}; "
        f"name the one with the requests one of {listed(TEXT_COLUMNS)}"
    )


def checked(text: str, where: str) -> str:
    """Return a text that can be asked.

    Raises:
        SteeringError: If it is empty, too long, or holds what is no text.
    """
    if not text.strip():
        raise SteeringError(f"{where}: the prompt is empty; write one, or remove the entry")
    if found := flaw(text):
        raise SteeringError(f"{where}: the prompt holds {found}, which is no text; remove it")
    if len(text) > MAX_CHARACTERS:
        raise SteeringError(
            f"{where}: the prompt has {len(text):,} characters; at most {MAX_CHARACTERS:,} are "
            "asked; shorten it, or remove the entry"
        )
    return text


def _is_nothing(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _NOTHING
    # NaN is what pandas writes for an empty field.
    return value is None or value != value or (isinstance(value, Sequence) and not value)


def _part(parts: Mapping[str, tuple[object, object]], name: str, where: str) -> str | None:
    """Return what stands beside the request under a name, None if nothing does."""
    label, value = parts.get(name, (name, None))
    return None if _is_nothing(value) else _string(value, f"{where}, {label!r}")


def _text(value: object, where: str) -> str:
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return _only_turn(value, where)
    return _string(value, where)


def _string(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise SteeringError(
            f"{where}: the prompt is {repr(value)[:60]}, a {type(value).__name__}; "
            "it must be a string"
        )
    return value


def _only_turn(messages: Sequence[Mapping[object, object]], where: str) -> str:
    """Return what the user says in a chat of one turn; what is answered to it is not asked."""
    asked: list[str] = []
    for number, message in enumerate(messages, start=1):
        here = f"{where}, message {number}"
        said = _first(message, ("role", "from"))
        role = _ROLES.get(str(said).lower())
        content = _content(_first(message, ("content", "value", "text")), here)
        if role is None:
            raise SteeringError(
                f"{here}: the role {repr(said)[:40]} is not known; it must be one of "
                f"{listed(_ROLES)}"
            )
        if role == "system" and content.strip():
            raise SteeringError(
                f"{here}: a system prompt, which would be left out, since only the user's own text "
                "is asked; write it into the request, or remove it"
            )
        if role == "user":
            asked.append(content)
    if len(asked) != 1:
        raise SteeringError(
            f"{where}: a chat with {len(asked)} turns of the user, of which one can be asked; keep "
            "that one only"
        )
    return asked[0]


def _first(message: Mapping[object, object], names: Sequence[str]) -> object:
    return next((message[name] for name in names if name in message), None)


def _content(value: object, where: str) -> str:
    """Return the text of a message, whose parts may be listed one by one."""
    if not isinstance(value, list):
        return _string("" if value is None else value, where)
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in value]
    if not all(isinstance(text, str) for text in texts):
        raise SteeringError(f"{where}: it holds more than text (a picture, perhaps); remove it")
    return "\n".join(map(str, texts))
