// Draws a frame, and glides from one to the next.
import { CONFIG, grown, growth } from "../shared/plot.js";
import { eased } from "./between.js";
import { continues, goal, mix } from "./frames.js";
import { path } from "./path.js";
import { plane } from "./plane.js";
import { CAMERA, space } from "./space.js";
import { node, part, solid } from "./state.js";
import { GLIDE, Travel } from "./travel.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 * @typedef {{ clicked(point: any): void, refresh(): void }} Moves what a drawing leads to
 */

/**
 * Drawing in 3D has ended, or never began: the same points, seen from one side.
 * @param {Section} here
 * @param {Moves} moves
 */
export function flatten(here, moves) {
  const canvas = /** @type {Plot} */ (part(here, "space"));
  if (!canvas.made && here.deep === false) return; // told twice
  here.deep = false;
  if (canvas.made) window.Plotly.purge(canvas);
  canvas.replaceChildren();
  canvas.made = false;
  here.shown = null;
  moves.refresh();
}

/**
 * @param {Section} here
 * @param {Moves} moves
 */
export function wholeMap(here, moves) {
  delete here.zoomed[here.chosen.map];
  part(here, "whole").hidden = true;
  if (solid(here)) window.Plotly.relayout(part(here, "space"), { "scene.camera": CAMERA });
  else glide(here, moves);
}

/**
 * @param {Section} here
 * @param {Plot} canvas
 * @param {Moves} moves
 */
function listen(here, canvas, moves) {
  canvas.on("plotly_hover", ({ points: [point] }) => {
    const { curveNumber, pointNumber } = point;
    here.hovered = { node: canvas, point: { curveNumber, pointNumber } };
    here.explorer?.pointed(point);
  });
  canvas.on("plotly_unhover", () => {
    here.hovered = null;
    here.explorer?.pointed(null);
  });
  canvas.on("plotly_click", ({ points: [point] }) => moves.clicked(point));
  canvas.on("plotly_relayout", (change) => {
    if (!("xaxis.range[0]" in change) || here.chosen.view !== "map") return;
    const { xaxis, yaxis } = canvas.layout;
    here.zoomed[here.chosen.map] = [[...xaxis.range], [...yaxis.range]];
    part(here, "whole").hidden = false;
    here.explorer?.painted();
  });
  canvas.on("plotly_doubleclick", () => wholeMap(here, moves));
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @param {Moves} moves
 */
export function paint(here, now, moves) {
  here.travel?.land();
  here.shown = now;
  const canvas = node(here);
  if (!canvas.clientWidth) return; // on a tab that is not seen; an observer draws it later
  const draw = now.kind === "path" ? path : now.kind === "pca3" ? space : plane;
  const { traces, layout } = grown(draw(here, now), growth());
  // Said each time, since a plot that was hidden has missed what happened to the window.
  Object.assign(layout, { width: canvas.clientWidth, height: canvas.clientHeight });
  if (canvas.made) {
    window.Plotly.react(canvas, traces, layout, CONFIG);
    here.explorer?.painted();
    return;
  }
  canvas.made = true;
  window.Plotly.newPlot(canvas, traces, layout, CONFIG).then(() => {
    // What plotly.js shows where it cannot draw is a text of its own with a link to another host.
    const scene = canvas._fullLayout?.scene?._scene;
    if (now.kind === "pca3" && canvas.made && !scene?.glplot) flatten(here, moves);
    // plotly.js finds a lost context in a frame of its own, perhaps before the event that tells, and
    // would then wait frame by frame for the context of a plot that is gone.
    if (scene) scene.recoverContext = () => setTimeout(() => flatten(here, moves));
  });
  listen(here, canvas, moves);
}

/** @param {Section} here */
export function halt(here) {
  cancelAnimationFrame(here.frame);
  here.frame = 0;
  here.awaited = false;
  here.travel?.land();
}

/**
 * A redraw has wiped what was told of the point under the hand.
 * @param {Section} here
 */
function hover({ hovered }) {
  if (hovered) window.Plotly.Fx.hover(hovered.node, [hovered.point]);
}

/**
 * In space WebGL draws every frame anew; there are no elements to move.
 * @param {Section} here
 * @param {Moves} moves
 */
function morph(here, moves) {
  halt(here);
  const end = goal(here);
  const start = structuredClone(here.shown);
  for (const slot of Object.keys(end.marks)) {
    if (start) start.marks[slot] ??= start.marks.baseline ?? end.marks[slot];
  }
  const began = performance.now();
  /** @param {number} now */
  const move = (now) => {
    const k = Math.min(1, Math.max(0, (now - began) / GLIDE));
    paint(here, k < 1 ? { ...mix(start, end, eased(k)), moving: true } : end, moves);
    here.frame = k < 1 ? requestAnimationFrame(move) : 0;
    if (!here.frame) hover(here);
  };
  here.frame = requestAnimationFrame(move);
}

/**
 * In the plane plotly.js draws the end, and elements travel there.
 * @param {Section} here
 * @param {Moves} moves
 */
function travel(here, moves) {
  here.awaited = true;
  if (here.frame) return; // the frame to come sees to it, however often a slider tells of a new layer
  /** @param {number} now */
  const move = (now) => {
    if (!here.cloud) return halt(here); // the model has gone meanwhile
    if (here.awaited && (here.travel?.mayTurn ?? true)) {
      here.awaited = false;
      const canvas = node(here);
      if (here.travel?.canvas !== canvas) here.travel = new Travel(canvas);
      here.travel.begin(() => paint(here, goal(here), moves));
    } else here.travel?.step(now);
    here.frame = here.awaited || here.travel?.isUnderWay ? requestAnimationFrame(move) : 0;
    if (!here.frame) hover(here);
  };
  here.frame = requestAnimationFrame(move);
}

/**
 * @param {Section} here
 * @param {Moves} moves
 */
export function glide(here, moves) {
  if (!here.cloud || here.chosen.view === "tokens" || !window.Plotly) return halt(here);
  const end = goal(here);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (still || !here.shown || !continues(here.shown, end) || document.hidden) {
    halt(here);
    paint(here, end, moves);
  } else if (solid(here) && here.chosen.view === "map") morph(here, moves);
  else travel(here, moves);
}
