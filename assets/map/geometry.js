// Shapes that a hand draws, and which dots lie in them or near them. Pure functions.

/** @typedef {number[]} Place two numbers */

/**
 * Whether a ray from the place to the right crosses the outline an odd number of times.
 * @param {Place} place
 * @param {Place[]} polygon its corners; the last one is joined with the first
 * @returns {boolean}
 */
export function inPolygon([x, y], polygon) {
  let inside = false;
  polygon.forEach(([ax, ay], i) => {
    const [bx, by] = polygon[(i + 1) % polygon.length];
    // Half open, so that a corner on the ray counts for one of its two edges.
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}

/**
 * @param {Place} from
 * @param {Place} to the opposite corner
 * @returns {Place[]} the corners of a rectangle
 */
export const rectangle = ([ax, ay], [bx, by]) => [[ax, ay], [bx, ay], [bx, by], [ax, by]];

/**
 * @param {number[]} place
 * @param {number[]} other of as many numbers
 */
export const apart = (place, other) => Math.hypot(...place.map((value, axis) => value - other[axis]));

/**
 * @param {number[]} place
 * @param {number[][]} places
 * @returns {number[]} indices of all places, the nearest one first
 */
export function byDistance(place, places) {
  const far = places.map((each) => apart(place, each));
  return far.map((_, i) => i).sort((a, b) => far[a] - far[b] || a - b);
}

/**
 * @param {Place} place
 * @param {[number, Place][]} places by index
 * @param {number} reach
 * @returns {number | null} the index of the nearest one within reach
 */
export function nearestWithin(place, places, reach) {
  let best = reach;
  /** @type {number | null} */
  let found = null;
  for (const [i, each] of places) {
    const far = apart(place, each);
    if (far > best || (far === best && found !== null)) continue;
    best = far;
    found = i;
  }
  return found;
}
