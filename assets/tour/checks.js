// When a step of the tour is solved: pure functions of what was seen on the page and what is known of
// the model. They read names and numbers, never words that a visitor sees. Those of the second chapter
// are in inside.js.
import { INSIDE, inside } from "./inside.js";
import { outcome } from "./outcome.js";

/**
 * @typedef {{ label: string, panels: Record<string, string> }} Asked a request: verdicts by text form
 * @typedef {{ answers: Record<string, Asked>, places: Record<string, number>,
 *   views: import("./inside.js").Noted }} Seen requests by digest, t of the map by
 *   `t of the baseline|text form`, and notes of views by step
 * @typedef {{ defaults: Record<string, Record<string, number | string>>, maps: boolean,
 *   requests: Record<string, string>, views: string[] }} Known what steering/ui/tour.py tells
 * @typedef {import("./outcome.js").Outcome} Outcome
 * @typedef {{ name: string, given: string[], values: Record<string, number | string> }} Settings
 */

const DECLINES = ["refused", "refused_with_alternative"]; // as the tables count refusals
const CONTROLS = ["random", "covariance", "shuffled"];
const NEAR = 0.25; // t below which a place is in the harmful cluster; 1 - NEAR for the harmless one
const ENOUGH = 2; // requests or settings after which “it does not do it here” is a result (chosen)

/** @param {string} verdict */
export function sided(verdict) {
  return DECLINES.includes(verdict) ? "declined" : verdict === "answered" ? "answered" : "other";
}

/**
 * @param {string} form a panel's text form
 * @param {Known} known
 * @returns {Settings} with what the form leaves to the model filled in
 */
export function settings(form, known) {
  const [name, rest = ""] = form.split(/:(.*)/s);
  const pairs = rest.split(",").filter(Boolean).map((pair) => pair.split("="));
  const given = pairs.map(([key, value]) => [key, Number.isNaN(Number(value)) ? value : Number(value)]);
  const values = { ...known.defaults[name], ...Object.fromEntries(given) };
  return { name, given: pairs.map(([key]) => key), values };
}

/** @param {Settings} found */
const isControl = ({ values }) => CONTROLS.includes(String(values.basis));

/** @param {Settings} found @param {string[]} keys @returns {boolean} whether nothing else was set */
const only = ({ given }, keys) => given.every((key) => keys.includes(key));

/**
 * @param {Asked} asked
 * @param {Known} known
 * @returns {[Settings, string][]} its edits, without controls, and what came of them
 */
const edits = ({ panels }, known) =>
  Object.entries(panels)
    .map(([form, verdict]) => /** @type {[Settings, string]} */ ([settings(form, known), sided(verdict)]))
    .filter(([found]) => found.name !== "baseline" && !isControl(found));

/** @param {Asked} asked */
const start = ({ panels }) => (panels.baseline ? sided(panels.baseline) : "");

/**
 * @param {Seen} seen
 * @param {string[]} labels an empty one is of a request of the visitor's own
 * @returns {Asked[]}
 */
const labelled = ({ answers }, labels) => Object.values(answers).filter(({ label }) => labels.includes(label));

/** @param {Outcome[]} found @param {number} parts @returns {Outcome} the one that is farthest */
function farthest(found, parts) {
  const order = ["open", "stuck", "solved"];
  const far = (/** @type {Outcome} */ each) =>
    100 * order.indexOf(each.state) + 10 * each.parts.filter(Boolean).length + Math.min(9, each.tried.length);
  const none = outcome(Array(parts).fill(false), false);
  return found.reduce((best, each) => (far(each) > far(best) ? each : best), none);
}

/** @param {Seen} seen */
function refusal(seen) {
  const harmful = labelled(seen, ["harmful", ""]).map(start).filter(Boolean);
  const harmless = labelled(seen, ["harmless"]).map(start);
  const parts = [harmful.includes("declined"), harmless.includes("answered")];
  const never = !parts[0] && harmful.length >= ENOUGH;
  return outcome(parts, never || (!parts[1] && harmless.length >= ENOUGH));
}

/** @param {Seen} seen @param {Known} known */
function ablate(seen, known) {
  const refused = labelled(seen, ["harmful", "borderline", ""]).filter((each) => start(each) === "declined");
  const came = refused.map((each) => edits(each, known).filter(([{ name }]) => name === "ablation"));
  const answered = came.some((each) => each.some(([, verdict]) => verdict === "answered"));
  return outcome([refused.length > 0, answered], came.filter((each) => each.length).length >= ENOUGH);
}

/**
 * @param {Asked} asked
 * @param {Known} known
 * @param {string} name
 * @returns {Map<number, string>} what came of each rank, at the kind's own alpha and place
 */
function byRank(asked, known, name) {
  const usual = known.defaults[name]?.alpha;
  const found = edits(asked, known).filter(
    ([each]) => each.name === name && only(each, ["k", "alpha"]) && each.values.alpha === usual,
  );
  return new Map(found.map(([{ values }, verdict]) => [Number(values.k), verdict]));
}

/** @param {Map<number, string>} ranks @returns {[string, string][]} */
const told = (ranks) => [...ranks].sort(([a], [b]) => a - b).map(([k, verdict]) => [`k=${k}`, verdict]);

/** @param {Map<number, string>} ranks @param {number} most @returns {boolean} whether all up to it are there */
const areTried = (ranks, most) => Array.from({ length: most }, (_, index) => ranks.has(index + 1)).every(Boolean);

/** @param {Seen} seen @param {Known} known */
function rank(seen, known) {
  const most = Number(known.defaults.flip?.k ?? 1);
  const found = labelled(seen, ["harmful", "borderline", ""])
    .filter((each) => start(each) === "declined")
    .map((each) => {
      const ranks = byRank(each, known, "flip");
      const working = [...ranks].filter(([, verdict]) => verdict === "answered").map(([k]) => k);
      const smallest = Math.min(...working);
      const isKnown = working.length > 0 && areTried(ranks, smallest - 1);
      return outcome([true, isKnown], !working.length && areTried(ranks, most), told(ranks));
    });
  return farthest(found, 2);
}

/** @param {Seen} seen @param {Known} known */
function nullspace(seen, known) {
  const found = labelled(seen, ["harmful", "borderline", ""])
    .filter((each) => start(each) === "declined")
    .map((each) => {
      const [flips, nulls] = ["flip", "nullspace"].map((name) => byRank(each, known, name));
      const both = [...nulls].filter(([k]) => flips.has(k));
      const weaker = both.filter(([k, verdict]) => flips.get(k) === "answered" && verdict !== "answered");
      const wanted = Math.min(ENOUGH, Number(known.defaults.nullspace?.k ?? 1));
      return outcome([true, weaker.length > 0], both.length >= wanted, told(nulls));
    });
  return farthest(found, 2);
}

/**
 * @param {Seen} seen
 * @param {Known} known
 * @param {(found: Settings) => boolean} isAsked whether an edit is the one that the step is about
 * @param {(t: number) => boolean} lands
 */
function landing(seen, known, isAsked, lands) {
  const found = Object.entries(seen.places)
    .map(([key, t]) => ({ before: Number(key.split("|")[0]), edit: settings(key.split("|")[1], known), t }))
    .filter(({ before, edit }) => before < NEAR && !isControl(edit));
  const asked = found.filter(({ edit }) => isAsked(edit));
  const starts = new Set(asked.map(({ before }) => before));
  const tried = asked.map(({ t }) => /** @type {[string, string]} */ ([`t = ${t.toFixed(2)}`, ""]));
  const parts = [found.length > 0, asked.some(({ t }) => lands(t))];
  return outcome(parts, starts.size >= ENOUGH, tried.slice(-4));
}

/** @param {Seen} seen @param {Known} known */
const between = (seen, known) =>
  landing(
    seen,
    known,
    ({ name, values }) => ["nullspace", "flip"].includes(name) && values.alpha === 1,
    (t) => t > NEAR && t < 1 - NEAR,
  );

/** @param {Seen} seen @param {Known} known */
const opposite = (seen, known) =>
  landing(
    seen,
    known,
    ({ name, values }) => ["nullspace", "flip"].includes(name) && values.alpha === 2,
    (t) => t > 1 - NEAR,
  );

/** @param {Seen} seen @param {Known} known */
function soup(seen, known) {
  const answered = labelled(seen, ["harmless", ""]).filter((each) => start(each) === "answered");
  const pushed = answered.flatMap((each) =>
    edits(each, known).filter(([{ name, values }]) => name === "actadd" && Number(values.c) > 0),
  );
  const strong = pushed.filter(([{ values }]) => Number(values.c) >= Number(known.defaults.actadd?.c ?? 1));
  const tried = pushed.map(([{ values }, verdict]) => /** @type {[string, string]} */ ([`c=${values.c}`, verdict]));
  const parts = [answered.length > 0, pushed.some(([, verdict]) => verdict === "declined")];
  return outcome(parts, strong.length >= ENOUGH, tried.slice(-4));
}

/** @param {Seen} seen @param {Known} known */
function overrefusal(seen, known) {
  const all = labelled(seen, ["borderline"]).filter(start);
  const refused = all.filter((each) => start(each) === "declined");
  const freed = refused.some((each) => edits(each, known).some(([, verdict]) => verdict === "answered"));
  const tried = refused.some((each) => edits(each, known).length > ENOUGH);
  return outcome([refused.length > 0, freed], refused.length ? tried : all.length >= ENOUGH);
}

/** @type {Record<string, (seen: Seen, known: Known) => Outcome>} */
const CHECKS = { refusal, ablate, rank, nullspace, between, opposite, soup, overrefusal };
const NEEDS_INLP = ["rank", "nullspace", "between", "opposite"];
const NEEDS_MAPS = ["between", "opposite"];

/**
 * @param {string} id of a step
 * @param {Seen} seen
 * @param {Known} known
 * @returns {Outcome}
 */
export function check(id, seen, known) {
  const isInside = INSIDE.includes(id);
  const found = isInside ? inside(id, seen.views ?? {}) : CHECKS[id](seen, known);
  const lacks =
    (isInside && !known.views.includes(id)) ||
    (NEEDS_INLP.includes(id) && !known.defaults.flip) || (NEEDS_MAPS.includes(id) && !known.maps);
  return lacks ? { ...found, state: "lacks" } : found;
}
