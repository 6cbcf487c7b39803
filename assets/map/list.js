// The list beside the map: what was found, drawn around or is nearest, as text.
import { add, download, write } from "../shared/dom.js";
import { described, nameOf, shownDots } from "./names.js";
import { csv, signed } from "./text.js";
import { allIn, at, cloudOf, LABELS, layer, part } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {{ point?: number, slot?: string }} Of a dot, or a card's mark
 * @typedef {{ dots: number[], far: number[] | null, title: string, note: string, of: Of | null }} Listed
 *   `far` are distances; `of` is what the dots are nearest to
 */

const MOST = 200; // rows that are shown; the CSV has all

/** @type {Listed} */
export const NOTHING = { dots: [], far: null, title: "", note: "", of: null };

/**
 * @param {Section} here
 * @param {number[]} dots
 * @returns {string} how many of how many, class by class
 */
export function counted(here, dots) {
  const { labels } = cloudOf(here);
  const of = LABELS.flatMap((label) => {
    const size = dots.filter((i) => labels[i] === label).length;
    return size ? [`${size} ${nameOf(here, label)}`] : [];
  });
  return `${dots.length} of ${shownDots(here).length} requests${of.length ? `: ${of.join(", ")}` : ""}`;
}

/**
 * @param {Section} here
 * @param {Listed} listed
 * @returns {string} the list as CSV
 */
export function tableOf(here, { dots, far }) {
  const { texts, labels, categories } = cloudOf(here);
  const [t] = at(here).harm;
  const rows = dots.map((i, n) => [
    ...[nameOf(here, labels[i]), categories[i], layer(here), t[i], far?.[n] ?? "", texts[i]],
  ]);
  return csv([["class", "category", "layer", "t", "distance", "text"], ...rows]);
}

/**
 * @param {Section} here
 * @param {Listed} listed
 * @param {Element} list
 * @param {number} n row
 */
function addRow(here, { dots, far }, list, n) {
  const { texts, labels } = cloudOf(here);
  const i = dots[n];
  const row = add(list, "li");
  const button = /** @type {HTMLButtonElement} */ (add(row, "button", "row"));
  button.type = "button";
  button.dataset.dot = String(i);
  button.title = "Point at it on the map, and list what is nearest to it";
  const words = add(button, "span", "written", texts[i]);
  words.dir = "auto";
  words.setAttribute("translate", "no");
  const apart = far ? `distance ${far[n].toPrecision(3)}` : `t = ${signed(at(here).harm[0][i])}`;
  const small = add(button, "small", `of-${labels[i]}`, `${described(here, i)} · ${apart}`);
  small.prepend(add(small, "i", "dot"));
  if (here.offline) return;
  const ask = /** @type {HTMLButtonElement} */ (add(row, "button", "ask", "Ask"));
  ask.type = "button";
  ask.dataset.ask = String(i);
  ask.title = "Put it into the box of the request";
  ask.setAttribute("aria-label", `Ask: ${texts[i]}`);
}

/**
 * @param {Section} here
 * @param {Listed} listed
 * @param {boolean} before whether there is a list to go back to
 */
export function showList(here, listed, before) {
  const list = part(here, "list");
  list.replaceChildren();
  listed.dots.slice(0, MOST).forEach((_, n) => addRow(here, listed, list, n));
  list.scrollTop = 0;
  write(part(here, "list-title"), listed.title);
  const more = listed.dots.length - MOST;
  const rest = more > 0 ? `The first ${MOST} are shown; the CSV has all.` : "";
  write(part(here, "list-note"), [listed.note, rest].filter(Boolean).join(" "));
  part(here, "list-tools").hidden = !listed.dots.length;
  const [back] = allIn(here, '[data-list="back"]');
  back.hidden = !before;
}

/**
 * Marks the row of a dot, and brings it into sight within the list.
 * @param {Section} here
 * @param {number | null} i index of the dot
 * @param {boolean} scrolls
 */
export function pointInList(here, i, scrolls) {
  const list = part(here, "list");
  for (const row of allIn(here, ".list .row")) {
    const on = row.dataset.dot === String(i);
    row.toggleAttribute("aria-current", on);
    if (!on || !scrolls) continue;
    const [box, whole] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
    if (box.top < whole.top || box.bottom > whole.bottom) list.scrollTop += box.top - whole.top;
  }
}

/**
 * @param {Section} here
 * @param {Listed} listed
 * @param {string} how copy or save
 */
export async function takeAway(here, listed, how) {
  const table = tableOf(here, listed);
  const name = `training-requests-layer-${layer(here)}.csv`;
  if (how === "save") return download(table, "text/csv", name);
  const refused = "This browser does not let the page copy. Save the CSV instead.";
  const done = await navigator.clipboard?.writeText(table).then(() => true, () => false);
  write(part(here, "list-note"), done ? "The list is copied, as CSV." : refused);
}
