"""What the page may still ask about places that it has been shown: UMAP, and nearest prompts."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from steering.maps.model_maps import Maps
    from steering.maps.residual_trace import Trace

Umap = Callable[[int], list[list[float]] | None]
"""Returns a request's places on the UMAP of a layer, as two columns; None if there is none."""
Components = Callable[[int, int], Float[np.ndarray, " rank"] | None]
"""Returns the principal components, at a layer, of one of a request's panels by its number."""

_KEPT: Final = 64
"""Traces kept for later questions (chosen): about half a megabyte each at d_model 896."""


@dataclass(frozen=True)
class _Known:
    umap: Umap
    components: Components


def _nothing(_layer: int, _panel: int) -> None:
    """Of recorded places no more than what is shown is known."""


def _once(umap: Umap) -> Umap:
    """Return the same, but each layer is placed once: a whole room asks about one request."""
    known: dict[int, list[list[float]]] = {}
    lock = Lock()

    def placed(layer: int) -> list[list[float]] | None:
        with lock:
            if layer not in known and (found := umap(layer)) is not None:
                known[layer] = found
            return known.get(layer)

    return placed


@dataclass
class Memory:
    """The latest traces, so that a visitor's page can ask for the UMAP of another layer.

    Keys cannot be guessed, so nobody learns where somebody else's request lies.
    """

    _known: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, maps: "Maps", trace: "Trace") -> str:
        """Keep a trace and return its key; the oldest ones are forgotten."""
        from steering.maps import markers

        states = trace.states

        def umap(layer: int) -> list[list[float]] | None:
            if layer not in maps.layers or not maps.at(layer).has_umap:
                return None
            return markers.umap_places(maps, states, layer)

        def components(layer: int, panel: int) -> Float[np.ndarray, " rank"] | None:
            if layer not in maps.layers or not 0 <= panel < len(states):
                return None
            state = states[panel, maps.layers.index(layer)]
            found: Float[np.ndarray, " rank"] = maps.at(layer).clusters.coordinates(state).numpy()
            return found

        return self.keep_places(umap, components)

    def keep_places(self, umap: Umap, components: Components = _nothing) -> str:
        """Keep who knows a request's places, and return the key."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._known[key] = _Known(_once(umap), components)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return key

    def umap(self, asked: object) -> list[list[float]] | None:
        """Return the two columns of places, or None if the trace is forgotten or has no such layer.

        Args:
            asked: `{"key": ..., "layer": ...}`, as it comes from a browser.
        """
        if not isinstance(asked, Mapping) or not isinstance(asked.get("layer"), int):
            return None
        known = self._of(asked)
        return known.umap(asked["layer"]) if known else None

    def components(self, asked: object) -> Float[np.ndarray, " rank"] | None:
        """Return the components of a panel's place, or None if they are not known.

        Args:
            asked: `{"key": ..., "layer": ..., "panel": ...}`, as it comes from a browser.
        """
        if not isinstance(asked, Mapping):
            return None
        layer, panel = asked.get("layer"), asked.get("panel")
        known = self._of(asked)
        if known is None or not isinstance(layer, int) or not isinstance(panel, int):
            return None
        return known.components(layer, panel)

    def _of(self, asked: Mapping[str, object]) -> _Known | None:
        with self._lock:
            return self._known.get(str(asked.get("key")))
