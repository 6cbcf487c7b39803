// Copying, which a browser may refuse: without https there is no clipboard, and a frame or a person can
// forbid it. What is said is what happened; where nothing can be copied, the text stands there selected.
import { touched } from "../shared/dom.js";

const SHOWN = 1600; // milliseconds in which a button says what happened

function how() {
  if (matchMedia("(pointer: coarse)").matches) return "copy it by hand";
  return `press ${/Mac/.test(navigator.platform) ? "⌘C" : "Ctrl+C"}`;
}

/**
 * Said to those who do not see it; made once, since a new live region is not read.
 * @param {string} words
 */
function tell(words) {
  let live = document.getElementById("copying-live");
  if (!live) {
    live = document.body.appendChild(document.createElement("p"));
    Object.assign(live, { id: "copying-live", className: "unseen" });
    live.setAttribute("role", "status");
  }
  live.textContent = words;
}

/**
 * The older way, which works where there is no navigator.clipboard.
 * @param {HTMLTextAreaElement} box
 * @returns {boolean} true only if the text was taken
 */
function copySelected(box) {
  let taken = false;
  const heard = () => (taken = true);
  box.focus({ preventScroll: true });
  box.select();
  document.addEventListener("copy", heard, { once: true });
  try {
    return document.execCommand("copy") && taken;
  } catch {
    return false;
  } finally {
    document.removeEventListener("copy", heard);
  }
}

/** @param {string} text */
function selectable(text) {
  const box = document.createElement("textarea");
  Object.assign(box, { value: text, readOnly: true, rows: 1, className: "by-hand" });
  box.setAttribute("translate", "no");
  return box;
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it is on the clipboard
 */
async function copy(text) {
  try {
    if (navigator.clipboard?.writeText) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Forbidden; the older way is asked for separately.
  }
  const box = selectable(text);
  box.classList.add("away");
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  document.body.append(box);
  const done = copySelected(box);
  box.remove();
  before?.focus?.({ preventScroll: true });
  return done;
}

/**
 * Shows the text beside its button, selected, until it was copied or left.
 * @param {HTMLElement} button
 * @param {string} text
 */
function offer(button, text) {
  button.parentElement?.querySelector(".by-hand")?.remove();
  const box = selectable(text);
  box.setAttribute("aria-label", `The text, selected: ${how()}`);
  button.after(box);
  box.focus({ preventScroll: true });
  box.select();
  let copied = false;
  box.addEventListener("copy", () => {
    copied = true;
    // After the browser has copied: what is selected is gone with the box.
    setTimeout(() => button.focus({ preventScroll: true }));
  });
  box.addEventListener("blur", () => {
    // Not at once: a browser does not let an element go twice.
    setTimeout(() => box.remove());
    say(button, copied ? "copied" : null);
  });
  box.addEventListener("keydown", (event) => event.key === "Escape" && button.focus({ preventScroll: true }));
}

/** @type {WeakMap<HTMLElement, number>} */
const waiting = new WeakMap();

/**
 * @param {HTMLElement} button
 * @param {string | null} words null for the button's own
 * @param {boolean} [stays] whether they stay until something else is said
 */
function say(button, words, stays = false) {
  const word = button.querySelector(".copy");
  clearTimeout(waiting.get(button));
  if (word) {
    // A translator may have put its own elements around the word.
    word.textContent = words ?? /** @type {HTMLElement} */ (word).dataset.word ?? "copy";
    word.classList.toggle("told", Boolean(words));
  }
  if (!words) return;
  tell(words);
  if (!stays) waiting.set(button, setTimeout(() => say(button, null), SHOWN));
}

/**
 * Copies a text for a button, which says what happened.
 * @param {HTMLElement} button
 * @param {string} text
 */
export async function copyFor(button, text) {
  if (await copy(text)) return say(button, "copied");
  if (!button.isConnected) return; // drawn anew meanwhile: nothing can stand beside it
  say(button, how(), true);
  offer(button, text);
}

/** @param {Event} event */
function click(event) {
  const button = touched(event, "[data-copy]");
  if (button) copyFor(button, button.dataset.copy ?? "");
}

/** Begins. */
export function listenForCopying() {
  document.addEventListener("click", click);
}
