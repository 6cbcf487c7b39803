// When a step of the second chapter is solved, which is about views that show what was measured. Each
// view notes what is there and what a visitor touches, see views.js; here it is judged.
import { outcome } from "./outcome.js";

/**
 * @typedef {import("./outcome.js").Outcome} Outcome
 * @typedef {Record<string, string[]>} Noted notes by step, in their order: `open` once its view was seen,
 *   `right` once the right thing was touched, `none` where there is none, and what else was touched
 */

export const SIGNS = ["open", "right", "none"];
const TOLD = 4; // touches that are told, the last ones (chosen)
const ENOUGH = 3; // wrong ones after which “not here” is a result, where nobody knows a right one (chosen)

/** The steps whose views know by themselves whether there is a right thing to touch. */
const KNOWING = ["harm", "decided", "wordings", "erasers"];

/** The steps of this chapter; another view takes its place here, in views.js and in the texts. */
export const INSIDE = [...KNOWING, "cost"];

/**
 * @param {string} id of a step
 * @param {Noted} noted
 * @returns {Outcome}
 */
export function inside(id, noted) {
  const found = noted[id] ?? [];
  const touched = found.filter((note) => !SIGNS.includes(note));
  const tried = touched.slice(-TOLD).map((note) => /** @type {[string, string]} */ (pair(note)));
  const stuck = KNOWING.includes(id) ? found.includes("none") : touched.length >= ENOUGH;
  return outcome([found.includes("open"), found.includes("right")], stuck, tried);
}

/** @param {string} note such as `harmless: answered`, or `L12 = 0.62` @returns {string[]} */
function pair(note) {
  const [what, came = ""] = note.split(": ");
  return [what, came];
}
