// The keyboard: Ctrl+Enter runs, Esc closes what is open (a list by itself), stops the run or leaves the
// present mode, and 1 to 6 switch a card.
import { all, touched } from "../shared/dom.js";
import { close } from "./drawers.js";
import { leave } from "./present.js";

const TYPED = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]";

// The field of a list that is open (the list itself is still there while it fades), and a dialog.
const LIST = '[role="combobox"][aria-expanded="true"], dialog[open]';
/** Whether one was open when the key came: it closes itself, before the page hears of the key. */
let listed = false;

/**
 * @param {string} selector
 * @returns {boolean} whether there was anything to press
 */
function press(selector) {
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector(selector));
  if (!button || button.disabled) return false;
  button.click();
  return true;
}

/**
 * @param {string} key as a keyboard event names it
 * @param {number} count of the cards
 * @returns {number | undefined} index of the card that the key switches
 */
export function switched(key, count) {
  const at = /^[1-9]$/.test(key) ? Number(key) - 1 : -1;
  return at >= 0 && at < count ? at : undefined;
}

/** @param {KeyboardEvent} event */
function switchCard(event) {
  if (touched(event, TYPED)) return;
  const cards = all(".card");
  const at = switched(event.key, cards.length);
  const box = at === undefined ? null : cards[at].querySelector(".switch input");
  // The baseline has no switch: it always takes part.
  if (box instanceof HTMLInputElement) box.click();
}

/** @param {KeyboardEvent} event */
function keydown(event) {
  if (event.defaultPrevented || event.altKey) return;
  // On another tab nobody would see what runs, or which card is switched.
  const isSeen = document.documentElement.dataset.tab === "playground";
  const commanded = event.ctrlKey || event.metaKey;
  if (event.key === "Enter" && commanded && isSeen) {
    event.preventDefault();
    press("#run");
  } else if (commanded) return;
  else if (event.key !== "Escape") isSeen && switchCard(event);
  else if (listed) return; // that was what the key closed
  else if (!close(true) && !press("#stop")) leave();
}

/** Begins to listen. */
export function listenForKeys() {
  addEventListener("keydown", () => (listed = Boolean(document.querySelector(LIST))), true);
  document.addEventListener("keydown", keydown);
}
