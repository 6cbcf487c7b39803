// Draws the popover of a token, beside its word.
import { add, one } from "../shared/dom.js";
import { SLOTS } from "../shared/plot.js";
import { mark, ranged, wordOf } from "./places.js";

/**
 * @typedef {import("./places.js").Here} Here
 * @typedef {import("./places.js").Opened} Opened
 * @typedef {import("./places.js").Other} Other
 * @typedef {import("./places.js").Token} Token
 * @typedef {import("./places.js").Told} Told
 */

const GAP = 6; // pixels between the word and the popover, and between it and the window's edge
const MARKS = { kept: "inspected-kept", word: "inspected" };

/**
 * @param {string} token
 * @returns {string} with its blanks and line ends as signs
 */
export const visible = (token) =>
  token.replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(/ /g, "␣") || "(nothing)";

/**
 * Puts the popover below the word, or above it: where it fits, else where there is more room.
 * @param {Here} here
 */
export function stand({ root, opened }) {
  if (!opened) return;
  const boxes = [...wordOf(opened).getClientRects()];
  const around = opened.answer.getBoundingClientRect();
  const word = boxes.find((box) => box.width) ?? boxes[0] ?? around;
  // The word may be scrolled out of its box, and the box out of the window.
  const within = (/** @type {number} */ y) =>
    Math.max(0, Math.min(Math.max(y, around.top), around.bottom, innerHeight));
  const [top, bottom] = [within(word.top), within(word.bottom)];
  root.style.maxHeight = "";
  const { offsetWidth: width, offsetHeight: height } = root;
  const room = { below: innerHeight - bottom - 2 * GAP, above: top - 2 * GAP };
  const below = height <= room.below || room.below >= room.above;
  const shown = Math.min(height, below ? room.below : room.above);
  const left = Math.max(GAP, Math.min(word.left, document.documentElement.clientWidth - width - GAP));
  root.style.maxHeight = `${shown}px`;
  root.style.left = `${left}px`;
  root.style.top = `${below ? bottom + GAP : top - GAP - shown}px`;
}

/**
 * @param {HTMLElement} root
 * @param {string} label
 * @param {string} sign
 * @param {() => void} act
 * @returns {HTMLButtonElement}
 */
function button(root, label, sign, act) {
  const made = /** @type {HTMLButtonElement} */ (add(root, "button", "", sign));
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

/** @param {Other[]} others @param {Element} root */
function list(others, root) {
  const box = add(root, "ol", "tokens");
  box.setAttribute("aria-label", "The likeliest tokens here");
  for (const { text, probability } of others) {
    const line = add(box, "li");
    const code = add(line, "code", "written", visible(text));
    code.setAttribute("dir", "auto");
    code.setAttribute("translate", "no");
    add(add(line, "i"), "u").style.width = `${(100 * probability).toFixed(1)}%`;
    add(line, "span", "", percent(probability));
  }
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** @param {Token} token */
const surprise = ({ surprise: nats, bits }) =>
  nats === null || bits === null ? "without end" : `${nats.toFixed(2)} nats (${bits.toFixed(2)} bits)`;

/** @returns {{ slot: string, title: string, form: string }[]} the cards that can go on */
function targets() {
  return SLOTS.flatMap((slot) => {
    const card = document.getElementById(`card-${slot}`);
    const on = /** @type {HTMLInputElement | null | undefined} */ (card?.querySelector(".switch input"));
    if (!card || (on && !on.checked)) return [];
    const copied = /** @type {HTMLElement | null} */ (card.querySelector("[data-copy]"));
    return [{ slot, title: one("h3", card).textContent ?? slot, form: copied?.dataset.copy ?? "" }];
  });
}

/** @param {Here} here @param {Opened} opened */
function onward(here, opened) {
  const box = add(here.root, "div", "onward");
  add(box, "p", "", "Continue from here under");
  for (const { slot, title, form } of targets()) {
    const go = button(box, `Continue from here under ${title} (${form})`, title, () => {
      here.root.hidePopover();
      document.getElementById(`card-${slot}`)?.scrollIntoView({ block: "nearest" });
      here.trigger("submit", { slot: opened.slot, kept: opened.place + 1, target: slot });
    });
    go.className = `card-${slot}`;
    go.title = form;
  }
}

/** @param {Here} here @param {Opened} opened @param {Told} told */
function drawToken(here, opened, told) {
  const token = told.tokens[opened.place];
  const head = add(here.root, "header");
  const code = add(head, "code", "written", visible(token.text));
  code.setAttribute("dir", "auto");
  code.setAttribute("translate", "no");
  add(head, "span", "", `${opened.place + 1} of ${told.tokens.length}`);
  button(head, "Token before", "‹", () => here.step(-1)).disabled = opened.place === 0;
  button(head, "Next token", "›", () => here.step(1)).disabled = opened.place === told.tokens.length - 1;
  button(head, "Close", "×", () => here.root.hidePopover());
  const numbers = add(here.root, "dl");
  for (const [name, value] of [
    ["Probability here", percent(token.probability)],
    ["Surprise to the untouched model", surprise(token)],
  ]) {
    const line = add(numbers, "div");
    add(line, "dt", "", name);
    add(line, "dd", "", value);
  }
  list(token.alternatives, here.root);
  add(here.root, "p", "", `Under ${told.panel}, before temperature and top-p.`);
  onward(here, opened);
}

/** @param {Here} here */
export function draw(here) {
  const { root, opened } = here;
  if (!opened) return;
  const held = /** @type {HTMLElement | null} */ (document.activeElement);
  const label = root.contains(held) ? held?.getAttribute("aria-label") : null;
  root.replaceChildren();
  root.className = `inspect card-${opened.slot}`;
  const { told } = opened;
  if (told && !told.problem) drawToken(here, opened, told);
  else add(root, "p", "", told?.problem ?? "Reading the answer …").setAttribute("role", "status");
  const word = wordOf(opened);
  mark(MARKS.word, word);
  mark(MARKS.kept, ranged(opened.text, 0, word.startOffset));
  const again = label ? root.querySelector(`[aria-label="${label}"]:not(:disabled)`) : null;
  /** @type {HTMLElement} */ (again ?? root).focus({ preventScroll: true });
  stand(here);
}

/** Takes the marks off the text. */
export function unmark() {
  for (const name of Object.values(MARKS)) mark(name, null);
}
