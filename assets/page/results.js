// The table of results: sorting, the two ways to count refusals, details, and files to download.
// Listens on the document, because the table is written anew when the model changes.
import { all, download, one, touched } from "../shared/dom.js";

/** @type {Record<string, string>} */
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
/** @type {Record<string, string>} */
const WORDS = { none: "in their first order", ascending: "lowest first", descending: "highest first" };
/** @type {Record<string, string>} */
const TYPES = { csv: "text/csv", md: "text/markdown", json: "application/json", bib: "application/x-bibtex" };

/**
 * A value of a block of rows; texts only in the column of names.
 * @param {HTMLElement} body
 * @param {string} column
 * @param {string} by how refusals are counted
 * @returns {string | number | null} null if it was not measured
 */
function value(body, column, by) {
  if (column === "label") return body.dataset.label ?? "";
  const found = body.getAttribute(`data-${column}`) ?? body.getAttribute(`data-${column}-${by}`);
  return found === null ? null : Number(found);
}

/**
 * @param {string | number | null} first
 * @param {string | number | null} second
 * @param {1 | -1} sign -1 puts the highest first
 * @returns {number} below 0 if the first value comes first
 */
export function compare(first, second, sign) {
  // What was not measured comes last, whichever way the rest is sorted.
  if (first === null || second === null) return Number(first === null) - Number(second === null);
  if (typeof first === "string") return sign * first.localeCompare(String(second));
  return sign * (first - Number(second));
}

/** @param {HTMLElement} section */
function arrange(section) {
  const head = all("th[aria-sort]", section).find((each) => each.getAttribute("aria-sort") !== "none");
  const column = head && one("[data-sort]", head).dataset.sort;
  const sign = head?.getAttribute("aria-sort") === "descending" ? -1 : 1;
  const bodies = all("tbody[data-order]", section); // other tables stand below it
  bodies.sort((a, b) => {
    const first = Number(a.dataset.order) - Number(b.dataset.order);
    if (!column) return first;
    const by = section.dataset.by ?? "";
    return compare(value(a, column, by), value(b, column, by), sign) || first;
  });
  one("table", section).append(...bodies);
}

/**
 * @param {HTMLElement} section
 * @param {HTMLElement} button
 */
function sort(section, button) {
  const head = button.closest("th");
  const next = NEXT[head?.getAttribute("aria-sort") ?? "none"];
  for (const each of all("th[aria-sort]", section)) each.setAttribute("aria-sort", "none");
  head?.setAttribute("aria-sort", next);
  arrange(section);
  one('[role="status"]', section).textContent = `Rows by ${button.textContent}, ${WORDS[next]}.`;
}

/**
 * @param {HTMLElement} section
 * @param {HTMLElement} button
 */
function count(section, button) {
  section.dataset.by = button.dataset.by;
  for (const each of all("button[data-by]", section)) {
    each.setAttribute("aria-pressed", String(each === button));
  }
  arrange(section);
}

/**
 * @param {HTMLElement} section
 * @param {HTMLElement} button
 */
function open(section, button) {
  const shown = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(shown));
  const details = /** @type {HTMLElement | null} */ (
    section.querySelector(`[id="${button.dataset.opens}"]`)
  );
  if (details) {
    details.hidden = !shown;
    return;
  }
  for (const row of all("tr:not(.group)", button.closest("tbody") ?? section)) {
    // Closing all also closes what each had open.
    row.hidden = !shown || row.classList.contains("details");
    row.querySelector("[data-opens]")?.setAttribute("aria-expanded", "false");
  }
}

/**
 * @param {HTMLElement} section
 * @param {string} kind
 */
function save(section, kind) {
  const template = /** @type {HTMLTemplateElement} */ (one(".files template", section));
  const files = JSON.parse(template.content.textContent ?? "{}");
  download(files[kind], `${TYPES[kind]};charset=utf-8`, `${files.name}.${kind}`);
}

/** @param {Event} event */
function click(event) {
  const button = touched(event, ".results button");
  const section = /** @type {HTMLElement | null | undefined} */ (button?.closest(".results"));
  if (!button || !section) return;
  const { sort: column, by, opens, file } = button.dataset;
  if (column) sort(section, button);
  else if (by) count(section, button);
  else if (opens) open(section, button);
  else if (file) save(section, file);
}

/** Begins. */
export function listenForResults() {
  document.addEventListener("click", click);
}
