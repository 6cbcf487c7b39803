// Keeps folds of an answer as their visitor has set them: earlier turns of a conversation, and thinking. An
// answer is drawn anew ten times a second while it is written, and what is drawn anew has forgotten them.
import { all, touched } from "../shared/dom.js";

const FOLD = ".view details";
/** @type {Map<string, boolean>} whether a fold is open, by its name, of those that a visitor has set */
const set = new Map();

/**
 * @param {string} card
 * @param {string} kind earlier turn or thinking
 * @param {string} place of the turn; empty of what belongs to the answer that is written
 * @param {string} request that was or is answered there
 * @returns {string} what a fold is called: another request has another one
 */
export const nameOf = (card, kind, place, request) => [card, kind, place, request].join("\n");

/** @param {HTMLElement} fold */
function named(fold) {
  const card = fold.closest(".card")?.id ?? "";
  const view = /** @type {HTMLElement | null} */ (fold.closest(".view"));
  const earlier = fold.classList.contains("earlier");
  const part = (/** @type {string} */ selector) => fold.querySelector(selector)?.textContent ?? "";
  const request = earlier ? part("summary > [dir]") : (view?.dataset.request ?? "");
  return nameOf(card, fold.className, earlier ? part(".turn") : "", request);
}

function keep() {
  if (!set.size) return;
  for (const fold of all(FOLD)) {
    const open = set.get(named(fold));
    if (open !== undefined && fold.hasAttribute("open") !== open) fold.toggleAttribute("open", open);
  }
}

/** Begins to listen. */
export function followFolds() {
  document.addEventListener("click", (event) => {
    const fold = touched(event, "summary")?.closest(FOLD);
    // The browser turns it after the click.
    if (fold instanceof HTMLDetailsElement) set.set(named(fold), !fold.open);
  });
  new MutationObserver(keep).observe(document, { subtree: true, childList: true });
}
