// The path: t of the request from the first layer to the last, above what training requests have.
import { fade } from "../shared/colour.js";
import { blank, clean, font } from "../shared/plot.js";
import { nameOf } from "./names.js";
import { EDITS, SIGNS } from "./signs.js";
import { CLASSES, cloudOf, focus, layer, panelOf } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 */

/**
 * @param {Section} here
 * @returns {any[]} a band and its middle for each class
 */
function bands(here) {
  const { layers, at } = cloudOf(here);
  return CLASSES.flatMap((label) => {
    const hue = here.ink[label];
    const [low, middle, high] = [0, 1, 2].map((i) => at.map((each) => each.band[label][i]));
    const common = { type: "scatter", mode: "lines", x: layers, hoverinfo: "skip", line: { width: 0, color: hue } };
    return [
      { ...common, y: low, uid: `low-${label}` },
      { ...common, y: high, fill: "tonexty", fillcolor: fade(hue, 0.13), uid: `high-${label}` },
      { ...common, y: middle, uid: `middle-${label}`, line: { width: 1.2, dash: "dot", color: fade(hue, 0.9) } },
    ];
  });
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {any[]} a line for each card
 */
function rows(here, now) {
  const { ink } = here;
  const { layers } = cloudOf(here);
  const isHere = (/** @type {number} */ each) => each === layer(here);
  // The baseline comes last: where nothing has been edited yet, all lines are its own.
  return [...EDITS, "baseline"].map((slot) => {
    const t = now.lines[slot] ?? [];
    const panel = panelOf(here, slot);
    const words = panel && `<b>${clean(panel.title)}</b><br>layer %{x}: t = %{y:.2f}<extra></extra>`;
    return {
      type: "scatter",
      mode: "lines+markers",
      uid: `path-${slot}`,
      meta: "path",
      x: t.length ? layers : [],
      y: t,
      line: { width: slot === focus(here) ? 3.2 : 2, color: ink[slot], shape: "linear" },
      marker: {
        size: layers.map((each) => (isHere(each) ? 12 : 3)),
        symbol: SIGNS[slot][0],
        color: ink[slot],
        opacity: 1,
        line: { width: layers.map((each) => (isHere(each) ? 1.4 : 0)), color: ink.sheet },
      },
      hovertemplate: words ?? "",
    };
  });
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {{ traces: any[], layout: any }}
 */
export function path(here, now) {
  const { ink } = here;
  const { layers, edit_layer: edited } = cloudOf(here);
  const last = layers[layers.length - 1];
  const [span] = now.span;
  const sign = {
    type: "scatter",
    mode: "text",
    uid: "sign",
    x: [edited],
    y: [span[1]],
    text: ["INLP edits here"],
    hoverinfo: "skip",
    cliponaxis: false,
    textfont: font(ink, 11.5),
    textposition: edited > last * 0.8 ? "top left" : "top center",
  };
  const rule = (/** @type {number | undefined} */ x, /** @type {string} */ color, /** @type {string} */ dash) => ({
    type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: { width: 1.2, color, dash },
  });
  const axis = { zeroline: false, showgrid: false, showline: false, ticks: "", fixedrange: true, tickfont: font(ink) };
  const name = (/** @type {string} */ label) =>
    `<span style="color:${ink[label]};font-weight:600">${clean(nameOf(here, label))}</span>`;
  return {
    traces: [...bands(here), sign, ...rows(here, now)],
    layout: {
      ...blank(ink),
      margin: { l: 62, r: 12, t: 20, b: 40 },
      dragmode: false,
      uirevision: "path",
      shapes: [rule(now.cursor, ink.soft, "solid"), rule(edited, ink.line, "dot")],
      xaxis: {
        ...axis,
        range: [layers[0] - 0.5, last + 0.5],
        title: { text: "layer", standoff: 6, font: font(ink) },
      },
      yaxis: {
        ...axis,
        range: span,
        tickvals: [0, 1],
        ticktext: CLASSES.map(name),
        showgrid: true,
        gridcolor: fade(ink.line, 0.7),
      },
    },
  };
}
