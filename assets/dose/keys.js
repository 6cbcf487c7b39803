// The keyboard on a figure: from spot to spot.

/** @typedef {import("./state.js").Spot} Spot */

/** @type {Record<string, [number, number]>} to the right and down */
export const AIMS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const ASIDE = 3; // what lies aside counts so many times as far (chosen)
const LEAST = 0.5; // pixels that a spot has to lie ahead

/**
 * @param {Spot[]} spots
 * @param {Spot} from
 * @param {string} key an arrow key, Home or End
 * @param {(spot: Spot) => number[]} pixels where a spot is on the screen
 * @returns {Spot | undefined} the nearest spot ahead; none at the edge
 */
export function ahead(spots, from, key, pixels) {
  if (key === "Home") return spots[0];
  if (key === "End") return spots.at(-1);
  const [x, y] = pixels(from);
  const [right, down] = AIMS[key];
  const found = spots.map((spot) => {
    const [dx, dy] = [pixels(spot)[0] - x, pixels(spot)[1] - y];
    const forward = dx * right + dy * down;
    return { spot, forward, far: forward + ASIDE * Math.abs(dx * down + dy * right) };
  });
  const before = found.filter(({ forward }) => forward > LEAST);
  return before.sort((a, b) => a.far - b.far)[0]?.spot;
}

/**
 * @param {Spot[]} spots
 * @param {Spot} spot
 * @returns {Spot | undefined} the same cell, on the same axis, among others
 */
export const again = (spots, spot) =>
  spots.find(({ cell, axis }) => cell === spot.cell && axis === spot.axis);

/**
 * @param {any} plot plotly's full layout
 * @param {Spot} spot
 * @returns {[number, number]} pixels from the plot's upper left corner
 */
export function pixelsOf({ xaxis, yaxis, yaxis2 }, { x, y, axis = "y" }) {
  // On an axis of categories a number is an index into their list.
  const along = (/** @type {any} */ each, /** @type {number} */ value) =>
    each._offset + each.c2p(each.type === "category" ? value : each.d2c(value));
  return [along(xaxis, x), along(axis === "y2" ? yaxis2 : yaxis, y)];
}
