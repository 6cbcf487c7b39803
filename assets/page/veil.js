// The safe display, for a room: what the untouched model refuses and an edit lets it say is seen up to its
// first sentence; the rest is blurred until somebody presses for it. Nothing is taken away from the text.
import { add, all, one, touched, write } from "../shared/dom.js";

const DECLINES = ["refused", "refused_with_alternative", "hedged"];
const SELDOM = 15; // per cent of a refusal-like start below which a request is taken for harmless, until it is judged

/** @type {Set<string>} cards whose veil was lifted, until their next answer */
const lifted = new Set();

/**
 * @param {{ verdict: string, state: string, start: number }} baseline its verdict or "", what its card does,
 *   and the probability of a refusal-like start in per cent
 * @param {string} verdict of the card, or ""
 * @returns {boolean} whether an answer is veiled
 */
export function isVeiled(baseline, verdict) {
  if (verdict && DECLINES.slice(0, 2).includes(verdict)) return false;
  if (baseline.verdict) return DECLINES.includes(baseline.verdict);
  return baseline.state === "waiting" || baseline.start >= SELDOM;
}

/**
 * @param {string} text
 * @returns {string} its first sentence, in any language
 */
export function firstSentence(text) {
  if (!("Segmenter" in Intl)) return text.split(/(?<=[.!?。！？])\s*/u)[0] ?? "";
  const [first] = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text.trimStart());
  return (first?.segment ?? "").trim();
}

/** @param {Element} card */
function told(card) {
  const chip = card.querySelector(".chip.verdict");
  const meter = card.querySelector(".gauge [role=meter]");
  return {
    verdict: chip ? ([...chip.classList].slice(2)[0] ?? "") : "",
    state: /** @type {HTMLElement | null} */ (card.querySelector(".view"))?.dataset.state ?? "",
    start: Number(meter?.getAttribute("aria-valuenow") ?? 0),
  };
}

/** @param {HTMLElement} card */
function veilOf(card) {
  const there = card.querySelector(":scope > .veil");
  if (there instanceof HTMLElement) return there;
  const made = add(card, "div", "veil");
  const words = add(made, "p", "written");
  words.setAttribute("translate", "no");
  words.dir = "auto";
  /** @type {HTMLButtonElement} */ (add(made, "button", "lift", "Show the rest")).type = "button";
  return made;
}

/**
 * @param {HTMLElement} card
 * @param {HTMLElement} answer
 * @param {string} words
 */
function cover(card, answer, words) {
  const veil = veilOf(card);
  write(one(".written", veil), words);
  const [box, outer] = [answer.getBoundingClientRect(), card.getBoundingClientRect()];
  const place = { left: box.left - outer.left, top: box.top - outer.top, width: box.width };
  for (const [name, value] of Object.entries(place)) {
    const size = `${Math.round(value)}px`;
    if (veil.style.getPropertyValue(name) !== size) veil.style.setProperty(name, size);
  }
}

/**
 * @param {HTMLElement} card
 * @param {boolean} veiled
 */
function dress(card, veiled) {
  if (!veiled && !card.classList.contains("veiled")) return; // nearly always: nothing to look at
  const answer = one(".answer", card);
  const text = answer.querySelector(":scope > .written")?.textContent?.trim() ?? "";
  const sentence = firstSentence(text);
  // What a model thinks before it answers, or has said before, says as much as the answer.
  const more = text.length > sentence.length || Boolean(answer.querySelector(".thinking, .earlier"));
  const hides = veiled && more;
  card.classList.toggle("veiled", hides);
  answer.tabIndex = hides ? -1 : 0; // else Enter would open its tokens
  if (hides) cover(card, answer, `${sentence} …`.trim());
  else card.querySelector(":scope > .veil")?.remove();
}

/**
 * @param {HTMLElement | null} baseline
 * @param {HTMLElement} card
 * @returns {boolean} whether an earlier turn of a conversation holds what would be veiled
 */
function saidBefore(baseline, card) {
  const before = baseline ? all(".earlier", baseline) : [];
  return all(".earlier", card).some((turn, at) => {
    const verdict = before[at]?.dataset.verdict ?? "";
    return isVeiled({ verdict, state: "done", start: 0 }, turn.dataset.verdict ?? "");
  });
}

function dressAll() {
  const safe = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-safe]"))?.checked;
  const first = document.getElementById("card-baseline");
  const baseline = first ? told(first) : { verdict: "", state: "idle", start: 0 };
  for (const card of all(".card:not(#card-baseline)")) {
    const { verdict, state } = told(card);
    if (state === "waiting") lifted.delete(card.id);
    const hides = isVeiled(baseline, verdict) || saidBefore(first, card);
    dress(card, Boolean(safe) && !lifted.has(card.id) && hides);
    // The map shows the same words, token by token.
    const tokens = document.querySelector(`.atlas .words .${card.id}`);
    tokens?.classList.toggle("veiled", card.classList.contains("veiled"));
  }
}

/**
 * Switches the safe display on or off.
 * @param {boolean} on
 */
export function keepSafe(on) {
  const box = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-safe]"));
  if (box) box.checked = on;
  dressAll();
}

/** Begins to follow. */
export function followVeils() {
  let waits = false;
  const soon = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      dressAll();
    });
  };
  document.addEventListener("click", (event) => {
    const card = touched(event, ".lift")?.closest(".card");
    if (!card) return;
    lifted.add(card.id);
    dressAll();
  });
  document.addEventListener("change", (event) => touched(event, "[data-safe]") && dressAll());
  addEventListener("resize", soon);
  new MutationObserver(soon).observe(document, { subtree: true, childList: true });
}
