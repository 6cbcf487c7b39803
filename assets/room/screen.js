// The presenter's screen on this page: parts are written where the page has its own, which are kept
// and put back. What Gradio writes meanwhile is the page's own, too.
import { all } from "../shared/dom.js";

/** @typedef {Record<string, string>} Parts see steering/ui/room_feed.py */

const MARK = "data-of-room";
/** @type {Record<string, string>} where each kind of part stands in a card */
const PLACES = {
  view: ".screen .view",
  tokens: ".drawer-numbers :is(.tokens, p.quiet)",
  form: ".form-line :is(.form, .problem)",
};

/** @type {Map<string, { home: Element, html: string }>} what the page itself shows, by part */
const own = new Map();
/** @type {Map<string, string>} what stands there instead */
const written = new Map();
/** @type {Map<string, Element>} */
const homes = new Map();
/** @type {string | null} */
let ownRequest = null;

const box = () => /** @type {HTMLTextAreaElement | null} */ (document.querySelector("#request textarea"));

/** @param {string} name of a part of a card */
function homeOf(name) {
  const known = homes.get(name);
  if (known?.isConnected) return known;
  const [kind, slot] = name.split(":");
  const found = document.querySelector(`#card-${CSS.escape(slot)} ${PLACES[kind]}`)?.parentElement ?? null;
  if (found) homes.set(name, found);
  return found;
}

/**
 * @param {string} name
 * @param {string} html made by the server's own templates
 */
function writeCard(name, html) {
  const home = homeOf(name);
  if (!home) return;
  const mine = Boolean(home.querySelector(`:scope > [${MARK}]`));
  if (!mine) own.set(name, { home, html: home.innerHTML });
  if (mine && written.get(name) === html) return;
  written.set(name, html);
  home.innerHTML = html;
  if (!home.firstElementChild) home.append(document.createElement("span"));
  home.firstElementChild?.setAttribute(MARK, "");
}

/** @param {string} words */
function writeRequest(words) {
  const field = box();
  if (!field) return;
  ownRequest ??= field.value;
  field.readOnly = true;
  // Without an event: Gradio would place it on the map, once for everybody.
  if (field.value !== words) field.value = words;
}

/** @param {string | null} value of the map, or null for the page's own */
function writeMap(value) {
  document.querySelector(".atlas")?.dispatchEvent(new CustomEvent("placed", { detail: value }));
}

/** @type {string | null} */
let mapped = null;

/**
 * Shows all parts; those that stand there already are left alone.
 * @param {Parts} parts
 */
export function showParts(parts) {
  for (const [name, value] of Object.entries(parts)) {
    if (name.split(":")[0] in PLACES) writeCard(name, value);
  }
  if ("request" in parts) writeRequest(parts.request);
  if ("board" in parts && mapped !== parts.board) {
    mapped = parts.board;
    writeMap(parts.board);
  }
}

/** Puts back what the page itself shows. */
export function restore() {
  for (const [name, { home, html }] of own) {
    if (home.isConnected && home.querySelector(`:scope > [${MARK}]`)) home.innerHTML = html;
    own.delete(name);
  }
  const field = box();
  if (field && ownRequest !== null) {
    field.readOnly = false;
    field.value = ownRequest;
    field.dispatchEvent(new Event("input", { bubbles: true })); // what Gradio has may be another one by now
    ownRequest = null;
  }
  if (mapped !== null) writeMap(null);
  mapped = null;
}

/** @returns {boolean} whether the page itself has an answer that was written for it */
export const hasAnswers = () =>
  [...own.values()].some(({ html }) => /data-state="(?:done|writing|waiting)"/.test(html)) ||
  all('.view:is([data-state="done"], [data-state="writing"])').some((view) => !view.hasAttribute(MARK));
