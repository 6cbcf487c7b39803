// The views of the second chapter: where each is, what of it is seen, what a touch of it means, and what
// “Show me” touches. They read names and numbers from the page, never words that a visitor sees.
import { all, one, touched } from "../shared/dom.js";

/**
 * @typedef {object} View
 * @property {string} tab
 * @property {string} place in the address, to which “Show me” goes
 * @property {() => string[]} seen notes of what is there now
 * @property {(event: Event) => string[]} touch notes of what was touched; empty if nothing of this view
 * @property {() => HTMLElement | null} aim what to touch to solve it; null while it is not there
 */

/** @param {HTMLElement} dot of the map of harm and refusal */
function noteOfDot(dot) {
  const set = ["harmful", "harmless", "borderline"].find((name) => dot.classList.contains(name)) ?? "";
  const refused = dot.classList.contains("refused");
  return [`${set}: ${refused ? "declined" : "answered"}`, ...(dot.matches(SEEN_ONLY) ? ["right"] : [])];
}

/** A harmful request that looks harmful to the model, which begins to answer it all the same. */
const SEEN_ONLY = ".harm-map .dot.harmful:not(.refused)[data-looks=harmful]";

/** @type {View} */
const harm = {
  tab: "anatomy",
  place: "harm",
  seen: () => there(".harm-map", SEEN_ONLY),
  touch: (event) => {
    const dot = touched(event, ".harm-map .dot");
    return dot ? noteOfDot(dot) : [];
  },
  aim: () => document.querySelector(SEEN_ONLY),
};

const GRID = '#patching .grid[data-part="whole"][data-towards="refusal"]';
const HALF = 0.5; // of the refusal, as the sentence above the grid counts

/** @param {Element | null | undefined} cell */
const valueOf = (cell) => Number((cell?.textContent ?? "").trim().replace("−", "-"));

/** @returns {HTMLTableCellElement[]} the last token's, from the first layer to the last */
function lastToken() {
  const heads = all(`${GRID} thead th`);
  const column = heads.findIndex((head) => valueOf(head) === -1);
  const rows = /** @type {HTMLTableRowElement[]} */ (all(`${GRID} tbody tr`));
  return column < 0 ? [] : rows.map((row) => row.cells[column]);
}

/** @returns {HTMLTableCellElement | undefined} where the last token begins to carry the refusal */
const firstCarrying = () => lastToken().find((cell) => valueOf(cell) > HALF);

/** @type {View} */
const decided = {
  tab: "anatomy",
  place: "patching",
  seen: () => (all(GRID).length ? ["open", ...(firstCarrying() ? [] : ["none"])] : []),
  touch: (event) => {
    const cell = /** @type {HTMLTableCellElement | null} */ (touched(event, `${GRID} td`));
    if (!cell) return [];
    const layer = cell.parentElement?.querySelector("th")?.textContent ?? "";
    const found = firstCarrying();
    // Of another token the same layer says something else: it is told with its token.
    const head = all(`${GRID} thead th`)[cell.cellIndex]?.textContent ?? "";
    return [`L${layer} (${head}) = ${valueOf(cell)}`, ...(cell === found ? ["right"] : [])];
  },
  aim: () => {
    // The whole state, towards refusal, may not be the grid that is seen.
    for (const value of ["whole", "refusal"]) {
      const other = document.querySelector(`#patching input[value="${value}"]:not(:checked)`);
      if (other instanceof HTMLInputElement) other.click();
    }
    return firstCarrying() ?? null;
  },
};

const WORDINGS = "#wording-map label[data-auc]";

/** @param {HTMLElement} label @returns {number} how well the English direction tells its requests apart */
const aucOf = ({ dataset }) => Number(dataset.auc);

/** @returns {HTMLElement | undefined} the wording in which it does so worst */
const hardest = () => all(WORDINGS).find((label) => aucOf(label) === Math.min(...all(WORDINGS).map(aucOf)));

/** @type {View} */
const wordings = {
  tab: "anatomy",
  place: "wordings",
  seen: () => (hardest() ? ["open"] : []),
  touch: (event) => {
    // A click on a label is one on its button as well: one of the two is told.
    if (!(event.target instanceof HTMLInputElement)) return [];
    const label = touched(event, WORDINGS);
    if (!label) return [];
    return [`${label.textContent?.trim()} = ${aucOf(label).toFixed(2)}`, ...(label === hardest() ? ["right"] : [])];
  },
  aim: () => hardest()?.querySelector("input") ?? null,
};

const ERASERS = ["leace", "ace", "alterrep"];

/** @param {Element} body rows of the table of results */
const formOf = (body) => /** @type {HTMLElement | null} */ (body.querySelector("[data-copy]"))?.dataset.copy ?? "";

/** @param {Element} body @returns {number} share of harmful requests refused */
const refusals = (body) => Number(body.getAttribute("data-harmful-refusal"));

/** @returns {HTMLElement[]} the rows of the three erasers, without their random controls */
const erased = () =>
  all(".results tbody:not(.control)").filter((body) => ERASERS.includes(formOf(body).split(":")[0]));

/** @param {HTMLElement} body @returns {boolean} whether no other of the erasers refuses less */
const isLeast = (body) => refusals(body) === Math.min(...erased().map(refusals));

/** @type {View} */
const erasers = {
  tab: "results",
  place: "results",
  seen: () => {
    const untouched = document.querySelector(".results tbody.baseline");
    const some = erased();
    if (!some.length || !untouched) return [];
    return ["open", ...(some.some((body) => refusals(body) < refusals(untouched)) ? [] : ["none"])];
  },
  touch: (event) => {
    const body = touched(event, ".results .more")?.closest("tbody");
    if (!body || !erased().includes(body)) return [];
    return [`${formOf(body)} = ${refusals(body).toFixed(2)}`, ...(isLeast(body) ? ["right"] : [])];
  },
  aim: () => erased().find(isLeast)?.querySelector(".more") ?? null,
};

const FRONT = '[data-figure="frontier"]';
const doses = () => /** @type {(HTMLElement & { doses?: any }) | null} */ (document.querySelector(".doses"));
const isAsked = () => ["questions", "code"].includes(doses()?.dataset.against ?? "");

/** @type {View} */
const cost = {
  tab: "dose",
  place: "dose",
  seen: () => {
    if (!isAsked()) return [];
    const [kind, form] = (doses()?.dataset.picked ?? "").split(" ");
    return ["open", ...(form ? [form] : []), ...(kind === "cheap" ? ["right"] : [])];
  },
  touch: () => [], // what was picked stands on the section: a key picks as well
  aim: () => {
    if (!doses()?.doses?.there()) return null;
    if (!isAsked()) one(`${FRONT} [data-value="questions"]`).click();
    const names = all(`${FRONT} [data-part="names"] button`);
    return names.find(({ dataset }) => doses()?.doses.cell(Number(dataset.cell))?.cheap) ?? null;
  },
};

/** @param {string} view @param {string} right @returns {string[]} */
const there = (view, right) =>
  all(view).length ? ["open", ...(document.querySelector(right) ? [] : ["none"])] : [];

/** @type {Record<string, View>} */
export const VIEWS = { harm, decided, wordings, erasers, cost };

const isOpen = (/** @type {View} */ view) => document.documentElement.dataset.tab === view.tab;

/** @returns {[string, string[]][]} notes by step, of the views that are open */
export const noted = () =>
  Object.entries(VIEWS).map(([id, view]) => [id, isOpen(view) ? view.seen() : []]);

/** @param {Event} event @returns {[string, string[]][]} notes by step, of what was touched */
export const touchedViews = (event) => Object.entries(VIEWS).map(([id, view]) => [id, view.touch(event)]);
