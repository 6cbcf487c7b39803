// How numbers and prompts are written.
import { clean } from "../shared/plot.js";

/**
 * @param {number} value
 * @param {number} [digits]
 * @returns {string} with a real minus sign, and none before a zero
 */
export const signed = (value, digits = 2) =>
  value.toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");

const RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * @param {string} text
 * @returns {boolean} whether its first letter is of a script that runs from right to left
 */
export const beginsRight = (text) => RIGHT.test(text.match(/\p{L}/u)?.[0] ?? "");

/**
 * Text that runs from right to left is set apart by Unicode's isolates, so that it turns neither the
 * words around it nor its own marks; the direction of a whole is that of its first letter.
 * @param {string} text
 * @param {string} [whole] what the text is a part of
 */
export const apart = (text, whole = text) =>
  RIGHT.test(whole) ? `${beginsRight(whole) ? "\u2067" : "\u2066"}${text}\u2069` : text;

/**
 * @param {string} text
 * @param {number} [width] in letters
 * @returns {string} cleaned and broken into lines, for plotly, which reads a little HTML
 */
export function lines(text, width = 44) {
  const broken = text.replace(new RegExp(`(.{1,${width}})(\\s+|$)`, "g"), "$1\n").trim();
  return clean(broken)
    .split("\n")
    .map((line) => apart(line, text))
    .join("<br>");
}

/**
 * @param {(string | number | boolean)[][]} rows
 * @returns {string} the rows as CSV
 */
export const csv = (rows) =>
  rows.map((row) => row.map((cell) => `"${String(cell).replace(/"/g, '""')}"`).join(",")).join("\r\n");
