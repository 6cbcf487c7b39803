// Present mode: large type, controls folded away, the baseline beside one panel after the other. Left and
// right go through them. What could be unpleasant in a room is veiled (veil.js).
import { all, touched } from "../shared/dom.js";
import { keepSafe } from "./veil.js";
import { showCard } from "./verdicts.js";

const root = document.documentElement;

/** @returns {string[]} cards that take part, the baseline left out */
function others() {
  return all(".card:not(#card-baseline)")
    .filter((card) => /** @type {HTMLInputElement | null} */ (card.querySelector(".switch input"))?.checked)
    .map((card) => card.id.replace("card-", ""));
}

/**
 * @param {string[]} names
 * @param {string | undefined} now
 * @param {number} step
 * @returns {string | undefined} the name that follows, round and round
 */
export function following(names, now, step) {
  const at = names.indexOf(now ?? "");
  if (!names.length) return undefined;
  return at < 0 ? names[0] : names[(at + step + names.length) % names.length];
}

/** @param {number} step */
function go(step) {
  const next = following(others(), document.getElementById("stage")?.dataset.shows, step);
  if (next) showCard(next);
}

/** @param {boolean} on */
function present(on) {
  root.toggleAttribute("data-presents", on);
  for (const button of all("[data-present]")) button.setAttribute("aria-pressed", String(on));
  if (!on) return;
  keepSafe(true);
  const shown = document.getElementById("stage")?.dataset.shows ?? "";
  if (!others().includes(shown)) go(1);
}

/**
 * Leaves the mode.
 * @returns {boolean} whether it was on
 */
export function leave() {
  const was = root.hasAttribute("data-presents");
  if (was) present(false);
  return was;
}

/** @param {KeyboardEvent} event */
function keydown(event) {
  if (!root.hasAttribute("data-presents") || touched(event, "input, textarea, select, [role=tab], .plot")) return;
  const step = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  go(step);
}

/** Begins to listen. */
export function listenForPresenting() {
  document.addEventListener("keydown", keydown);
  document.addEventListener("click", (event) => {
    if (touched(event, "[data-present]")) present(!root.hasAttribute("data-presents"));
  });
}
