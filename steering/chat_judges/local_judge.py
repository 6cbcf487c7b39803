"""A chat model in memory as judge of answers, and the choice between it and a remote one.

A local judge cannot leave the form: of each field's allowed values it takes the one to which it
gives the highest probability, as continuation of the JSON so far.
"""

import copy
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from steering.artifacts.provenance import unnamed_weights
from steering.chat_judges.assessment import (
    EMPTY,
    QUESTION_SHA256,
    REPLY_CHOICES,
    Assessment,
    Opinion,
    question,
)
from steering.chat_judges.remote_judge import RemoteJudge
from steering.errors import SteeringError
from steering.inference.metrics import answer_log_probabilities
from steering.models.chat_model import ChatModel
from steering.models.forward import TokenBatch
from steering.verdicts.repetition import words_of

_REPLY_TOKENS = 400
"""Room for the JSON, twice over (chosen)."""


@dataclass(frozen=True, eq=False)
class LocalJudge:
    """A loaded chat model as judge.

    Attributes:
        model: Any chat model; it is asked without edits.
    """

    model: ChatModel

    @cached_property
    def provenance(self) -> dict[str, str]:
        """Name, number format and source of the model, and the question's hash."""
        return {
            "judge": self.model.name,
            "quantization": self.model.number_format.quantization,
            **{key: value for key, value in self.model.provenance.items() if value},
            **unnamed_weights(self.model),
            "question_sha256": QUESTION_SHA256,
        }

    def opinions(self, pairs: Sequence[tuple[str, str]]) -> Generator[Opinion]:
        """Judge pairs (request, answer), one after another, in order.

        An answer without a word, and one too long for the model's context, is not judged.
        """
        for request, answer in pairs:
            if not words_of(answer):
                yield EMPTY
                continue
            try:
                ids = self.model.render(question(request, answer))
            except SteeringError as error:
                yield Opinion(None, str(error))
                continue
            yield self._ask(ids)

    @torch.inference_mode()
    def _ask(self, prompt: list[int]) -> Opinion:
        if len(prompt) + _REPLY_TOKENS > self.model.context_length:
            return Opinion(None, f"{len(prompt)} tokens of question leave no room for a reply")
        cache = self.read(prompt)
        reply, values = "{", {}
        for index, (name, choices) in enumerate(REPLY_CHOICES.items()):
            reply += f'"{name}": '
            end = "}" if index == len(REPLY_CHOICES) - 1 else ", "
            texts = [reply + json.dumps(choice) + end for choice in choices]
            best = int(self.log_probabilities(prompt[-1], texts, cache).argmax())
            values[name], reply = choices[best], texts[best]
        return Opinion(Assessment(**values))

    @torch.inference_mode()
    def read(self, prompt: Sequence[int]) -> Any:  # noqa: ANN401 - caches have no common type
        """Return keys and values of a prompt (token ids) without its last token."""
        return self._forward(self._ids([prompt[:-1]]), None).cache

    @torch.inference_mode()
    def log_probabilities(
        self,
        last: int,
        texts: Sequence[str],
        cache: Any,  # noqa: ANN401
    ) -> Float[Tensor, " texts"]:
        """Log-probability of each text after a prompt, in nats, less that of what all begin with.

        Args:
            last: The prompt's last token.
            texts: Two or more continuations, none of which begins with another.
            cache: What `read` gave for the prompt; it is copied, so that it can serve again.
        """
        encode = self.model.tokenizer.encode
        rows = [[last, *encode(text, add_special_tokens=False)] for text in texts]
        columns = enumerate(zip(*rows, strict=False))
        shared = next(index for index, column in columns if len(set(column)) > 1)
        lengths = torch.tensor([len(row) - shared for row in rows], device=self.model.device)
        longest = int(lengths.max())
        tails = self._ids([(row[shared:] + [0] * longest)[:longest] for row in rows])
        first = self._forward(self._ids([rows[0][:shared]]), copy.deepcopy(cache))
        logits = first.logits[:, -1:].expand(len(rows), -1, -1)
        if longest > 1:
            # Every kind of cache can be reordered; only that of keys and values can be repeated.
            first.cache.reorder_cache(torch.zeros_like(lengths))
            # Padding is on the right, where no earlier position sees it.
            rest = self._forward(tails[:, :-1], first.cache).logits
            logits = torch.cat([logits, rest], dim=1)
        within = torch.arange(longest, device=lengths.device)[None] < lengths[:, None]
        scores = answer_log_probabilities(logits, tails)
        return scores.where(within.to(scores.device), 0.0).sum(-1)

    def _forward(self, tokens: Tensor, cache: Any) -> Any:  # noqa: ANN401
        start = cache.get_seq_length() if cache is not None else 0
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        batch = TokenBatch(tokens, positions=positions.expand(tokens.shape))
        # Of the prompt itself no prediction is needed.
        return self.model.run(batch, keep=1 if cache is None else 0, cache=cache, use_cache=True)

    def _ids(self, rows: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(rows, device=self.model.device)


@runtime_checkable
class ChatJudge(Protocol):
    """What `LocalJudge` and `RemoteJudge` have in common."""

    @property
    def provenance(self) -> dict[str, str]:
        """Who judges, and by which question."""

    def opinions(self, pairs: Sequence[tuple[str, str]]) -> Generator[Opinion]:
        """Judge pairs (request, answer), in order."""


def open_judge(name: str, load: Callable[[str], ChatModel]) -> ChatJudge:
    """Return the judge called `name`.

    Args:
        name: `http(s)://host[:port]/v1[#model]` for an OpenAI-compatible server, else a catalog
            name, hub id, folder or .gguf file.
        load: Brings a model of the second kind into memory.

    Raises:
        SteeringError: If the address is malformed, or the model cannot be loaded.
    """
    if name.lower().startswith(("http://", "https://")):
        return RemoteJudge(name)
    return LocalJudge(load(name))
