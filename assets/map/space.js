// Three principal components in space, drawn by WebGL.
import { blank, clean, font, SLOTS } from "../shared/plot.js";
import { nameOf } from "./names.js";
import { EDITS, explained, points, SIGNS, told } from "./signs.js";
import { at, CLASSES, focus, panelOf } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 */

export const CAMERA = { eye: { x: 1.45, y: 1.45, z: 0.8 }, center: { x: 0, y: 0, z: -0.1 } };

/**
 * @param {number[][]} places
 * @returns {{ x: number[], y: number[], z: number[] }}
 */
const columns = (places) => ({
  x: places.map((place) => place[0]),
  y: places.map((place) => place[1]),
  z: places.map((place) => place[2]),
});

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {any[]} an arrow from the baseline to each mark, and the marks
 */
function marks(here, now) {
  const { ink, chosen } = here;
  const { baseline } = now.marks;
  const arrows = EDITS.map((slot) => ({
    type: "scatter3d",
    mode: "lines",
    uid: `arrow-${slot}`,
    ...columns(baseline && now.marks[slot] ? [baseline, now.marks[slot]] : []),
    hoverinfo: "skip",
    line: { width: slot === focus(here) ? 6 : 4, color: ink[slot] },
  }));
  const letters = SLOTS.map((slot) => {
    const panel = panelOf(here, slot);
    const mark = panel && now.marks[slot];
    return {
      type: "scatter3d",
      mode: "text",
      uid: `mark-${slot}`,
      meta: slot,
      ...columns(mark ? [mark] : []),
      textposition: "middle center",
      text: mark ? [SIGNS[slot][panel.outside[chosen.layer] ? 2 : 1]] : [],
      textfont: { family: ink.font, size: slot === "baseline" ? 25 : 21, color: ink[slot] },
      hovertemplate: mark ? `${told(here, panel)}<extra></extra>` : "",
    };
  });
  return [...arrows, ...letters];
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {{ traces: any[], layout: any }}
 */
export function space(here, now) {
  const { ink } = here;
  const hues = CLASSES.map((label) => ink[label]);
  const axis = (/** @type {number} */ i) => ({
    range: now.span[i],
    showticklabels: false,
    ticks: "",
    zeroline: false,
    showspikes: false,
    showbackground: false,
    gridcolor: ink.line,
    linecolor: ink.line,
    title: { text: "" },
  });
  const means = {
    type: "scatter3d",
    mode: "markers+text",
    uid: "means",
    ...columns(now.means),
    text: CLASSES.map((label) => clean(nameOf(here, label))),
    textposition: ["bottom center", "top center"],
    textfont: { family: ink.font, size: 13, color: hues },
    hovertemplate: "mean of the %{text} training requests<extra></extra>",
    marker: { size: 5, symbol: "cross", color: hues },
  };
  const rods = {
    type: "scatter3d",
    mode: "lines+text",
    uid: "axes",
    hoverinfo: "skip",
    ...columns(now.rods.flatMap((end) => [[0, 0, 0], end, [NaN, NaN, NaN]])),
    text: now.rods.flatMap((_, i) => ["", `PC ${i + 1} · ${explained(here, i)}`, ""]),
    textfont: font(ink),
    line: { width: 2, color: ink.soft },
  };
  const said = {
    ...{ xref: "paper", x: 0.5, yref: "paper", y: 0, yanchor: "bottom", showarrow: false },
    text: at(here).said.pca3.replace(": ", ":<br>"),
    font: font(ink),
  };
  const own = { camera: CAMERA, dragmode: "orbit", uirevision: "space" };
  const scene = { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "cube", ...own };
  return {
    traces: [...points(here, now, "scatter3d", 2.2), rods, means, ...marks(here, now)],
    layout: {
      ...blank(ink),
      margin: { l: 0, r: 0, t: 0, b: 0 },
      uirevision: "space",
      dragmode: "orbit",
      annotations: [said],
      scene,
    },
  };
}
