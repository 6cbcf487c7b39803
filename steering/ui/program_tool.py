"""The same as `POST /generate` as a tool of MCP, by which language models use programs."""

import gradio as gr
from gradio.events import api

from steering import formatting
from steering.errors import SteeringError
from steering.serving import endpoint
from steering.serving.engine import Engine
from steering.system import strict_json
from steering.ui import hosting
from steering.ui.layout import HostLimits


def offer(engine: Engine, limits: HostLimits) -> None:
    """Add the tool to the app; to be called inside a `gr.Blocks`."""
    allowed = hosting.limits_of(limits)

    # Gradio tells programs of what follows: names, types, defaults and the description.
    def generate(  # noqa: PLR0913 - of a tool, each is named
        request: gr.Request,
        prompt: str,
        panels: list[str] | None = None,
        system: str = "",
        max_new_tokens: int = limits.max_new_tokens,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """Answer one request with a small chat model, untouched and with its refusal steered.

        Args:
            request: Of the program; not an argument.
            prompt: The request to answer, at most 4,000 characters.
            panels: Edits in their text form, such as "baseline", "ablation", "flip:k=3",
                "nullspace:k=2" or "actadd:c=1"; left out, the usual ones.
            system: A system prompt.
            max_new_tokens: Longest answer, in tokens.
            temperature: 0 takes the likeliest token.
            seed: The same seed gives the same answers again.
        """
        given = {"prompt": prompt, "system": system, "max_new_tokens": max_new_tokens}
        given |= {"temperature": temperature, "seed": seed}
        try:
            facts = engine.directions if engine.outline is None else engine.outline
            asked = endpoint.checked(
                given | ({"panels": panels} if panels is not None else {}), facts, allowed
            )
            visitor = engine.allowance.visitor_of(request)
            *_, found = hosting.allowed(engine, visitor, asked)
        except SteeringError as error:
            said = formatting.sentence(str(error))
            raise gr.Error(said, print_exception=False) from error
        # Gradio would write an object as Python does.
        document = endpoint.document(engine.name, asked, found or (), done=True)
        return strict_json.dumps(document, ensure_ascii=True)

    api(generate, api_name="generate", queue=False)
