// What the section knows: the data, what is chosen, and what is drawn.

/**
 * @typedef {{ cell: number, curve: number, point: number | number[], x: number, y: number,
 *   axis?: string }} Spot
 * @typedef {{ panel: string, slot: string | null, form: string | null, told: string,
 *   cheap?: boolean }} Cell
 * @typedef {{ traces: any[], layout: any, spots: Spot[], about: string, legend: any,
 *   narrow?: any }} Drawing see steering/ui/dose/figure_parts.py
 * @typedef {{ cells: Cell[], figures: Record<string, Record<string, Drawing>>, rows: any[],
 *   dials: string[], sentences: Record<string, string>,
 *   known: Record<string, string>, n: number, narrow: number }} Data
 *   see steering/ui/dose/dose_data.py
 * @typedef {{ key: string, shown: string, found: any[] }} Names
 * @typedef {object} Section
 * @property {HTMLElement} root
 * @property {Given} given
 * @property {Data | null} data
 * @property {string | undefined} model whose `data` is
 * @property {import("../shared/colour.js").Ink} ink
 * @property {Record<string, string>} chosen
 * @property {Record<string, Drawing>} drawn what is on the screen, dressed
 * @property {Record<string, Spot>} at where the keyboard is, per figure
 * @property {Names | null} names annotations of the figure of costs, for one size of its board
 */
import { one } from "../shared/dom.js";
import { SLOTS } from "../shared/plot.js";

export const FIGURES = ["heat", "curves", "frontier"];

/**
 * @param {HTMLElement} root
 * @param {Given} given
 * @returns {Section}
 */
export const section = (root, given) => ({
  root,
  given,
  data: null,
  model: undefined,
  ink: {},
  chosen: { measure: "harmful_rate", dial: "k", of: "harmful", unit: "rate", cost: "rate", against: "kl" },
  drawn: {},
  at: {},
  names: null,
});

/**
 * @param {Section} here
 * @param {string} name
 * @param {ParentNode} [within]
 */
export const part = (here, name, within = here.root) => one(`[data-part="${name}"]`, within);

/**
 * @param {Section} here
 * @param {string} name
 */
export const figure = (here, name) => one(`[data-figure="${name}"]`, here.root);

/**
 * @param {Section} here
 * @param {string} name
 */
export const plotOf = (here, name) => /** @type {Plot} */ (one(".plot", figure(here, name)));

/**
 * @param {Section} here
 * @param {string} name
 * @returns {Drawing | undefined} the figure that is chosen, as Python made it
 */
export function wanted({ data, chosen }, name) {
  const { measure, dial, of, unit, cost, against } = chosen;
  const key = { heat: measure, curves: `${dial} ${of} ${unit}`, frontier: `${cost} ${against}` }[name];
  return data?.figures[name][key ?? ""];
}

/** @param {string} slot */
const cardForm = (slot) =>
  /** @type {HTMLElement | null} */ (document.querySelector(`#card-${slot} [data-copy]`))?.dataset.copy;

/** @returns {string} what the cards are set to */
export const cardForms = () => SLOTS.map(cardForm).join();

/**
 * @param {Cell} cell
 * @returns {boolean} whether its card shows this cell's setting now
 */
export const isSet = (cell) => Boolean(cell.slot) && cell.form === cardForm(cell.slot ?? "");

/**
 * @param {Section} here
 * @param {string} words
 */
export function say(here, words) {
  const status = part(here, "status");
  if (status.textContent !== words) status.textContent = words;
  status.hidden = !words;
}
