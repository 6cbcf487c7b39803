// How dots look: by class or by category, and which of them stand out.
import { fade, inks } from "../shared/colour.js";
import { SLOTS } from "../shared/plot.js";
import { hasCategories } from "./names.js";
import { cloudOf, LABELS } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {{ colour: string, symbol: string }} Look
 */

/** Colours that people tell apart who see few; shapes are the second cue. See assets/explore.css. */
export const HUES = ["kind0", "kind1", "kind2", "kind3", "kind4", "kind5"];
const SHAPES = ["circle", "square", "diamond", "triangle-up"];
const IN_SPACE = ["circle", "square", "diamond", "cross"]; // plotly.js has fewer there

/**
 * @param {number} index of a category in the list of all
 * @returns {{ hue: string, shape: string, solid: string }} no other of the first 24 looks the same
 */
export function kind(index) {
  const turn = Math.floor(index / HUES.length) % SHAPES.length;
  return { hue: HUES[index % HUES.length], shape: SHAPES[turn], solid: IN_SPACE[turn] };
}

/**
 * @param {Section} here
 * @returns {string[]} all categories, those of the classes before those of borderline prompts
 */
export function categoriesOf(here) {
  const { categories, labels } = cloudOf(here);
  const of = (/** @type {boolean} */ open) =>
    [...new Set(categories.filter((each, i) => each && (labels[i] === "borderline") === open))].sort();
  return [...new Set([...of(false), ...of(true)])];
}

/** @param {Section} here */
export const isByCategory = (here) => here.chosen.colour === "category" && hasCategories(here);

const forced = () => matchMedia("(forced-colors: active)").matches;

/**
 * @param {string} name of a colour of the system
 * @param {Element} root
 * @returns {string} as `#rrggbb`
 */
function systemColour(name, root) {
  const probe = root.appendChild(document.createElement("i"));
  probe.style.color = name;
  const [r, g, b] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
  probe.remove();
  return `#${[r, g, b].map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/**
 * @param {Section} here
 * @returns {import("../shared/colour.js").Ink} the style sheet's colours, or those that a system forces on
 *   everything
 */
export function inkOf({ root }) {
  const found = inks(root, [...LABELS, ...SLOTS, ...HUES]);
  if (!forced()) return found;
  const [text, ground, grey] = ["CanvasText", "Canvas", "GrayText"].map((name) => systemColour(name, root));
  /** @type {Record<string, string>} */
  const own = { line: grey, sheet: ground, well: ground, ground, font: found.font };
  return Object.fromEntries(Object.keys(found).map((name) => [name, own[name] ?? text]));
}

/**
 * @param {Section} here
 * @param {boolean} space whether WebGL draws
 * @returns {(i: number) => Look} how a dot looks before any stands out
 */
function plain(here, space) {
  const { labels, categories } = cloudOf(here);
  const open = (/** @type {string} */ shape) => `${shape}-open`;
  if (isByCategory(here)) {
    const all = new Map(categoriesOf(here).map((each, index) => [each, kind(index)]));
    return (i) => {
      const own = all.get(categories[i]);
      const shape = (space ? own?.solid : own?.shape) ?? "circle";
      const hollow = labels[i] !== "harmful" && shape !== "cross";
      return { colour: here.ink[own?.hue ?? "soft"], symbol: hollow ? open(shape) : shape };
    };
  }
  // Where the system allows one colour alone, shapes tell the classes apart.
  const shapes = forced()
    ? { harmful: "circle", harmless: "diamond-open", borderline: "square-open" }
    : { harmful: "circle", harmless: "circle", borderline: "circle-open" };
  return (i) => ({ colour: here.ink[labels[i]], symbol: shapes[/** @type {"harmful"} */ (labels[i])] });
}

/**
 * @param {Section} here
 * @param {number[]} index of the dots
 * @param {boolean} space whether WebGL draws
 * @param {number} size in pixels
 * @returns {any} plotly's marker
 */
export function markerOf(here, index, space, size) {
  const look = plain(here, space);
  const { picked, pointed } = here.explored;
  const larger = isByCategory(here) && !space ? 1.5 : 0;
  const clear = isByCategory(here) || forced() ? 0.85 : 0.42;
  const strength = (/** @type {number} */ i) => (picked ? (picked.has(i) ? 1 : 0.13) : clear);
  const looks = index.map(look);
  return {
    // In the colour: in space a trace has one opacity alone.
    color: looks.map(({ colour }, n) => fade(colour, strength(index[n]))),
    symbol: looks.map(({ symbol }) => symbol),
    size: index.map((i, n) => {
      const open = looks[n].symbol.endsWith("-open") && !space ? 1 : 0;
      return size + larger + open + (picked?.has(i) ? size / 2 : 0) + (space && i === pointed ? 2 * size : 0);
    }),
    opacity: 1,
    line: { width: looks.map(({ symbol }) => (symbol.endsWith("-open") ? 1.2 : 0)) },
  };
}
