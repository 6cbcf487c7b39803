// Which prompts a few words find, and in which order. Pure functions.

/** @typedef {{ text: string, category: string, label: string }} Entry */

const SPLIT = /[^\p{L}\p{N}]+/u;

/**
 * @param {string} text
 * @returns {string} without accents, in small letters
 */
export const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * @param {string} word
 * @param {string} text
 * @param {string[]} named words of category and class
 * @returns {number} how well a word is found: whole, at a word's beginning, in the category, inside
 */
function score(word, text, named) {
  const words = text.split(SPLIT);
  if (words.includes(word)) return 4;
  if (words.some((each) => each.startsWith(word))) return 3;
  if (named.some((each) => each.startsWith(word))) return 2;
  return text.includes(word) ? 1 : 0;
}

/**
 * @param {string} query of which every word has to be found
 * @param {Entry[]} entries
 * @returns {number[]} indices, the best first; of equally good ones the earlier
 */
export function search(query, entries) {
  const words = folded(query).split(SPLIT).filter(Boolean);
  if (!words.length) return [];
  const scores = entries.map(({ text, category, label }) => {
    const [plain, named] = [folded(text), folded(`${category} ${label}`).split(SPLIT)];
    const each = words.map((word) => score(word, plain, named));
    return each.includes(0) ? 0 : each.reduce((sum, value) => sum + value, 0);
  });
  return scores
    .flatMap((value, i) => (value ? [i] : []))
    .sort((a, b) => scores[b] - scores[a] || a - b);
}

/**
 * @param {number} at where one stands, -1 for nowhere
 * @param {number} size of the list
 * @param {number} by 1 for the next, -1 for the one before
 * @returns {number} where one stands then; behind the last one comes the first
 */
export function step(at, size, by) {
  if (!size) return -1;
  if (at < 0) return by > 0 ? 0 : size - 1;
  return (at + by + size) % size;
}
