// “Show me”: sets request and cards by a link, as somebody else's link does, and runs where nothing is
// recorded. A visitor has asked for it, so it may.
import { withHash } from "../shared/address.js";
import { all } from "../shared/dom.js";
import { written } from "../page/link.js";
import { showCard } from "../page/verdicts.js";
import { settings } from "./checks.js";

/**
 * @typedef {import("./checks.js").Known} Known
 * @typedef {import("./outcome.js").Outcome} Outcome
 * @typedef {{ request: string, panels?: string[] }} Show
 * @typedef {{ id: string, chapter: string, ranks?: string, map?: boolean, shows: Show[] }} Step
 */

const USUAL = ["baseline", "actadd:c=-1", "ablation", "nullspace", "flip"];
const LOOK = 400; // milliseconds that Gradio's page may take to draw what a link has set (chosen)

/**
 * @param {Step} step
 * @param {Known} known
 * @param {number} times how often this step was shown already
 * @returns {number} the rank to show: of flipping upward, of nullspace projection down from where it starts
 */
export function nextRank({ ranks = "" }, known, times) {
  const most = Number(known.defaults[ranks]?.k ?? 1);
  return ranks === "flip" ? 1 + (times % most) : most - (times % most);
}

/**
 * @param {Step} step
 * @param {Outcome} outcome
 * @param {Known} known
 * @param {number} times how often this step was shown already
 * @returns {{ request: string, panels: string[] }} what to set
 */
export function wanted(step, outcome, known, times) {
  const unmet = step.shows.length === outcome.parts.length && !step.map ? outcome.parts.indexOf(false) : times;
  const chosen = step.shows[Math.max(0, unmet) % step.shows.length];
  const k = nextRank(step, known, times);
  const own = (chosen.panels ?? []).map((form) =>
    form.replace("{k}", String(k)).replace("{c}", String(known.defaults.actadd?.c ?? 1)),
  );
  const name = (/** @type {string} */ form) => form.split(":")[0];
  const panels = USUAL.map((usual) => own.find((form) => name(form) === name(usual)) ?? usual);
  const there = panels.filter((form) => form === "baseline" || name(form) in known.defaults);
  return { request: known.requests[chosen.request] ?? "", panels: there };
}

/** @param {string[]} panels @param {Known} known @returns {boolean} whether the cards are set so */
function areSet(panels, known) {
  const same = (/** @type {string} */ a, /** @type {string} */ b) => {
    const [one, other] = [a, b].map((form) => settings(form, known));
    return one.name === other.name && ["k", "alpha", "c"].every((key) => one.values[key] === other.values[key]);
  };
  const forms = all(".card [data-copy]").map(({ dataset }) => dataset.copy ?? "");
  return panels.every((panel) => panel === "baseline" || forms.some((form) => same(form, panel)));
}

/** Runs where a card that takes part shows no answer. */
function runIfEmpty() {
  const phase = /** @type {HTMLElement | null} */ (document.querySelector(".strip"))?.dataset.phase;
  const isEmpty = document.querySelector('.card .view:is([data-state="idle"], [data-state="missing"])');
  if (phase !== "recorded" && isEmpty) /** @type {HTMLElement | null} */ (document.querySelector("#run"))?.click();
}

/**
 * Sets the page.
 * @param {{ request: string, panels: string[] }} what
 * @param {boolean} onMap whether the step is about the map
 * @param {Known} known
 */
export function show({ request, panels }, onMap, known) {
  const parts = panels.map((form) => /** @type {[string, string]} */ (["panel", form]));
  const link = `#${written([["request", request], ...parts], "playground")}`;
  // On a phone one answer is seen at a time.
  const card = onMap ? "map" : panels.find((form) => !USUAL.includes(form))?.split(":")[0];
  showCard(card ?? "baseline");
  if (location.hash === link) window.steering.link.open();
  else location.hash = link;
  const box = () => /** @type {HTMLTextAreaElement | null} */ (document.querySelector("#request textarea"))?.value;
  const eye = new MutationObserver(() => {
    if (location.hash !== link) return eye.disconnect(); // something else was set meanwhile
    if (box() !== request || !areSet(panels, known)) return;
    eye.disconnect();
    setTimeout(() => {
      // The address was the way, not the aim.
      if (location.hash === link) history.replaceState(null, "", withHash("playground"));
      runIfEmpty();
    }, LOOK);
  });
  eye.observe(document, { subtree: true, childList: true, attributes: true });
}

/**
 * Goes to a view and touches there what solves its step, as soon as it is drawn.
 * @param {import("./views.js").View} view
 */
export function visit({ tab, place, aim }) {
  const touch = () => {
    if (document.documentElement.dataset.tab !== tab) return false;
    const found = aim();
    if (!found) return false;
    for (const other of all(".toured")) other.classList.remove("toured");
    found.classList.add("toured");
    found.scrollIntoView({ block: "center" });
    found.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return true;
  };
  const begin = () => {
    if (touch()) return;
    const eye = new MutationObserver(() => {
      if (location.hash.slice(1) !== place || touch()) eye.disconnect(); // or the visitor went elsewhere
    });
    eye.observe(document, { subtree: true, childList: true, attributes: true });
  };
  if (location.hash.slice(1) === place && document.documentElement.dataset.tab === tab) return begin();
  // The tabs listen before: by then the page has scrolled to the view.
  addEventListener("hashchange", begin, { once: true });
  location.hash = place;
}
