// What the page shows, as data: from the attributes of the cards and of the map's list of places.
import { all } from "../shared/dom.js";
import { SIGNS } from "./inside.js";

/**
 * @typedef {import("./checks.js").Seen} Seen
 * @typedef {{ form: string, request: string, label: string, verdict: string }} Shown
 * @typedef {{ form: string, t: number }} Place
 */

const KEPT = 24; // requests that are remembered in a visit (chosen)
const SHOWN = '.card .view:is([data-state="done"], [data-state="recorded"])';

/** @returns {Shown[]} the answers on the cards that have ended */
export function shown() {
  return all(SHOWN)
    .map(({ dataset: { panel = "", request = "", label = "", verdict = "" } }) => ({
      form: panel,
      request,
      label,
      verdict,
    }))
    .filter(({ form, request, verdict }) => form && request && verdict);
}

/** @returns {Place[]} where the map says that the request lies at the layer it shows */
export function places() {
  const found = all(".atlas .places li:not([hidden])");
  return found
    .filter(({ dataset }) => dataset.form && dataset.t)
    .map(({ dataset }) => ({ form: dataset.form ?? "", t: Number(dataset.t) }));
}

/** @returns {boolean} whether a card waits for an answer that was not recorded, and no model runs */
export const isUnrecorded = () =>
  Boolean(document.querySelector('.strip[data-phase="recorded"]')) &&
  Boolean(document.querySelector('.card .view[data-state="missing"]'));

/** @returns {Seen} */
export const nothing = () => ({ answers: {}, places: {}, views: {} });

/**
 * @param {Seen} seen
 * @param {[string, string[]][]} notes by step
 * @returns {Seen} with these as well; each note once
 */
export function noting(seen, notes) {
  const views = { ...seen.views };
  for (const [id, more] of notes) {
    if (!more.length) continue;
    const known = [...new Set([...(views[id] ?? []), ...more])];
    const isSign = (/** @type {string} */ note) => SIGNS.includes(note);
    // However much is touched after it, what was solved stays so.
    views[id] = [...known.filter(isSign), ...known.filter((note) => !isSign(note)).slice(-KEPT)];
  }
  return { ...seen, views };
}

/**
 * @param {Seen} seen
 * @param {Shown[]} answers
 * @param {Place[]} landed
 * @returns {Seen} with these as well
 */
export function added(seen, answers, landed) {
  const found = structuredClone(seen);
  for (const { form, request, label, verdict } of answers) {
    found.answers[request] ??= { label, panels: {} };
    found.answers[request].panels[form] = verdict;
  }
  const start = landed.find(({ form }) => form === "baseline");
  for (const { form, t } of start ? landed : []) {
    if (form !== "baseline") found.places[`${start?.t}|${form}`] = t;
  }
  return { ...found, answers: latest(found.answers, KEPT), places: latest(found.places, 8 * KEPT) };
}

/**
 * @template T
 * @param {Record<string, T>} found
 * @param {number} most
 * @returns {Record<string, T>}
 */
const latest = (found, most) => Object.fromEntries(Object.entries(found).slice(-most));
