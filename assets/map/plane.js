// The map in the plane: harm axis, PCA, UMAP, and three components seen from one side.
import { fade } from "../shared/colour.js";
import { blank, clean, font, SLOTS } from "../shared/plot.js";
import { shownComponents } from "./frames.js";
import { nameOf } from "./names.js";
import { EDITS, explained, points, SIGNS, told } from "./signs.js";
import { at, CLASSES, focus, panelOf } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 */

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {any[]} where the classes are dense
 */
function hills({ ink }, now) {
  return CLASSES.map((label, i) => {
    const hill = now.hills[i];
    const ticks = (/** @type {number[]} */ [low, high], /** @type {number} */ n) =>
      Array.from({ length: n }, (_, k) => low + ((high - low) * k) / (n - 1));
    const none = fade(ink[label], 0);
    return {
      type: "contour",
      ...(hill && { x: ticks(hill.x, hill.z[0].length), y: ticks(hill.y, hill.z.length), z: hill.z }),
      visible: Boolean(hill),
      hoverinfo: "skip",
      showscale: false,
      zmin: 0,
      zmax: 1,
      uid: `hill-${label}`,
      contours: { coloring: "fill", start: 0.15, end: 0.9, size: 0.25 },
      line: { width: 0.8, color: fade(ink[label], 0.32), smoothing: 1 },
      colorscale: [[0, none], [0.149, none], [0.15, fade(ink[label], 0.05)], [1, fade(ink[label], 0.2)]],
    };
  });
}

/**
 * The means and the names of the classes: traces, not annotations, so that one call moves everything.
 * @param {Section} here
 * @param {Frame} now
 * @param {number} top where names stand on the harm axis
 * @returns {any[]}
 */
function means(here, now, top) {
  const { ink } = here;
  const names = CLASSES.map((label) => clean(nameOf(here, label)));
  const harm = now.kind === "harm";
  const hues = CLASSES.map((label) => ink[label]);
  const halo = `0 0 3px ${ink.well}, 0 0 3px ${ink.well}`;
  const sides = ["middle left", "middle right"];
  const words = { family: ink.font, size: 13, weight: 600, color: hues };
  const across = now.means.map(([x]) => x);
  return [
    {
      type: "scatter",
      mode: "markers+text",
      uid: "means",
      ids: CLASSES,
      x: across,
      y: now.means.map(([, y]) => y),
      text: harm ? [] : names,
      textposition: across[0] < across[1] ? sides : [...sides].reverse(),
      textfont: { ...words, shadow: halo },
      hovertemplate: names.map((name) => `mean of the ${name} training requests<extra></extra>`),
      marker: { size: 11, symbol: "cross-thin", color: hues, line: { width: 2.4, color: hues } },
    },
    {
      type: "scatter",
      mode: "text",
      uid: "names",
      ids: CLASSES,
      x: harm ? across : [],
      y: harm ? [top, top] : [],
      text: names,
      textposition: ["top left", "top right"],
      textfont: words,
      hoverinfo: "skip",
      cliponaxis: false,
    },
  ];
}

/**
 * The principal components themselves, from the middle outwards.
 * @param {Section} here
 * @param {Frame} now
 */
function rods(here, now) {
  const names = shownComponents(here);
  return {
    type: "scatter",
    mode: "lines+text",
    uid: "axes",
    // Without names of their own plotly.js mixes up which text is whose, and loses one of two.
    ids: names.flatMap((i) => [`from ${i}`, `to ${i}`, `gap ${i}`]),
    hoverinfo: "skip",
    x: now.rods.flatMap(([x]) => [0, x, null]),
    y: now.rods.flatMap(([, y]) => [0, y, null]),
    text: names.flatMap((i) => ["", `PC ${i + 1} · ${explained(here, i)}`, ""]),
    textposition: "top center",
    textfont: font(here.ink),
    line: { width: 1.2, color: here.ink.soft },
  };
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {any[]} a mark for each card
 */
function marks(here, now) {
  return SLOTS.map((slot) => {
    const panel = panelOf(here, slot);
    const mark = panel && now.marks[slot];
    const outside = panel?.outside[here.chosen.layer];
    const hue = here.ink[slot];
    return {
      type: "scatter",
      mode: "markers",
      uid: `mark-${slot}`,
      meta: slot,
      x: mark ? [mark[0]] : [],
      y: mark ? [mark[1]] : [],
      hovertemplate: mark ? `${told(here, panel)}<extra></extra>` : "",
      cliponaxis: false,
      marker: {
        // The baseline lies under the others, so it is the largest and stays in sight.
        size: slot === "baseline" ? 19 : 15,
        symbol: SIGNS[slot][0] + (outside ? "-open" : ""),
        color: hue,
        opacity: 1,
        line: { color: outside ? hue : here.ink.sheet, width: outside ? 2.6 : 1.6 },
      },
    };
  });
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {any[]} an arrow from the baseline to each card's mark
 */
function arrows(here, now) {
  const { baseline } = now.marks;
  return EDITS.map((slot) => {
    const ends = baseline && now.marks[slot] ? [baseline, now.marks[slot]] : [];
    const chief = slot === focus(here);
    const hue = here.ink[slot];
    return {
      type: "scatter",
      mode: "lines+markers",
      uid: `arrow-${slot}`,
      x: ends.map(([x]) => x),
      y: ends.map(([, y]) => y),
      hoverinfo: "skip",
      line: { width: chief ? 2.6 : 1.7, color: hue },
      opacity: chief ? 1 : 0.6,
      marker: {
        symbol: "arrow",
        angleref: "previous",
        size: [0, chief ? 12 : 10],
        standoff: [0, 8],
        color: hue,
        opacity: 1,
        line: { width: 0 },
      },
    };
  });
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @param {number[][]} ranges
 * @returns {any}
 */
function layoutOf(here, now, [rangeX, rangeY]) {
  const { ink } = here;
  const harm = now.kind === "harm";
  const axis = {
    zeroline: false,
    showline: false,
    ticks: "",
    fixedrange: false,
    gridcolor: fade(ink.line, 0.6),
    automargin: false,
    showgrid: false,
  };
  const title = (/** @type {string} */ text) => ({ standoff: 6, font: font(ink), text });
  const said = at(here).said[here.chosen.map]?.replace(": ", ":<br>") ?? "";
  const rule = (/** @type {string} */ label, /** @type {number} */ x) => ({
    type: "line",
    x0: x,
    x1: x,
    yref: "paper",
    y0: 0,
    y1: 1,
    layer: "below",
    line: { width: 1.2, dash: "dot", color: fade(ink[label], 0.75) },
  });
  const names = CLASSES.map((label) => clean(nameOf(here, label)));
  const along = {
    tickvals: [-1, 0, 0.5, 1, 2],
    ticktext: ["−1", "0", "½", "1", "2"],
    tickfont: font(ink),
    title: title(`t: 0 at the ${names[0]} mean, 1 at the ${names[1]} mean`),
  };
  const bottom = harm ? 40 : said ? 38 : 10;
  return {
    ...blank(ink),
    uirevision: here.chosen.map,
    dragmode: now.kind === "turned" || matchMedia("(pointer: coarse)").matches ? false : "zoom",
    margin: { l: 10, r: 10, t: harm ? 24 : 8, b: bottom },
    shapes: harm ? CLASSES.map(rule) : [],
    xaxis: { ...axis, range: rangeX, ...(harm ? along : { showticklabels: false, title: title(said) }) },
    yaxis: { ...axis, range: rangeY, showticklabels: false },
  };
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @returns {{ traces: any[], layout: any }}
 */
export function plane(here, now) {
  const ranges = here.zoomed[here.chosen.map] ?? now.span;
  const [mean, names] = means(here, now, ranges[1][1]);
  return {
    traces: [
      ...hills(here, now),
      ...points(here, now, "scatter", 5),
      rods(here, now),
      mean,
      names,
      ...arrows(here, now),
      ...marks(here, now),
    ],
    layout: layoutOf(here, now, ranges),
  };
}
