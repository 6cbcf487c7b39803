// How directions and maps serve on the machine that runs the model: what was checked, layer by layer,
// and the button that fits them for it. Python measures (steering/serving/machine_fit.py); here it is
// told.
import { one, write } from "../shared/dom.js";
import { ask as question } from "../shared/server.js";

/**
 * @typedef {{ model: string, maps_id: string, state: string, here: string, fitted: string, cost: string,
 *   remedy: string, directions: string | null,
 *   layers: { layer: number, verdict: string, sentence: string }[],
 *   fit: { phase: string, sentence: string, amount: string, can: boolean, done: number,
 *     total: number } }} Told
 * @typedef {{ root: HTMLElement, server: Given["server"], layer(): number | null,
 *   mine(): string | undefined, moved(): void, again(): void }} Around
 */

const BUSY = 1500; // milliseconds between two questions while something goes on
const CALM = 20_000;
const ENDED = ["failed", "done"];

/**
 * @param {Told} told
 * @param {number | null} layer
 */
const foundAt = (told, layer) => told.layers.find((each) => each.layer === layer);

/**
 * @param {Told} told
 * @param {number | null} layer
 * @returns {string} how things are
 */
function finding(told, layer) {
  const { state, here, fitted, cost, remedy } = told;
  if (state === "unfitted") return `This model has no directions and no maps yet. ${cost || remedy}`;
  if (state === "checking") return "Checking how these maps serve on this machine …";
  const found = foundAt(told, layer);
  if (state !== "done" || !found) return "";
  const other = `Maps fitted in ${fitted}, computed here in ${here}`;
  return `${here === fitted ? "Checked on this machine" : other}: ${found.sentence}.`;
}

/**
 * @param {Told} told
 * @param {number | null} layer
 * @returns {string} what the last fit came to, and how things are: one does not hide the other
 */
export function words(told, layer) {
  const { fit } = told;
  if (fit.phase === "running") return fit.sentence + (fit.amount ? `: ${fit.amount}` : " …");
  const ended = ENDED.includes(fit.phase) ? fit.sentence : "";
  const said = [ended, finding(told, layer)].filter(Boolean).join(" ");
  if (!isUseless(told, layer)) return said;
  // What can be done about a layer that does not serve.
  const later = told.layers.some((each) => each.layer > Number(layer) && each.verdict !== "unusable");
  const ways = [later && "choose a later layer", fit.can && "fit the maps"].filter(Boolean);
  return `${said} Greyed out here${ways.length ? `; ${ways.join(", or ")}` : ""}.`;
}

/**
 * @param {Told} told
 * @param {number | null} layer
 * @returns {boolean} whether the maps do not serve at a layer
 */
const isUseless = (told, layer) => told.state === "done" && foundAt(told, layer)?.verdict === "unusable";

/**
 * @param {Told} told
 * @returns {boolean} whether a fit can be begun and would change something
 */
export function isOffered({ fit, state, layers, here, fitted }) {
  const same = layers.length && layers.every(({ verdict }) => verdict === "same");
  if (!fit.can || fit.phase === "running" || (same && here === fitted)) return false;
  return ["done", "unfitted", "unchecked"].includes(state);
}

/**
 * @param {HTMLElement} root
 * @param {Told} told
 */
function showFit(root, told) {
  const button = one('[data-part="fit"]', root);
  button.hidden = !isOffered(told);
  write(button, told.state === "unfitted" ? "Fit directions and maps" : "Fit the maps for this machine");
  const bar = /** @type {HTMLProgressElement} */ (one('[data-part="fit-bar"]', root));
  bar.hidden = told.fit.phase !== "running";
  if (told.fit.total) bar.value = told.fit.done / told.fit.total;
  else bar.removeAttribute("value");
}

/** @param {Around} around */
export function machine({ root, server, layer, mine, moved, again }) {
  /** @type {Told | null} */
  let told = null;
  let timer = 0;
  let asked = 0;
  /** @type {string | null} the maps that the page was last told to follow to */
  let followed = null;

  function tell() {
    root.dataset.serves = told && isUseless(told, layer()) ? "no" : "yes";
    if (!told) return;
    const line = one('[data-part="machine-words"]', root);
    write(line, words(told, layer()));
    line.title = told.directions ?? "";
    line.dataset.verdict = foundAt(told, layer())?.verdict ?? "";
    showFit(root, told);
  }

  /**
   * @param {Told} before
   * @param {Told} now
   */
  function follow(before, now) {
    // Other maps than this page shows: fitted here or found in the cache, of another mode or model.
    if (now.maps_id !== mine() && now.maps_id !== followed) {
      followed = now.maps_id;
      again();
    }
    // Maps that were moved by a mean shift put the request in another place.
    const usable = now.layers.some(({ verdict }) => verdict === "usable");
    if (before.state !== "done" && now.state === "done" && usable) moved();
  }

  async function ask() {
    const number = ++asked;
    const found = document.hidden ? null : await question(server, "machine").catch(() => null);
    if (number !== asked) return; // asked again meanwhile: that answer is the newer one
    const before = told;
    told = found ?? told;
    tell();
    clearTimeout(timer);
    const busy = !told || ["none", "checking"].includes(told.state) || told.fit.phase === "running";
    timer = setTimeout(ask, busy ? BUSY : CALM);
    if (found && before) follow(before, found);
  }

  one('[data-part="fit"]', root).addEventListener("click", async () => {
    one('[data-part="fit"]', root).hidden = true;
    // Whether it has begun or not: what is told next says so, and shows the button again or not.
    await question(server, "fit").catch(() => null);
    ask();
  });
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
  return { tell, ask };
}
