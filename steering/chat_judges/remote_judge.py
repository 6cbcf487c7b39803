"""A model behind an OpenAI-compatible address as judge of answers.

It is asked for JSON of the schema, or for any JSON where the server knows no schemas, and what it
writes is read strictly. The key comes from OPENAI_API_KEY, is sent
over https or to this machine only, follows no redirect, and appears in no message.
"""

import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from steering.chat_judges.assessment import (
    EMPTY,
    QUESTION_SHA256,
    REPLY_SCHEMA,
    MalformedReplyError,
    Opinion,
    parse,
    question,
)
from steering.errors import SteeringError
from steering.verdicts.repetition import words_of

SECONDS = 60.0
"""Patience with one reply (chosen: a 14 B model on a CPU may need it)."""
WAITS = (1.0, 4.0, 15.0)
"""Seconds before the tries after the first, where the server is busy or away (chosen)."""
AT_ONCE = 4
"""Questions under way (chosen: servers batch a few, and rate limits stay far)."""
_REPLY_TOKENS = 400
"""Room for the JSON, twice over (chosen); a reply that is cut off is not judged."""
_LARGEST = 2**22
"""Bytes of a response that are read at most: 4 MiB, far beyond any honest reply (chosen)."""
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_NO_SCHEMA = (400, 422)
"""What a server answers that writes JSON, but of no given schema."""
_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "assessment", "strict": True, "schema": REPLY_SCHEMA},
}
_ANY_JSON: dict[str, Any] = {"type": "json_object"}


@dataclass(frozen=True, eq=False)
class RemoteJudge:
    """A model behind an OpenAI-compatible address.

    Attributes:
        address: `http(s)://host[:port]/v1[#model]`; without a model the server's only one.
        wait: Sleeps that many seconds between two tries.
    """

    address: str
    wait: Callable[[float], None] = field(default=time.sleep, repr=False)
    _formats: list[dict[str, Any]] = field(
        default_factory=lambda: [_FORMAT], init=False, repr=False
    )

    def __post_init__(self) -> None:
        """Refuse an address that could not be asked, or that holds a password."""
        try:
            parts = urlsplit(self.address)
            fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
        except ValueError:
            fine = False
        if not fine or "@" in parts.netloc or parts.query:
            raise SteeringError(
                "the judge's address is malformed; give http(s)://host[:port]/v1#model, and the "
                "key, if there is one, in the environment variable OPENAI_API_KEY"
            )

    @property
    def base(self) -> str:
        """The address without model and trailing slash."""
        return self.address.partition("#")[0].rstrip("/")

    @cached_property
    def model(self) -> str:
        """The model asked: the one in the address, or the server's only one.

        Raises:
            SteeringError: If the server cannot be asked, or has several.
        """
        if named := self.address.partition("#")[2]:
            return named
        listed = self._request("/models")
        try:
            names = [str(entry["id"]) for entry in listed["data"]]
        except (KeyError, TypeError) as error:
            raise self._strange(listed) from error
        if len(names) != 1:
            raise SteeringError(
                f"the judge at {self.base} has {len(names)} models: {', '.join(names[:10])}; name "
                f"one at the end of the address, as in {self.base}#NAME"
            )
        return names[0]

    @property
    def provenance(self) -> dict[str, str]:
        """Model and address, and the question's hash."""
        return {
            "judge": self.model,
            "source": self.base,
            "question_sha256": QUESTION_SHA256,
        }

    def opinions(self, pairs: Sequence[tuple[str, str]]) -> Generator[Opinion]:
        """Judge pairs (request, answer), a few at once, in order; answers without words are not.

        Raises:
            SteeringError: If the server refuses, or is still away after the last try.
        """
        _ = self.model  # found out once, before several threads would ask
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(self._ask, pairs)

    def _ask(self, pair: tuple[str, str]) -> Opinion:
        if not words_of(pair[1]):
            return EMPTY
        response = self._request(
            "/chat/completions",
            {
                "model": self.model,
                "messages": [{"role": "user", "content": question(*pair)}],
                "temperature": 0,
                "max_tokens": _REPLY_TOKENS,
                "response_format": self._formats[0],
            },
        )
        try:
            reply = response["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError) as error:
            raise self._strange(response) from error
        if not isinstance(reply, str):
            return Opinion(None, "the judge gave no text")
        try:
            return Opinion(parse(reply))
        except MalformedReplyError as error:
            return Opinion(None, str(error))

    def _request(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Send one request, again after a while if the server is busy or away."""
        for pause in (*WAITS, None):
            try:
                response = self._once(path, body)
            except httpx.TransportError as error:  # time-outs among them
                if pause is None:
                    raise SteeringError(
                        f"the judge at {self.base} does not answer "
                        f"({error or type(error).__name__}); check the address, and that the "
                        "server runs"
                    ) from error
            else:
                code = response.status_code
                if body and code in _NO_SCHEMA and body["response_format"] == _FORMAT:
                    self._formats[:] = [_ANY_JSON]  # once known, for all that follow
                    return self._request(path, {**body, "response_format": _ANY_JSON})
                if response.is_success:
                    return self._document(response)
                if code not in _BUSY or pause is None:
                    raise self._refused(response)
            self.wait(pause)
        raise AssertionError("the last try returns or raises")

    def _once(self, path: str, body: dict[str, Any] | None) -> httpx.Response:
        # httpx follows no redirect unless it is told to, so the key stays with this address.
        headers = {"Authorization": f"Bearer {key}"} if (key := self._key()) else {}
        with httpx.stream(
            "POST" if body else "GET", self.base + path, json=body, headers=headers, timeout=SECONDS
        ) as response:
            content = b""
            for part in response.iter_bytes():
                content += part
                if len(content) >= _LARGEST:
                    break
        kept = {name: response.headers[name] for name in ("location",) if name in response.headers}
        return httpx.Response(response.status_code, headers=kept, content=content[:_LARGEST])

    def _document(self, response: httpx.Response) -> Any:  # noqa: ANN401
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise self._strange(response.content[:80]) from error

    def _key(self) -> str:
        parts = urlsplit(self.base)
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        return os.environ.get("OPENAI_API_KEY", "") if here or parts.scheme == "https" else ""

    def _refused(self, response: httpx.Response) -> SteeringError:
        if response.status_code in (401, 403):
            advice = "set OPENAI_API_KEY (it is sent over https, or to this machine, only)"
        elif response.status_code in (301, 302, 303, 307, 308):
            advice = f"it moved to {response.headers.get('location', 'nowhere')}; give that address"
        elif response.status_code == 404:
            advice = "check the address, which mostly ends in /v1, and the model's name"
        elif response.status_code in _BUSY:
            advice = "it is busy; try again later"
        else:
            advice = "check that the model takes chat messages and a response_format of JSON"
        text = response.content.decode(errors="replace")
        if key := self._key():
            text = text.replace(key, "(the key)")
        text = " ".join(text.split())[:200]
        said = f", saying {text!r}" if text else ""
        return SteeringError(
            f"the judge at {self.base} refused with HTTP {response.status_code}{said}; {advice}"
        )

    def _strange(self, response: object) -> SteeringError:
        return SteeringError(
            f"the judge at {self.base} is no OpenAI-compatible server: it sent "
            f"{str(response)[:80]!r}; the address mostly ends in /v1"
        )
