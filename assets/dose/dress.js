// From a figure as Python made it to one on the screen: colours of the theme, what is told of each
// cell, and a ring around what the cards are set to now.
import { along, dressed, legible } from "../shared/colour.js";
import { blank, clean, grown, growth } from "../shared/plot.js";
import { isSet } from "./state.js";

/**
 * @typedef {import("./state.js").Cell} Cell
 * @typedef {import("./state.js").Drawing} Drawing
 * @typedef {import("./state.js").Section} Section
 * @typedef {{ width: number, height: number }} Size
 */

const SQUARE = { across: 30, up: 16 }; // pixels of a square that holds a number
/** @type {Record<string, { size: number, width: number }>} */
const RINGS = { curves: { size: 19, width: 2 }, frontier: { size: 22, width: 1.8 } };

/**
 * @param {Cell} cell
 * @param {string} [label] a name that comes first
 * @returns {string} lines that plotly reads
 */
export function told(cell, label = "") {
  const lines = label ? [clean(label), cell.told] : [cell.told];
  const action = isSet(cell) ? "a card is set to this" : "click: set the card to this";
  if (cell.slot) lines.push(`<i>${action}</i>`);
  return lines.join("<br>");
}

/**
 * @param {any} indices of cells; null where there is none
 * @param {(index: number) => string} say
 * @returns {any} texts of the same shape
 */
export function texts(indices, say) {
  if (Array.isArray(indices)) return indices.map((each) => texts(each, say));
  return indices === null ? "" : say(indices);
}

/**
 * @param {string} name
 * @param {Drawing} drawing
 * @param {Section} here
 * @returns {any[]} markers around the cells that the cards are set to
 */
function rings(name, drawing, { data, ink }) {
  const { size, width } = RINGS[name];
  const set = drawing.spots.filter(({ cell }) => data && isSet(data.cells[cell]));
  return set.map(({ x, y, axis = "y" }) => ({
    type: "scatter",
    mode: "markers",
    x: [x],
    y: [y],
    yaxis: axis,
    hoverinfo: "skip",
    showlegend: false,
    marker: { symbol: "circle-open", size, color: ink.ink, line: { width, color: ink.ink } },
  }));
}

/**
 * @param {Drawing} drawing the heat map, its colours put in
 * @param {Section} here
 * @param {Size} size
 */
function dressHeat(drawing, { data, ink }, { width, height }) {
  const [squares, numbers] = drawing.traces;
  const { l, r, t, b } = drawing.layout.margin;
  const factor = growth();
  const across = (width - l - r) / squares.x.length;
  const up = (height - t - b) / squares.y.length;
  numbers.visible = across > SQUARE.across * factor && up > SQUARE.up * factor;
  numbers.textfont.color = numbers.meta.map((/** @type {number} */ share) =>
    legible(along(drawing.legend.colours, share)),
  );
  const set = drawing.spots.filter(({ cell }) => data && isSet(data.cells[cell]));
  drawing.layout.shapes = set.map(({ x, y }) => ({
    type: "rect",
    x0: x - 0.49,
    x1: x + 0.49,
    y0: y - 0.49,
    y1: y + 0.49,
    line: { width: 2.6, color: ink.flip },
  }));
}

/**
 * @param {string} name
 * @param {Drawing} wanted as Python made it
 * @param {Section} here
 * @param {Size} size of the board
 * @returns {Drawing}
 */
export function dress(name, wanted, here, size) {
  const cells = here.data?.cells ?? [];
  const factor = growth();
  const drawing = grown(dressed(wanted, here.ink), factor);
  for (const trace of drawing.traces) {
    // On the figure of costs, the first trace holds what has no name.
    const label = name === "frontier" && trace !== drawing.traces[0] ? trace.name : "";
    trace.customdata &&= texts(trace.customdata, (index) => told(cells[index], label));
  }
  if (name === "heat") dressHeat(drawing, here, size);
  else drawing.traces.push(...grown(rings(name, drawing, here), factor));
  const { l, r } = drawing.layout.margin;
  const narrow = size.width - l - r < (here.data?.narrow ?? 0) * factor ? drawing.narrow : {};
  drawing.layout = { ...grown(blank(here.ink), factor), dragmode: false, ...drawing.layout, ...narrow, ...size };
  return drawing;
}
