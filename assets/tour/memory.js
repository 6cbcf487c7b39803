// What is kept of a visit, in this tab alone: how far the tour is, never a request or an answer.
import { nothing } from "./seen.js";

/**
 * @typedef {{ open: boolean, at: number, language: string, ended: Record<string, string>,
 *   seen: import("./checks.js").Seen, model: string }} Kept `ended`: `solved` or `stuck` by step
 */

const NAME = "tour";

/**
 * @param {string[]} known languages there are
 * @param {readonly string[]} wanted by the browser, the best first
 * @returns {string}
 */
export function languageOf(known, wanted) {
  const short = wanted.map((each) => each.toLowerCase().split("-")[0]);
  return short.find((each) => known.includes(each)) ?? known[0];
}

/** @param {string} language @returns {Kept} */
export const fresh = (language) => ({ open: false, at: 0, language, ended: {}, seen: nothing(), model: "" });

/** @param {string} language to begin with @returns {Kept} */
export function recall(language) {
  try {
    return { ...fresh(language), ...JSON.parse(sessionStorage.getItem(NAME) ?? "{}") };
  } catch {
    return fresh(language); // nothing may be kept, or somebody else has written there
  }
}

/** @param {Kept} kept */
export function keep(kept) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(kept));
  } catch {
    // A browser may forbid it: the tour then begins anew with the page.
  }
}
