// Frames: what is to be seen, as plain numbers, and what lies between two of them.
import { at, cloudOf, layer, raw, turned } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 * @typedef {import("./state.js").Hill} Hill
 */

/**
 * @param {any} from
 * @param {any} to numbers, in whatever lists and objects; anything else is taken from here
 * @param {number} share
 * @returns {any}
 */
export function mix(from, to, share) {
  if (typeof to === "number") return typeof from === "number" ? from + (to - from) * share : to;
  if (Array.isArray(to)) return to.map((each, i) => mix(from?.[i], each, share));
  if (!to || typeof to !== "object") return to;
  return Object.fromEntries(
    Object.entries(to).map(([name, each]) => [name, mix(from?.[name], each, share)]),
  );
}

/**
 * Three components seen from one side: a parallel projection onto the screen.
 * @param {number[]} place
 * @param {number[]} turn azimuth and elevation, in radians
 * @returns {number[]} to the right and up
 */
export function project([x, y, z], turn) {
  const [[sa, ca], [se, ce]] = turn.map((angle) => [Math.sin(angle), Math.cos(angle)]);
  return [ca * y - sa * x, ce * z - se * (ca * x + sa * y)];
}

/**
 * @param {number[][]} columns of coordinates
 * @param {import("./state.js").View} view
 * @returns {number[][]} as they are shown
 */
export const show = (columns, { centre, size }) =>
  columns.map((column, axis) => column.map((value) => (value - centre[axis]) / size[axis]));

/**
 * @param {number[]} place
 * @param {import("./state.js").View} view
 */
const showOne = (place, view) => place.map((value, axis) => (value - view.centre[axis]) / view.size[axis]);

/**
 * @param {Section} here
 * @returns {Record<string, number[]>} where each card's edit takes the request, on the map shown
 */
function marksHere(here) {
  const { placed, umaps, chosen } = here;
  /** @type {Record<string, number[]>} */
  const marks = {};
  placed.panels.forEach((panel, index) => {
    const place = {
      harm: () => [panel.t[chosen.layer], panel.y[chosen.layer]],
      pca: () => panel.pca.map((column) => column[chosen.layer]),
      umap: () => umaps[layer(here)]?.map((column) => column[index]),
    }[raw(here)]();
    if (place) marks[panel.slot] = showOne(place, at(here).view[raw(here)]);
  });
  return marks;
}

/**
 * @param {Section} here
 * @returns {Frame}
 */
function pathFrame(here) {
  const cloud = cloudOf(here);
  const lines = Object.fromEntries(here.placed.panels.map((panel) => [panel.slot, panel.t]));
  const bands = cloud.at.flatMap(({ band }) => Object.values(band));
  const values = [...Object.values(lines), ...bands].flat();
  const span = [Math.min(...values) - 0.15, Math.max(...values) + 0.15];
  const none = { points: [], means: [], marks: {}, hills: [], rods: [] };
  return { kind: "path", lines, cursor: layer(here), span: [span], ...none };
}

/**
 * @param {number[][]} ends lowest and highest coordinate of the cloud, by axis
 * @param {number[][]} marks which may lie far outside: the map grows to hold them
 * @returns {number[][]}
 */
export const spanOf = (ends, marks) =>
  ends.map(([low, high], axis) => {
    const values = marks.map((mark) => mark[axis]);
    const room = 0.08 * (high - low);
    return [Math.min(low, ...values) - room, Math.max(high, ...values) + room];
  });

/**
 * @param {Section} here
 * @returns {(Hill | null)[]} where the classes are dense; those of the layer before until these came
 */
function hillsHere({ chosen, hills, shown }) {
  const there = hills[chosen.layer];
  if (there) return there[chosen.map] ?? [];
  return there === undefined && shown?.kind === chosen.map ? shown.hills : [];
}

const ROD = 0.8; // of the size at which nearly all of a cloud lies within 1

/**
 * @param {Section} here
 * @returns {number[][]} the ends of the components that the map shows, which are turned between layers
 */
function rodsHere(here) {
  const { turn } = at(here);
  const end = (/** @type {number} */ i) => turn[i].map((value) => ROD * value);
  if (here.chosen.map === "pca") return shownComponents(here).map((i) => end(i).slice(0, 2));
  return shownComponents(here).map((i) => (turned(here) ? project(end(i), here.turn) : end(i)));
}

/**
 * @param {Section} here
 * @returns {number[]} indices of the principal components that the map shows
 */
export const shownComponents = (here) =>
  ({ pca: at(here).pair, pca3: [0, 1, 2] })[/** @type {"pca"} */ (here.chosen.map)] ?? [];

/**
 * @param {Section} here
 * @returns {Frame} what is to be seen
 */
export function goal(here) {
  if (here.chosen.view === "path") return pathFrame(here);
  const flat = turned(here);
  const seen = (/** @type {number[]} */ place) => (flat ? project(place, here.turn) : place);
  const own = at(here);
  const view = own.view[raw(here)];
  const marks = Object.fromEntries(Object.entries(marksHere(here)).map(([slot, place]) => [slot, seen(place)]));
  let points = show(own[raw(here)], view);
  let ends = own.span[raw(here)];
  if (flat) {
    const places = points[0].map((_, i) => seen(points.map((column) => column[i])));
    points = [0, 1].map((axis) => places.map((place) => place[axis]));
    ends = points.map((column) => [Math.min(...column), Math.max(...column)]);
  }
  return {
    kind: flat ? "turned" : here.chosen.map,
    points,
    means: own.means[raw(here)].map((mean) => seen(showOne(mean, view))),
    marks,
    hills: flat || here.chosen.map === "pca3" ? [] : hillsHere(here),
    rods: rodsHere(here),
    span: spanOf(here.chosen.map === "pca" ? ends.slice(0, 2) : ends, Object.values(marks)),
  };
}

/** @param {string} kind */
const isFlat = (kind) => ["harm", "pca", "umap", "turned"].includes(kind);

/**
 * @param {Frame | null} from
 * @param {Frame} to
 * @returns {boolean} whether points can travel from one to the other
 */
export const continues = (from, to) =>
  from !== null && (from.kind === to.kind || (isFlat(from.kind) && isFlat(to.kind)));
