// What all plots have in common.

/** @typedef {import("./colour.js").Ink} Ink */

export const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  showSendToCloud: false,
  doubleClick: false,
  showTips: false,
  responsive: false,
};
export const SLOTS = ["baseline", "actadd", "ablation", "nullspace", "flip", "own"];

/**
 * @param {Ink} ink
 * @param {number} [size] in pixels
 */
export const font = (ink, size = 12) => ({ family: ink.font, size, color: ink.soft });

/**
 * @param {Ink} ink
 * @returns {Record<string, any>} a layout without ground and legend
 */
export const blank = (ink) => ({
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  showlegend: false,
  hovermode: "closest",
  font: font(ink),
  hoverlabel: {
    bgcolor: ink.ink,
    bordercolor: ink.ink,
    align: "left",
    font: { family: ink.font, size: 12.5, color: ink.sheet },
    namelength: 0,
  },
});

/** @returns {number} how many times as large as usual the page's letters are */
export const growth = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

const LENGTHS = new Set(["size", "standoff", "ax", "ay", "xshift", "yshift", "l", "r", "t", "b"]);

/**
 * Plotly counts in pixels, the page in the size of its letters, which grows with the screen.
 * @param {any} value traces, a layout or a part of one; untouched
 * @param {number} factor as `growth()` gives it
 * @param {string} [key] that the value stands behind
 * @returns {any} the same with letters, marks and margins as many times as large
 */
export function grown(value, factor, key = "") {
  if (factor === 1) return value;
  if (LENGTHS.has(key)) {
    if (typeof value === "number") return value * factor;
    if (Array.isArray(value)) return value.map((each) => each * factor);
  }
  if (Array.isArray(value)) {
    const made = value.length > 0 && typeof value[0] === "object" && !Array.isArray(value[0]);
    return made ? value.map((each) => grown(each, factor)) : value;
  }
  // Distances between the lines of a contour are no lengths on the screen.
  if (typeof value !== "object" || value === null || key === "contours") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, grown(each, factor, name)]));
}

/**
 * @param {string} text
 * @returns {string} for plotly, which reads a little HTML in texts
 */
export const clean = (text) =>
  String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/**
 * @param {string} html lines that plotly reads
 * @returns {string} the same for those who listen
 */
export const spoken = (html) =>
  html
    .replace(/<br>/g, ". ")
    .replace(/<[^>]*>/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
