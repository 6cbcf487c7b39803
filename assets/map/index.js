// The map section in the browser: it draws, glides and saves; Python sends places. A downloaded map
// carries this program; `offline` then holds what is otherwise asked of the server.
import { one } from "../shared/dom.js";
import { askServer } from "../shared/server.js";
import { explore } from "./explore.js";
import { inkOf } from "./looks.js";
import { machine } from "./machine.js";
import { draw, refresh } from "./moves.js";
import { listen } from "./listen.js";
import { rename } from "./names.js";
import { allIn, LABELS, layer, part, say, section } from "./state.js";

/**
 * @typedef {import("./state.js").Cloud} Cloud
 * @typedef {import("./state.js").Placed} Placed
 * @typedef {import("./state.js").Section} Section
 * @typedef {Partial<Given> & { element: HTMLElement, program: string,
 *   offline?: import("./state.js").Offline }} Around
 */

/** @param {Section} here */
function showNothing(here) {
  for (const name of ["plane", "space", "path", "words"]) part(here, name).hidden = true;
  part(here, "sentence").textContent = "";
  for (const item of allIn(here, ".places li")) item.hidden = true;
  say(here, "There is no map of this model yet.");
}

/**
 * @param {Section} here
 * @param {Cloud | null} cloud
 */
function take(here, cloud) {
  Object.assign(here, { cloud, shown: null, hills: here.offline?.hills ?? {} });
  here.root.dataset.state = cloud ? "there" : "none";
  if (!cloud) return showNothing(here);
  const of = (/** @type {string} */ label) =>
    cloud.labels.flatMap((each, i) => (each === label ? [i] : []));
  here.members = Object.fromEntries(LABELS.map((label) => [label, of(label)]));
  here.explored = { picked: null, pointed: null };
  rename(here);
  const borderline = /** @type {HTMLElement | null} */ (part(here, "borderline").closest("label"));
  if (borderline) borderline.hidden = !here.members.borderline.length;
  // Places on other maps are none on these.
  if (here.placed.maps_id !== cloud.maps_id) {
    here.placed = { ...here.placed, maps_id: cloud.maps_id, panels: [] };
    here.umaps = {};
    window.steering?.place();
  }
  if (!here.offline) here.chosen.layer = cloud.layers.indexOf(cloud.edit_layer);
  refresh(here);
}

/**
 * Fetches plotly.js and the cloud, and draws.
 * @param {Section} here
 */
async function begin(here) {
  if (here.fetching) return;
  here.begun = here.fetching = true;
  const { maps_id } = here.placed;
  const { server, props } = here.given;
  here.ink = inkOf(here);
  if (here.offline) Object.assign(here.chosen, here.offline.chosen);
  try {
    const library = window.Plotly || window.steering.plotly(props?.files.plotly ?? "");
    const [found] = await Promise.all([here.offline?.cloud ?? (server && askServer(server, "cloud")), library]);
    take(here, here.placed.maps === false ? null : found);
  } catch (error) {
    say(here, "The map could not be fetched. Reload the page to try again.");
    console.error(error);
  }
  here.fetching = false;
  // There are others meanwhile.
  if (![maps_id, here.cloud?.maps_id].includes(here.placed.maps_id)) begin(here);
}

/**
 * @param {Placed} before
 * @param {Placed} now
 * @returns {string | undefined} the only card whose setting is another one
 */
export function movedCard(before, now) {
  const changed = now.panels.filter(({ slot, form }) =>
    before.panels.some((each) => each.slot === slot && each.form !== form),
  );
  return changed.length === 1 ? changed[0].slot : undefined;
}

/**
 * @param {Section} here
 * @param {string} value
 */
function arrived(here, value) {
  const before = here.placed;
  here.placed = here.offline ? structuredClone(here.offline.placed) : JSON.parse(value);
  here.umaps = here.offline?.umaps ?? {};
  // Whoever moves one card's slider wants to hear of that card.
  here.chosen.focus = movedCard(before, here.placed) ?? here.chosen.focus;
  if (!here.begun) return;
  if (here.placed.maps_id !== before.maps_id) here.machine?.ask(); // what was told was told of others
  if (here.placed.maps === false) take(here, null);
  else if (here.placed.maps_id !== here.cloud?.maps_id) begin(here);
  else refresh(here);
}

/** @param {Section} here */
function watchMachine(here) {
  const { server } = here.given;
  // Files that a visitor downloads have no machine behind them.
  if (here.offline || !server?.machine) return;
  const adopt = () => /** @type {HTMLElement | null} */ (document.querySelector("#adopt"))?.click();
  here.machine = machine({
    root: here.root,
    server,
    layer: () => (here.cloud ? layer(here) : null),
    moved: () => here.placed.panels.length && window.steering.place(),
    mine: () => here.placed.maps_id,
    again: adopt, // cards follow, and then this map
  });
}

/**
 * What tests look at.
 * @param {Section} here
 */
function tellTests(here) {
  const rests = () => {
    const { cloud, shown, chosen, frame, hills } = here;
    if (!cloud || chosen.view === "tokens") return Boolean(cloud);
    const dense = chosen.view !== "map" || chosen.map === "pca3" || chosen.layer in hills;
    return dense && shown !== null && !shown.moving && !frame;
  };
  const form = (/** @type {string} */ slot) => here.placed.panels.find((each) => each.slot === slot)?.form;
  Object.assign(here.root, { map: { rests, marks: () => here.shown?.marks ?? {}, form } });
}

/** @param {Section} here */
function followPlaces(here) {
  /** @type {string | null} */
  let led = null; // what a room's presenter shows stands before what is this page's own
  const arrive = () => arrived(here, led ?? (here.given.props?.value || '{"panels": []}'));
  here.given.watch?.("value", arrive);
  here.root.addEventListener("placed", (event) => {
    led = /** @type {CustomEvent<string | null>} */ (event).detail;
    arrive();
  });
  arrive();
}

/** @param {Around} around */
export function start({ offline, ...given }) {
  const root = one(".atlas", given.element);
  const here = section(root, given, offline ?? null);
  listen(here);
  explore(here);
  const coloured = () => {
    here.ink = inkOf(here);
    refresh(here);
  };
  new MutationObserver(coloured).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  matchMedia("(forced-colors: active)").addEventListener("change", coloured);
  watchMachine(here);
  followPlaces(here);
  tellTests(here);
  if (offline) return void begin(here).then(() => draw(here));
  // plotly.js is 5 MB: it is fetched when the map first comes into sight.
  const eye = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      eye.disconnect();
      begin(here);
    },
    { rootMargin: "200px" },
  );
  eye.observe(root);
}
