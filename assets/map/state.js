// What the section knows: the cloud, where the request lies, and what the visitor has chosen.
import { all, one, write } from "../shared/dom.js";

/**
 * @typedef {{ centre: number[], size: number[] }} View
 * @typedef {{ x: number[], y: number[], z: number[][] }} Hill see steering/ui/map/map_shapes.py
 * @typedef {Record<string, (Hill | null)[]>} Hills by map: of the harmful and the harmless points
 * @typedef {{ harm: number[][], pca: number[][], umap: number[][], means: Record<string, number[][]>,
 *   view: Record<string, View>, span: Record<string, number[][]>, explained: number[],
 *   turn: number[][], pair: number[], said: Record<string, string>,
 *   band: Record<string, number[]>, separates: number }} Layer
 * @typedef {{ model: string, maps_id: string, layers: number[], edit_layer: number, maps: string[],
 *   names: Record<string, string>, texts: string[], labels: string[], categories: string[],
 *   at: Layer[] }} Cloud see steering/ui/map/map_data.py
 * @typedef {{ texts: string[], t: number[][], template: number, answer: number, read: number }} Tokens
 * @typedef {{ slot: string, title: string, settings: string, form: string, t: number[], y: number[],
 *   pca: number[][], to_harmful: number[], to_harmless: number[], nearest: string[],
 *   outside: boolean[], sentences: string[], tokens: Tokens }} Panel
 * @typedef {{ panels: Panel[], prompt?: string, model?: string, maps?: boolean, maps_id?: string,
 *   key?: string }} Placed
 * @typedef {{ view: string, map: string, layer: number, borderline: boolean,
 *   focus: string | null, colour: string }} Chosen `layer` is an index into the cloud's layers, and
 *   `colour` is class or category
 * @typedef {{ cloud: Cloud, hills: Record<number, Hills>, placed: Placed, chosen: Chosen,
 *   umaps: Record<number, number[][]> }} Offline what is otherwise asked of the server
 * @typedef {{ kind: string, lines?: any, cursor?: number, points: number[][], means: number[][],
 *   marks: Record<string, number[]>, hills: (Hill | null)[], span: number[][], rods: number[][],
 *   moving?: boolean }} Frame plain numbers that can be mixed; `rods` are where components point
 *
 * @typedef {{ picked: Set<number> | null, pointed: number | null }} Explored dots by index
 * @typedef {{ refreshed(): void, painted(): void, pointed(point: any): void,
 *   clicked(point: any): boolean }} Explorer what is told of the map
 *
 * @typedef {object} Section
 * @property {HTMLElement} root
 * @property {Partial<Given> & { element: HTMLElement, program: string }} given
 * @property {Offline | null} offline
 * @property {string} untouched the section's HTML as it came
 * @property {Chosen} chosen
 * @property {Cloud | null} cloud training prompts, all layers
 * @property {Record<string, number[]>} members per label: indices of its points
 * @property {Placed} placed this request
 * @property {Record<number, number[][]>} umaps its places on UMAP, by layer
 * @property {Record<number, Hills | null>} hills by index of the layer; null where none came
 * @property {Record<string, number[][]>} zoomed per map: the ranges a visitor has zoomed to
 * @property {Frame | null} shown the frame on the screen
 * @property {import("../shared/colour.js").Ink} ink
 * @property {number} frame the next one of a glide
 * @property {import("./travel.js").Travel | null} travel of the plot that was drawn last in the plane
 * @property {boolean} awaited whether the next frame of a glide draws another end
 * @property {number} story the timer of the story
 * @property {{ node: Plot, point: any } | null} hovered
 * @property {{ tell(): void, ask(): void } | null} machine see machine.js
 * @property {boolean | null} deep whether this browser draws in 3D; asked when it first matters
 * @property {number[]} turn azimuth and elevation, in radians, of the flat view of three components
 * @property {Explored} explored what stands out, on this plane and the second one
 * @property {Explorer | null} explorer see explore.js
 * @property {boolean} begun
 * @property {boolean} fetching
 */

export const CLASSES = ["harmful", "harmless"];
export const LABELS = [...CLASSES, "borderline"];

/**
 * @param {HTMLElement} root
 * @param {Section["given"]} given
 * @param {Offline | null} offline
 * @returns {Section}
 */
export const section = (root, given, offline) => ({
  root,
  given,
  offline,
  untouched: root.outerHTML,
  chosen: { view: "map", map: "harm", layer: 0, borderline: false, focus: null, colour: "class" },
  cloud: null,
  members: {},
  placed: { panels: [] },
  umaps: {},
  hills: {},
  zoomed: {},
  shown: null,
  ink: {},
  frame: 0,
  travel: null,
  awaited: false,
  story: 0,
  hovered: null,
  machine: null,
  deep: null,
  turn: [0.79, 0.37],
  explored: { picked: null, pointed: null },
  explorer: null,
  begun: false,
  fetching: false,
});

/**
 * @param {Section} here
 * @param {string} name
 */
export const part = (here, name) => one(`[data-part="${name}"]`, here.root);

/**
 * @param {Section} here
 * @param {string} selector
 */
export const allIn = (here, selector) => all(selector, here.root);

/**
 * @param {Section} here with a cloud
 * @returns {Cloud}
 */
export function cloudOf({ cloud }) {
  if (!cloud) throw new Error("there is no cloud yet");
  return cloud;
}

/** @param {Section} here */
export const at = (here) => cloudOf(here).at[here.chosen.layer];

/** @param {Section} here */
export const layer = (here) => cloudOf(here).layers[here.chosen.layer];

function hasWebGL() {
  try {
    const made = document.createElement("canvas");
    const found = /** @type {WebGLRenderingContext | null} */ (
      made.getContext("webgl") ?? made.getContext("experimental-webgl")
    );
    found?.getExtension("WEBGL_lose_context")?.loseContext(); // a page has few
    return Boolean(found);
  } catch {
    return false;
  }
}

/** @param {Section} here */
export function solid(here) {
  if (here.chosen.map !== "pca3") return false;
  here.deep ??= hasWebGL();
  return here.deep;
}

/**
 * @param {Section} here
 * @returns {boolean} whether three components are seen from one side, without WebGL
 */
export const turned = (here) => here.chosen.map === "pca3" && !solid(here);

/**
 * @param {Section} here
 * @returns {"harm" | "pca" | "umap"} the map whose coordinates are shown
 */
export const raw = ({ chosen }) =>
  /** @type {"harm" | "pca" | "umap"} */ (chosen.map === "pca3" ? "pca" : chosen.map);

/**
 * @param {Section} here
 * @returns {Plot} the element of the view that is chosen
 */
export function node(here) {
  const names = { map: solid(here) ? "space" : "plane", path: "path", tokens: "words" };
  return /** @type {Plot} */ (part(here, names[/** @type {"map"} */ (here.chosen.view)]));
}

/**
 * @param {Section} here
 * @returns {string | undefined} the card that is told of: the chosen one, else the one that moved most
 */
export function focus({ placed, chosen }) {
  const { panels } = placed;
  if (panels.some(({ slot }) => slot === chosen.focus)) return chosen.focus ?? undefined;
  const start = panels.find(({ slot }) => slot === "baseline")?.t[chosen.layer] ?? 0.5;
  const far = (/** @type {Panel} */ panel) => Math.abs(panel.t[chosen.layer] - start);
  return [...panels].sort((a, b) => far(b) - far(a))[0]?.slot;
}

/**
 * @param {Section} here
 * @param {string} slot
 */
export const panelOf = ({ placed }, slot) => placed.panels.find((each) => each.slot === slot);

/**
 * @param {Section} here
 * @param {string} words
 */
export function say(here, words) {
  const status = part(here, "status");
  write(status, words);
  status.hidden = !words;
}
