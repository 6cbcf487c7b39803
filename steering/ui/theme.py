"""Gradio's theme: its variables take the page's colours, which assets/style.css has for both."""

import inspect
from collections.abc import Mapping
from typing import Final

import gradio as gr

FONTS: Final = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONOSPACE: Final = (
    *("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"),
)
_COLOURS: Final[Mapping[str, str]] = {
    "body_background_fill": "paper",
    "background_fill_primary": "sheet",
    "background_fill_secondary": "well",
    "body_text_color": "ink",
    "body_text_color_subdued": "soft",
    "block_label_text_color": "soft",
    "block_title_text_color": "soft",
    "block_info_text_color": "soft",
    "border_color_primary": "line",
    "input_background_fill": "sheet",
    "input_border_color": "line",
    "input_border_color_focus": "focus",
    "input_placeholder_color": "soft",
    "slider_color": "accent",
    "color_accent": "accent",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color_focus": "focus",
    "checkbox_border_color_selected": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-strong",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "sheet",
    "button_secondary_background_fill_hover": "well",
    "button_secondary_border_color": "line",
    "button_secondary_border_color_hover": "soft",
    "button_secondary_text_color": "ink",
    "button_secondary_text_color_hover": "ink",
}
"""Gradio's variables that are one of the page's colours."""
_REST: Final[Mapping[str, str]] = {
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0",
    "block_title_text_weight": "500",
    "input_shadow": "none",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_selected": "transparent",
    "checkbox_label_background_fill_hover": "transparent",
    "checkbox_label_border_width": "0px",
    "checkbox_label_padding": "2px 0",
    "checkbox_label_text_size": "13px",
    "button_border_width": "1px",
    "button_primary_border_color": "transparent",
    "button_primary_border_color_hover": "transparent",
    "button_transition": "background-color 0.15s, border-color 0.15s",
    "layout_gap": "12px",
}


def theme() -> gr.themes.Base:
    """Return the theme; every value holds in the light and in the dark mode."""
    values = {name: f"var(--{colour})" for name, colour in _COLOURS.items()} | dict(_REST)
    known = inspect.signature(gr.themes.Base.set).parameters
    dark = {f"{name}_dark": value for name, value in values.items() if f"{name}_dark" in known}
    return gr.themes.Base(font=FONTS, font_mono=MONOSPACE).set(**values, **dark)
