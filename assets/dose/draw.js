// Draws the figures, and shows where the keyboard is.
import { one, write } from "../shared/dom.js";
import { CONFIG, spoken } from "../shared/plot.js";
import { dress, told } from "./dress.js";
import { ahead, again, AIMS, pixelsOf } from "./keys.js";
import { nameAll } from "./names.js";
import { FIGURES, figure, isSet, part, plotOf, wanted } from "./state.js";
import { legends, list, press, tellKnown } from "./words.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Spot} Spot
 */

/**
 * @param {Section} here
 * @param {number} index of the cell that a card is to be set to
 */
export function choose(here, index) {
  if (!here.data) return;
  // What follows was not moved by hand on the Playground: it starts no run.
  window.steering.calm();
  // The tour reads it.
  const { cheap, form, panel } = here.data.cells[index];
  here.root.dataset.picked = `${cheap ? "cheap" : "dear"} ${form ?? panel}`;
  here.given.trigger("select", { panel: here.data.cells[index].panel });
}

/**
 * @param {Section} here
 * @param {string} name
 * @param {Spot} spot
 */
export const pixels = (here, name, spot) => pixelsOf(plotOf(here, name)._fullLayout, spot);

/**
 * Puts the ring of the keyboard around the spot where it is, and tells what is there.
 * @param {Section} here
 * @param {string} name
 * @param {boolean} [aloud]
 */
export function point(here, name, aloud = false) {
  const canvas = plotOf(here, name);
  const cursor = one(".cursor", figure(here, name));
  const spot = here.at[name] && again(here.drawn[name].spots, here.at[name]);
  cursor.hidden = !spot || document.activeElement !== canvas;
  if (!spot || !here.data) return;
  here.at[name] = spot;
  const [x, y] = pixels(here, name, spot);
  cursor.style.left = `${x}px`;
  cursor.style.top = `${y}px`;
  if (!aloud) return;
  // A heat map knows no point numbers here, only places.
  const numbered = [{ curveNumber: spot.curve, pointNumber: spot.point }];
  const aim = name === "heat" ? { xval: spot.x, yval: spot.y } : numbered;
  window.Plotly.Fx.hover(canvas, aim, spot.axis === "y2" ? "xy2" : "xy");
  const label = name === "frontier" && spot.curve > 0 ? here.drawn[name].traces[spot.curve].name : "";
  const cell = { ...here.data.cells[spot.cell], slot: null }; // a key sets no card by itself
  write(part(here, "live"), spoken(told(cell, label)));
}

/**
 * @param {Section} here
 * @param {string} name
 * @param {string} key an arrow key, Home or End
 */
function walk(here, name, key) {
  const { spots } = here.drawn[name];
  const { cells } = here.data ?? { cells: [] };
  const from = here.at[name];
  const next = from
    ? ahead(spots, from, key, (spot) => pixels(here, name, spot))
    : spots.find(({ cell }) => isSet(cells[cell])) ?? spots[0];
  if (!next) return;
  here.at[name] = next;
  point(here, name, true);
}

/**
 * @param {Section} here
 * @param {string} name
 */
export function reach(here, name) {
  const canvas = plotOf(here, name);
  canvas.addEventListener("keydown", (event) => {
    if (!here.drawn[name] || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in AIMS || ["Home", "End"].includes(event.key)) walk(here, name, event.key);
    else if ((event.key === "Enter" || event.key === " ") && here.at[name]) choose(here, here.at[name].cell);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => here.drawn[name] && point(here, name));
  canvas.addEventListener("blur", () => {
    one(".cursor", figure(here, name)).hidden = true;
    if (canvas.made) window.Plotly.Fx.unhover(canvas);
  });
}

/**
 * @param {Section} here
 * @param {string} name
 */
export function draw(here, name) {
  const canvas = plotOf(here, name);
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  const found = wanted(here, name);
  if (!found || !window.Plotly || !size.width) return; // on a tab that is not seen
  const made = dress(name, found, here, size);
  here.drawn[name] = made;
  if (name === "frontier") nameAll(here, size, () => draw(here, name));
  if (canvas.made) window.Plotly.react(canvas, made.traces, made.layout, CONFIG);
  else {
    canvas.made = true;
    window.Plotly.newPlot(canvas, made.traces, made.layout, CONFIG);
    canvas.on("plotly_click", ({ points: [hit] }) => {
      const spot = here.drawn[name].spots.find(
        (each) => each.curve === hit.curveNumber && String(each.point) === String(hit.pointNumber),
      );
      if (!spot) return;
      here.at[name] = spot;
      point(here, name);
      choose(here, spot.cell);
    });
  }
  canvas.style.cursor = "pointer";
  point(here, name);
}

/** @param {Section} here */
export function drawAll(here) {
  if (!here.data) return;
  press(here);
  FIGURES.forEach((name) => draw(here, name));
  legends(here);
  tellKnown(here);
  list(here);
}
