// The training requests nearest to a dot or a mark: in all that the maps keep, as Python finds them, or
// on the map that is seen, where no more is known.
import { askServer } from "../shared/server.js";
import { goal } from "./frames.js";
import { byDistance, apart } from "./geometry.js";
import { shownDots } from "./names.js";
import { cloudOf, layer, panelOf } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./list.js").Of} Of
 * @typedef {import("./list.js").Listed} Listed
 * @typedef {{ found: [number, number][], rank: number, share: number, d_model: number,
 *   maps_id: string }} Found see steering/ui/map/nearest_prompts.py
 */

const LISTED = 12;

/**
 * @param {Section} here
 * @param {Of} of
 * @returns {[number, number][]} dots and their distances on the map that is chosen
 */
function onThisMap(here, of) {
  const seen = goal({ ...here, chosen: { ...here.chosen, view: "map" } });
  const places = cloudOf(here).texts.map((_, i) => seen.points.map((column) => column[i]));
  const place = of.slot === undefined ? places[of.point ?? 0] : seen.marks[of.slot];
  if (!place) return [];
  return byDistance(place, places).map((i) => [i, apart(place, places[i])]);
}

/**
 * @param {Section} here
 * @param {Found | null} found
 * @returns {string} what the distance is
 */
function meant(here, found) {
  const where = `at layer ${layer(here)}`;
  const count = here.chosen.map === "pca3" ? "three" : "two";
  if (!found) return `Nearest on this map, ${where}: ${count} coordinates, not the whole space.`;
  const share = `${Math.round(100 * found.share)} % of the variance`;
  return (
    `Euclidean distance ${where}, in the ${found.rank} main directions of ${found.d_model} ` +
    `that the maps keep (${share}).`
  );
}

/**
 * @param {Section} here
 * @param {Of} of
 * @returns {Promise<Found | null>}
 */
async function asked(here, of) {
  const { given, placed, cloud } = here;
  if (here.offline || !given.server?.nearest) return null;
  const panel = placed.panels.findIndex(({ slot }) => slot === of.slot);
  const about = of.slot === undefined ? { point: of.point } : { key: placed.key, panel };
  const question = { layer: layer(here), ...about };
  const found = await askServer(given.server, "nearest", question).catch(() => null);
  return found?.maps_id === cloud?.maps_id ? found : null;
}

/**
 * @param {Section} here
 * @param {Of} of
 * @returns {string} its name
 */
function titleOf(here, of) {
  if (of.slot !== undefined) return `Nearest to ${panelOf(here, of.slot)?.title ?? of.slot}`;
  return `Nearest to “${cloudOf(here).texts[of.point ?? 0]}”`;
}

/**
 * @param {Section} here
 * @param {Of} of
 * @returns {Promise<Listed>} the nearest of the dots that are shown
 */
export async function nearestTo(here, of) {
  const found = await asked(here, of);
  const shown = new Set(shownDots(here));
  const near = (found?.found ?? onThisMap(here, of))
    .filter(([i]) => shown.has(i) && i !== of.point)
    .slice(0, LISTED);
  return {
    dots: near.map(([i]) => i),
    far: near.map(([, far]) => far),
    title: titleOf(here, of),
    note: near.length ? meant(here, found) : "This mark has no place on this map.",
    of,
  };
}
