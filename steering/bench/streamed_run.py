"""What a visitor without a browser sees of a run: the words of the page, read out of its HTML."""

import html
import re
import time
from dataclasses import dataclass, field
from typing import Final

_TAG: Final = re.compile(r"<[^>]+>")
_ANSWER: Final = re.compile(r'class="answer"[^>]*>(.*?)<span class="placeholder">', re.DOTALL)
_PANEL: Final = re.compile(r'data-panel="([^"]*)"')
_TOKENS: Final = re.compile(r"<dt>tokens</dt><dd>(\d+)</dd>")


@dataclass(frozen=True)
class Shown:
    """What one card shows: the panel, the text so far, and its length in tokens."""

    panel: str
    text: str
    tokens: int


@dataclass
class StreamedRun:
    """One click on *Run*, as its visitor saw it.

    Attributes:
        began: Time of the click, seconds of `time.monotonic`.
        writing: When the line was behind it and the model had begun; None before.
        first_word: When the first card showed a word; None before.
        ended: When the stream ended, by itself or since the visitor left; None before.
        note: The sentence under the request.
        cards: What the cards show.
        trouble: Why the stream is of no use: `lost`, `stuck`, `refused`; None where it is fine.
        left: Whether the visitor left before the end.
        growth: Times at which tokens came, with how many.
    """

    began: float = field(default_factory=time.monotonic)
    writing: float | None = None
    first_word: float | None = None
    ended: float | None = None
    note: str = ""
    cards: list[Shown] = field(default_factory=list)
    trouble: str | None = None
    left: bool = False
    growth: list[tuple[float, int]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether every word came."""
        return self.ended is not None and self.trouble is None and not self.left

    @property
    def tokens(self) -> int:
        """Tokens on all cards."""
        return sum(card.tokens for card in self.cards)

    def see(self, note: str, views: list[str]) -> None:
        """Take what the page shows now."""
        now, before = time.monotonic(), self.tokens
        self.note = words_of(note)
        self.cards = [shown for view in views if (shown := _shown(view)) is not None]
        if self.writing is None and self.note.startswith("Writing"):
            self.writing = now
        if self.first_word is None and any(card.text for card in self.cards):
            self.first_word = now
        if self.tokens > before:
            self.growth.append((now, self.tokens - before))


def words_of(markup: str) -> str:
    """Return what is read of a piece of HTML."""
    return html.unescape(_TAG.sub("", markup)).strip()


def trouble_of(found: StreamedRun, success: bool) -> str | None:
    """Return why a run that has ended is of no use: `refused` or `lost`; None where it is fine.

    Args:
        found: What was seen of it.
        success: Whether the server says that it ended well.
    """
    if success and found.note.startswith("Done"):
        return None
    kind = "refused" if "waiting already" in found.note else "lost"
    return f"{kind}: {found.note or 'an error without words'}"


def _shown(view: str) -> Shown | None:
    panel, answer, tokens = _PANEL.search(view), _ANSWER.search(view), _TOKENS.search(view)
    if panel is None or answer is None or not panel[1]:
        return None
    return Shown(html.unescape(panel[1]), words_of(answer[1]), int(tokens[1]) if tokens else 0)
