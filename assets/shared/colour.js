// Colours: what the style sheet has for the names that Python's figures use.

/** @typedef {Record<string, string>} Ink colours by name, and the page's `font` */

/**
 * @param {string} colour as `#rrggbb`
 * @returns {number[]} red, green and blue
 */
const channels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

/**
 * @param {string} colour as `#rrggbb`
 * @param {number} alpha
 */
export const fade = (colour, alpha) => `rgba(${channels(colour).join(",")},${alpha})`;

/**
 * @param {string} from as `#rrggbb`
 * @param {string} to as `#rrggbb`
 * @param {number} share how far from the first to the second
 * @returns {string} as `#rrggbb`
 */
export function blend(from, to, share) {
  const [start, end] = [channels(from), channels(to)];
  const mixed = start.map((value, i) => Math.round(value + (end[i] - value) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * @param {string[]} colours evenly spaced, as `#rrggbb`
 * @param {number} share where on the scale, from 0 to 1
 */
export function along(colours, share) {
  const at = Math.min(1, Math.max(0, share)) * (colours.length - 1);
  const below = Math.min(Math.floor(at), colours.length - 2);
  return blend(colours[below], colours[below + 1], at - below);
}

/**
 * @param {string} colour as `#rrggbb`
 * @returns {string} white or black, whichever stands out more
 */
export function legible(colour) {
  const [r, g, b] = channels(colour).map((each) => {
    const v = each / 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#10151b" : "#ffffff";
}

/**
 * @param {Element} root
 * @param {string[]} names of the style sheet's variables
 * @returns {Ink}
 */
export function inks(root, names) {
  const style = getComputedStyle(root);
  const all = ["ink", "soft", "line", "sheet", "well", ...names];
  const ink = Object.fromEntries(all.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  // Where a scale of colours begins.
  const { fontFamily } = getComputedStyle(document.body);
  return { ...ink, ground: blend(ink.well, ink.line, 0.55), font: fontFamily };
}

const NAME = /^--(\w+)(?:>(\w+))?(?:\/([\d.]+))?$/;

/**
 * @param {string} text
 * @param {Ink} ink
 * @returns {string} the colour that a text names: `--flip`, `--flip/0.14` with an opacity,
 *   `--ground>flip` nine tenths of the way to another; any other text as it is
 */
export function named(text, ink) {
  const [, name, end, alpha] = text.match(NAME) ?? [];
  if (!(name in ink)) return text;
  const colour = end ? blend(ink[name], ink[end], 0.9) : ink[name];
  return alpha ? fade(colour, Number(alpha)) : colour;
}

/**
 * Puts colours in for their names, in whatever JSON.
 * @param {any} value
 * @param {Ink} ink
 * @returns {any}
 */
export function dressed(value, ink) {
  if (typeof value === "string") return named(value, ink);
  if (Array.isArray(value)) return value.map((each) => dressed(each, ink));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, dressed(each, ink)]));
}
