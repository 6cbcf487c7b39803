// Which button, key or drag does what.
import { touched } from "../shared/dom.js";
import { flatten, wholeMap } from "./paint.js";
import { go, moves, play, redraw, refresh, resize } from "./moves.js";
import { save } from "./save.js";
import { cloudOf, part, say, turned } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

const DRAG = 150; // pixels of a drag for one radian
/** @type {Record<string, [number, number]>} radians to the right and up */
const AIMS = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] };

/** @param {Section} here */
function large(here) {
  if (document.fullscreenElement) return void document.exitFullscreen();
  const refused = () => say(here, "This browser does not allow the full screen here.");
  here.root.requestFullscreen?.().catch(refused);
}

/**
 * @param {Section} here
 * @param {HTMLElement} button
 */
function choose(here, button) {
  const { value = "" } = button.dataset;
  const group = /** @type {HTMLElement | null} */ (button.closest("[data-part]"))?.dataset.part;
  const { layers, edit_layer: edited } = cloudOf(here);
  if (group === "play") return play(here, !here.story);
  if (group === "whole") return wholeMap(here, moves(here));
  if (group === "presets") {
    play(here, false);
    return go(here, value === "edit" ? layers.indexOf(edited) : layers.length - 1);
  }
  if (group === "views") here.chosen.view = value;
  if (group === "maps") {
    here.chosen.map = value;
    if (!here.deep) here.deep = null; // a lost one may have come back
  }
  const item = button.closest("li");
  if (item) here.chosen.focus = item.dataset.slot ?? null;
  refresh(here);
}

/**
 * @param {Section} here
 * @param {Event} event
 */
function click(here, event) {
  const button = touched(event, "button");
  if (!button || button.closest('[data-part="explorer"], [data-part="explore"]')) return; // see explore.js
  if (button.dataset.save) {
    save(here, button.dataset.save).catch((/** @type {unknown} */ error) => {
      say(here, "This file could not be made. Reload the page to try again.");
      console.error(error);
    });
  } else if (button.dataset.part === "large") large(here);
  else if (here.cloud) choose(here, button);
}

/**
 * Turns three components that are seen from one side.
 * @param {Section} here
 * @param {number} across in radians
 * @param {number} up
 */
function rotate(here, across, up) {
  const [azimuth, elevation] = here.turn;
  here.turn = [azimuth - across, Math.max(-1.5, Math.min(1.5, elevation + up))];
  redraw(here);
}

/** @param {Section} here */
function turn(here) {
  const plane = part(here, "plane");
  /** @type {[number, number] | null} */
  let grip = null;
  plane.addEventListener("pointerdown", (event) => {
    if (here.cloud && here.chosen.view === "map" && turned(here)) grip = [event.clientX, event.clientY];
  });
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    rotate(here, (event.clientX - grip[0]) / DRAG, (event.clientY - grip[1]) / DRAG);
    grip = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (grip = null));
  plane.addEventListener("keydown", (event) => {
    const aim = AIMS[event.key];
    if (!aim || !here.cloud || !turned(here)) return;
    event.preventDefault();
    rotate(here, ...aim);
  });
}

/** @param {Section} here */
export function listen(here) {
  here.root.addEventListener("click", (event) => click(here, event));
  part(here, "layer").addEventListener("input", (event) => {
    play(here, false);
    if (here.cloud) go(here, Number(/** @type {HTMLInputElement} */ (event.target).value));
  });
  part(here, "borderline").addEventListener("change", (event) => {
    here.chosen.borderline = /** @type {HTMLInputElement} */ (event.target).checked;
    refresh(here);
  });
  // WebGL may be lost at any time: a driver ends, a laptop sleeps, another page takes the last context.
  const lost = (/** @type {Event} */ event) => {
    event.stopImmediatePropagation();
    setTimeout(() => flatten(here, moves(here)));
  };
  part(here, "space").addEventListener("webglcontextlost", lost, true);
  turn(here);
  new ResizeObserver(() => resize(here)).observe(part(here, "board"));
}
