// The tour: a panel at the foot of the page, with tasks that see for themselves when they are solved.
import { all, one, touched } from "../shared/dom.js";
import { check } from "./checks.js";
import { draw, name, part } from "./draw.js";
import { fresh, keep, languageOf, recall } from "./memory.js";
import { added, isUnrecorded, noting, places, shown } from "./seen.js";
import { show, visit, wanted } from "./show.js";
import { noted, touchedViews, VIEWS } from "./views.js";

/**
 * @typedef {import("./checks.js").Known} Known
 * @typedef {import("./draw.js").Texts} Texts
 * @typedef {import("./show.js").Step} Step
 * @typedef {{ root: HTMLElement, kept: import("./memory.js").Kept, known: Known & { model: string },
 *   steps: Step[], texts: Record<string, Texts>, times: number,
 *   unrecorded: boolean, stale: boolean }} Tour
 */

const UNRECORDED = /** @type {const} */ ("unrecorded");
const page = document.documentElement;

/** @param {Tour} tour */
const step = ({ steps, kept }) => steps[kept.at];

/** @param {Tour} tour */
const outcomeOf = (tour) => check(step(tour).id, tour.kept.seen, tour.known);

/** @param {Tour} tour */
function tell(tour) {
  const { root, kept, steps, texts } = tour;
  const found = outcomeOf(tour);
  const outcome = found.state === "open" && tour.unrecorded ? { ...found, state: UNRECORDED } : found;
  const { id } = step(tour);
  if (outcome.state === "solved") kept.ended[id] = "solved";
  else if (["stuck", "lacks"].includes(outcome.state)) kept.ended[id] ??= "stuck";
  draw(root, texts[kept.language], { steps, at: kept.at, outcome, ended: kept.ended });
  keep(kept);
}

/** @param {Tour} tour */
function look(tour) {
  if (!tour.kept.open) return;
  const before = JSON.stringify([tour.kept.seen, tour.unrecorded]);
  tour.kept.seen = noting(added(tour.kept.seen, shown(), places()), noted());
  // What was missing already when the step was opened is not about it.
  tour.stale &&= isUnrecorded();
  tour.unrecorded = isUnrecorded() && !tour.stale;
  if (JSON.stringify([tour.kept.seen, tour.unrecorded]) !== before) tell(tour);
}

/** @param {Tour} tour @param {boolean} on */
function open(tour, on) {
  const { root, kept } = tour;
  kept.open = on;
  root.hidden = !on;
  page.toggleAttribute("data-tour", on);
  for (const button of all("[data-tours]")) button.setAttribute("aria-expanded", String(on));
  if (on) {
    look(tour);
    tell(tour);
  }
  keep(kept);
}

/** @param {Tour} tour @param {boolean} on */
function list(tour, on) {
  part(tour.root, "menu").hidden = !on;
  part(tour.root, "steps").setAttribute("aria-expanded", String(on));
}

/** @param {Tour} tour @param {number} at */
function go(tour, at) {
  tour.kept.at = Math.max(0, Math.min(tour.steps.length - 1, at));
  Object.assign(tour, { times: 0, unrecorded: false, stale: isUnrecorded() });
  list(tour, false);
  part(tour.root, "task").scrollTop = 0;
  tell(tour);
}

/** @param {Tour} tour */
function close(tour) {
  open(tour, false);
  /** @type {HTMLElement | null} */ (document.querySelector("[data-tours]"))?.focus();
}

/** @param {Tour} tour */
function reset(tour) {
  const { language } = tour.kept;
  tour.kept = { ...fresh(language), open: true, model: tour.known.model };
  go(tour, 0);
  part(tour.root, "title").focus();
}

/** @param {Tour} tour */
function showMe(tour) {
  const now = step(tour);
  tour.stale = false;
  if (now.id in VIEWS) return visit(VIEWS[now.id]);
  show(wanted(now, outcomeOf(tour), tour.known, tour.times), Boolean(now.map), tour.known);
  tour.times += 1;
}

/** @param {Tour} tour @param {MouseEvent} event */
function click(tour, event) {
  if (touched(event, "[data-tours]")) {
    open(tour, !tour.kept.open);
    if (tour.kept.open) part(tour.root, "title").focus();
    return;
  }
  const button = touched(event, "button");
  if (!button || !tour.root.contains(button)) return;
  const { goes, part: id = "" } = button.dataset;
  if (goes) {
    go(tour, Number(goes));
    part(tour.root, "title").focus();
  }
  /** @type {Record<string, () => void>} */
  const does = {
    previous: () => go(tour, tour.kept.at - 1),
    next: () => go(tour, tour.kept.at + 1),
    show: () => showMe(tour),
    steps: () => list(tour, part(tour.root, "menu").hidden),
    reset: () => reset(tour),
    close: () => close(tour),
  };
  does[id]?.();
}

/**
 * Notes what of a view was touched.
 * @param {Tour} tour
 * @param {Event} event
 */
function note(tour, event) {
  if (!tour.kept.open) return;
  const before = JSON.stringify(tour.kept.seen.views);
  tour.kept.seen = noting(tour.kept.seen, touchedViews(event));
  if (JSON.stringify(tour.kept.seen.views) !== before) tell(tour);
}

/** @param {Tour} tour @param {KeyboardEvent} event */
function press(tour, event) {
  if (event.key !== "Escape") return;
  event.preventDefault(); // else it would stop a run, too
  if (part(tour.root, "menu").hidden) return close(tour);
  list(tour, false);
  part(tour.root, "steps").focus();
}

/** @param {Tour} tour @param {string} value what Python tells, as JSON */
function take(tour, value) {
  if (!value) return;
  tour.known = JSON.parse(value);
  const { kept, known } = tour;
  // What was seen of another model, or of other directions, says nothing of these.
  if (kept.model !== known.model) Object.assign(kept, { model: known.model, seen: fresh("").seen, ended: {} });
  if (kept.open) tell(tour);
}

/** @param {Tour} tour */
function follow(tour) {
  let waits = false;
  const soon = () => {
    if (waits || !tour.kept.open) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      look(tour);
    });
  };
  const names = ["state", "verdict", "t", "form", "tab", "against", "picked"];
  const attributeFilter = names.map((each) => `data-${each}`);
  new MutationObserver(soon).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter });
  new ResizeObserver(() => {
    page.style.setProperty("--tour", `${tour.root.offsetHeight}px`);
  }).observe(tour.root);
}

/** @param {Omit<Given, "server" | "trigger"> & { steps: Step[], texts: Record<string, Texts> }} given */
export function start({ element, props, watch, steps, texts }) {
  const root = one(".tour", element);
  const kept = recall(languageOf(Object.keys(texts), navigator.languages));
  if (!(kept.language in texts)) kept.language = Object.keys(texts)[0];
  if (!steps[kept.at]) kept.at = 0;
  const known = { model: "", defaults: {}, maps: false, requests: {}, views: [] };
  /** @type {Tour} */
  const tour = { root, kept, known, steps, texts, times: 0, unrecorded: false, stale: false };
  const choice = /** @type {HTMLSelectElement} */ (part(root, "language"));
  choice.addEventListener("change", () => {
    tour.kept.language = choice.value;
    name(root, texts[choice.value], choice.value);
    tell(tour);
  });
  document.addEventListener("click", (event) => {
    click(tour, event);
    note(tour, event);
  });
  // A cell that the keyboard reaches is touched by Enter; a button clicks by itself.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && touched(event, "td")) note(tour, event);
  });
  root.addEventListener("keydown", (event) => press(tour, event));
  name(root, texts[kept.language], kept.language);
  watch("value", () => take(tour, props.value));
  take(tour, props.value);
  follow(tour);
  open(tour, kept.open);
}
