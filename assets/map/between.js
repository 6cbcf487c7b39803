// What lies between two forms of an attribute of SVG: a place, a line, a turned arrow. Pure functions.

const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/gi;
const FINE = 100; // a hundredth of a pixel is not seen, and short texts are written faster

/** @param {string} text */
const numbersOf = (text) => (text.match(NUMBER) ?? []).map(Number);

/**
 * @param {number} from in degrees
 * @param {number} to
 * @returns {number} the same direction as `from`, at most half a turn away from `to`
 */
const near = (from, to) => to - ((((to - from) % 360) + 540) % 360) + 180;

/**
 * @param {string | null} from
 * @param {string | null} to
 * @returns {((share: number) => string) | null} the form between the two, and exactly `to` from 1 on; null
 *   where nothing changes, or where the two differ by more than their numbers
 */
export function between(from, to) {
  if (from === null || to === null || from === to) return null;
  const words = to.split(NUMBER);
  if (words.join(" ") !== from.split(NUMBER).join(" ")) return null;
  const ends = numbersOf(to);
  const starts = numbersOf(from).map((value, i) => (words[i].endsWith("rotate(") ? near(value, ends[i]) : value));
  return (share) => {
    if (share >= 1) return to;
    const mixed = ends.map((end, i) => Math.round((starts[i] + (end - starts[i]) * share) * FINE) / FINE);
    return words.map((word, i) => word + (mixed[i] ?? "")).join("");
  };
}

/**
 * @param {string} text a transform or a line, which begins with places
 * @param {number[]} place
 * @param {number} [many] how many numbers are of places; the rest, as an angle, stays
 * @returns {string} the same form, all of it at that place
 */
export function gathered(text, place, many = Infinity) {
  let i = -1;
  return text.replace(NUMBER, (own) => (++i < many ? String(place[i % 2]) : own));
}

/**
 * @param {number} share of the time
 * @returns {number} of the way: it begins and ends gently
 */
export const eased = (share) => share * share * (3 - 2 * share);
