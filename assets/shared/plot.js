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
