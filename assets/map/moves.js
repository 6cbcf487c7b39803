// What a visitor does: another layer, another map, the story, a click on a point.
import { askServer } from "../shared/server.js";
import { goal } from "./frames.js";
import { glide, halt, paint } from "./paint.js";
import { words } from "./tokens.js";
import { tell } from "./words.js";
import { cloudOf, layer, node, part, say, turned } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

const STEP = 750; // milliseconds that the story stays at a layer
const FLAT = "No WebGL here: three components, seen from one side. Drag or press arrow keys to turn them.";
const TURNS = "Three components from one side. Arrow keys turn them.";
const ZOOMS = "Map of training requests. Plus and minus zoom, arrow keys move, 0 shows the whole map.";

/**
 * @param {Section} here
 * @returns {{ clicked(point: any): void, refresh(): void }}
 */
export const moves = (here) => ({
  clicked: (/** @type {any} */ point) => clicked(here, point),
  refresh: () => refresh(here),
});

/** @param {Section} here */
export const draw = (here) => glide(here, moves(here));

/**
 * Draws at once, without gliding.
 * @param {Section} here
 */
export function redraw(here) {
  halt(here);
  paint(here, goal(here), moves(here));
}

/**
 * Draws what is shown again, on a board of another size.
 * @param {Section} here
 */
export function resize(here) {
  const { shown, chosen } = here;
  if (shown && chosen.view !== "tokens" && node(here).clientWidth) paint(here, shown, moves(here));
}

/** @param {Section} here */
export function refresh(here) {
  here.machine?.tell();
  if (!here.cloud) return;
  const canvas = node(here);
  for (const name of ["plane", "space", "path", "words"]) part(here, name).hidden = part(here, name) !== canvas;
  tell(here);
  const flat = turned(here);
  say(here, here.chosen.view === "map" && flat ? FLAT : "");
  part(here, "plane").setAttribute("aria-label", flat ? TURNS : ZOOMS);
  if (here.chosen.view === "tokens") {
    words(here);
    if (!here.placed.panels.length) say(here, "Run a request, and its tokens appear here.");
  }
  draw(here);
  here.explorer?.refreshed();
  if (here.chosen.view !== "map") return;
  if (here.chosen.map === "umap") placeOnUmap(here);
  if (here.chosen.map !== "pca3") askForHills(here, here.chosen.layer).then((came) => came && draw(here));
}

/**
 * @param {Section} here
 * @param {number} index of a layer
 * @returns {Promise<boolean>} whether the densities of a layer have come now
 */
export async function askForHills(here, index) {
  const { cloud, given } = here;
  if (!cloud || !given.server?.hills || here.hills[index]) return false;
  const found = await askServer(given.server, "hills", index).catch(() => null);
  // Other maps have none of these; what is asked twice comes twice. Where none came, the next look asks.
  if (here.cloud !== cloud || here.hills[index]) return false;
  here.hills[index] = found?.maps_id === cloud.maps_id ? found : null;
  return index === here.chosen.layer;
}

/** @param {Section} here */
async function placeOnUmap(here) {
  const { placed, umaps, given } = here;
  const [key, where] = [placed.key, layer(here)];
  if (!placed.panels.length || umaps[where]) return;
  say(here, "Placing the request on this map …");
  const asked = key && given.server && askServer(given.server, "umap", { key, layer: where });
  const found = asked ? await asked.catch(() => null) : null;
  if (here.placed.key !== key || here.chosen.map !== "umap") return;
  if (found) here.umaps[where] = found;
  if (layer(here) !== where) return;
  say(here, found ? "" : "Press Run to place the request on this map.");
  draw(here);
}

/**
 * @param {Section} here
 * @param {number} index of a layer
 */
export function go(here, index) {
  here.chosen.layer = Math.max(0, Math.min(cloudOf(here).layers.length - 1, index));
  refresh(here);
}

/**
 * @param {Section} here
 * @param {boolean} on
 */
export function play(here, on) {
  clearInterval(here.story);
  here.story = 0;
  const button = part(here, "play");
  button.classList.toggle("on", on);
  button.setAttribute("aria-label", on ? "Pause" : "Play from the first layer to the last");
  // Twenty sentences in a row would be noise; the last one is said.
  part(here, "sentence").setAttribute("aria-live", on ? "off" : "polite");
  if (!on) return;
  const last = cloudOf(here).layers.length - 1;
  if (here.chosen.layer === last) go(here, 0);
  here.story = setInterval(() => {
    if (here.chosen.layer + 1 >= last) play(here, false);
    go(here, here.chosen.layer + 1);
    askForHills(here, here.chosen.layer + 1); // ahead, so that a layer is drawn once
  }, STEP);
}

/**
 * @param {Section} here
 * @param {any} point as plotly gives it
 */
function clicked(here, point) {
  const cloud = cloudOf(here);
  if (here.explorer?.clicked(point)) return;
  if (point.data.meta === "path") go(here, cloud.layers.indexOf(point.x));
  if (point.data.meta === "cloud") ask(here, point.customdata);
}

/**
 * Puts a training prompt into the box of the request.
 * @param {Section} here
 * @param {number} i index of its dot
 */
export function ask(here, i) {
  const cloud = cloudOf(here);
  if (here.offline) return;
  const box = /** @type {HTMLInputElement | null} */ (
    document.querySelector("#request textarea, #request input")
  );
  if (!box) return;
  box.value = cloud.texts[i];
  box.dispatchEvent(new Event("input", { bubbles: true })); // Gradio listens to this one
  window.steering?.place();
}

