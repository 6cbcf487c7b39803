"""One date for every request, where a chat template writes today's.

Llama-3.1 and others tell the model what day it is. Directions that are fitted today and used
tomorrow would be read from another prompt; so such a template sees the same day always, by a macro
in front of it that takes the place of the function that it asks.
"""

from datetime import date
from typing import Final

FIXED: Final = date(2024, 7, 26)
"""The day that Llama-3's own template falls back to where there is no clock."""
_ANOTHER: Final = date(2031, 11, 5)
"""Differs from it in day, weekday, month and year."""

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def pretending(source: str, day: date) -> str:
    """Return a template for which it is noon of that day.

    Args:
        source: A Jinja template.
        day: What `strftime_now` in it tells.
    """
    if "strftime_now" not in source:
        return source
    replaced = "".join(f"|replace('{code}','{value}')" for code, value in _codes(day).items())
    macro = f"{{% macro strftime_now(format) %}}{{{{ format{replaced} }}}}{{% endmacro %}}"
    # transformers drops the line end behind a block, so that the template begins its own line.
    return f"{macro}\n{source}"


def both(source: str) -> tuple[str, str]:
    """Return a template on the fixed day and on another: what they write differs with the date."""
    return pretending(source, FIXED), pretending(source, _ANOTHER)


def _codes(day: date) -> dict[str, str]:
    """Return what strftime writes for each code, in English, whatever the machine's language."""
    month, weekday = _MONTHS[day.month - 1], _DAYS[day.weekday()]
    whole = f"{day.month:02}/{day.day:02}/{day.year % 100:02}"
    return {
        "%-d": f"{day.day}",
        "%-m": f"{day.month}",
        "%e": f"{day.day:2}",
        "%d": f"{day.day:02}",
        "%m": f"{day.month:02}",
        "%B": month,
        "%b": month[:3],
        "%h": month[:3],
        "%A": weekday,
        "%a": weekday[:3],
        "%Y": f"{day.year}",
        "%y": f"{day.year % 100:02}",
        "%j": f"{day.timetuple().tm_yday:03}",
        "%F": day.isoformat(),
        "%D": whole,
        "%x": whole,
        "%c": f"{weekday[:3]} {month[:3]} {day.day:2} 12:00:00 {day.year}",
        "%H": "12",
        "%I": "12",
        "%M": "00",
        "%S": "00",
        "%p": "PM",
        "%T": "12:00:00",
        "%X": "12:00:00",
        "%R": "12:00",
        "%Z": "",
        "%z": "",
    }
