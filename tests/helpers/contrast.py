"""What a page looks like, as numbers: the contrast of its texts, and texts that are cut off."""

from typing import Any

_CONTRAST = """names => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => {
      v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
      if (a > 0.9) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const name of names) {
    const node = document.querySelector(name);
    if (!node) continue;
    const [one, two] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    found[name] = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  }
  return found;
}"""

_CUT = """within => [...document.querySelectorAll(`${within} *`)]
  .filter(node => node.innerText?.trim() && !node.closest('.unseen')
    && getComputedStyle(node).overflowY !== 'visible'
    && node.scrollHeight > node.clientHeight + 1)
  .map(node => node.innerText.trim().slice(0, 40))"""


def faint(page: Any, selectors: str) -> dict[str, float]:
    """Return the texts whose contrast (WCAG 2.1) is below 4.5, by selector, and 0 where is none."""
    names = [name.strip() for name in selectors.split(",")]
    ratios = page.evaluate(_CONTRAST, names)
    return {name: ratios.get(name, 0.0) for name in names if ratios.get(name, 0.0) < 4.5}


def cut(page: Any, within: str) -> list[str]:
    """Return the beginnings of texts inside `within` that their own box cuts off."""
    texts: list[str] = page.evaluate(_CUT, within)
    return texts
