"""What people read of the results section, and made-up results to show."""

import re
from html import unescape

from steering.ui.results import results_section
from tests.helpers import tiny_evaluations

DOCUMENT = tiny_evaluations.document()
SHY = tiny_evaluations.of_a_model_that_hardly_refuses()


def plain(html: str) -> str:
    """Text of HTML, one space between words; files are left out."""
    without = re.sub(r"<template>.*?</template>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", without)).split())


def board(document, name="tiny", title="Tiny") -> str:
    return results_section.board(document, name, title)


def row_of(panel: str, html: str) -> str:
    """The block of rows that holds a panel."""
    bodies = re.findall(r"<tbody.*?</tbody>", html, flags=re.DOTALL)
    return next(body for body in bodies if f'data-copy="{panel}"' in body)


def rate(value: float) -> dict:
    """A rate with an interval of no width."""
    return {"estimate": value, "low": value, "high": value, "n": 80}


def changed(panel: str, **values) -> dict:
    """The document with some values of a panel's harmful set changed."""
    document = tiny_evaluations.document()
    entry = next(each for each in document["panels"] if each["panel"] == panel)
    entry["harmful"] |= values
    return document
