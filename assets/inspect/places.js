// Where the tokens of an answer stand in its text, and how they are marked there: by ranges, since an
// element would be in the way of whoever copies the text, and of what Python writes next.

/**
 * @typedef {{ text: string, probability: number }} Other
 * @typedef {Other & { shown: string, surprise: number | null, bits: number | null,
 *   alternatives: Other[] }} Token see steering/inference/answer_tokens.py
 * @typedef {{ asked: number, panel: string, tokens: Token[], problem?: string }} Told
 * @typedef {object} Opened
 * @property {HTMLElement} answer the box that the text stands in
 * @property {Text} text
 * @property {string} slot
 * @property {number} character where it was pressed
 * @property {Told | null} told null while it is asked for
 * @property {number} place the token that is looked into
 * @typedef {{ root: HTMLElement, trigger: Given["trigger"], asked: number, opened: Opened | null,
 *   known: Map<string, Told>, step: (by: number) => void }} Here
 */


const GAP = 6; // pixels beyond a word that are brought into sight with it

/**
 * @param {{ shown: string }[]} tokens
 * @param {number} character
 * @returns {number} the token that writes a character of the answer; the last one behind its end
 */
export function tokenAt(tokens, character) {
  let end = 0;
  const found = tokens.findIndex(({ shown }) => character < (end += shown.length));
  return found < 0 ? tokens.length - 1 : found;
}

/**
 * @param {{ shown: string }[]} tokens
 * @param {number} place
 * @returns {[number, number]} where in the answer a token begins and ends
 */
export function span(tokens, place) {
  const start = tokens.slice(0, place).reduce((sum, { shown }) => sum + shown.length, 0);
  return [start, start + tokens[place].shown.length];
}

/**
 * @param {Text} text
 * @param {number} start
 * @param {number} end
 */
export function ranged(text, start, end) {
  const range = document.createRange();
  range.setStart(text, start);
  range.setEnd(text, Math.min(end, text.length));
  return range;
}

/**
 * @param {Element | null} answer
 * @returns {Text | null} the answer's text, thinking and caret left out
 */
export function textOf(answer) {
  const first = answer?.querySelector("div.written:not(.thinking *)")?.firstChild;
  return first instanceof Text && first.length ? first : null;
}

/**
 * @param {number} x
 * @param {number} y
 * @returns {[Node | undefined, number]} where a caret would stand
 */
function caretAt(x, y) {
  const page = /** @type {any} */ (document); // the two ways to ask are not in every browser
  const caret = page.caretPositionFromPoint?.(x, y);
  if (caret) return [caret.offsetNode, caret.offset];
  const range = page.caretRangeFromPoint?.(x, y);
  return [range?.startContainer, range?.startOffset ?? 0];
}

/**
 * @param {DOMRect} box
 * @param {number} x
 * @param {number} y
 */
const holds = (box, x, y) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;

/**
 * @param {Text} text
 * @param {number} x
 * @param {number} y
 * @returns {number | null} the character under a point; null where there is none
 */
export function characterAt(text, x, y) {
  const [node, offset] = caretAt(x, y);
  if (node !== text) return null;
  // A caret stands between two characters; which of both was meant, their boxes tell.
  const found = [offset, offset - 1].find((start) => {
    if (start < 0 || start >= text.length) return false;
    return [...ranged(text, start, start + 1).getClientRects()].some((box) => holds(box, x, y));
  });
  return found ?? null;
}

/**
 * @param {string} name
 * @param {Range | null} range
 */
export function mark(name, range) {
  const { CSS: styles, Highlight: Made } = /** @type {any} */ (window);
  if (!styles?.highlights || !Made) return; // an older browser shows no mark
  if (range) styles.highlights.set(name, new Made(range));
  else styles.highlights.delete(name);
}

/**
 * @param {Opened} opened
 * @returns {Range} what the popover stands beside
 */
export function wordOf({ told, place, text, character }) {
  if (!told || told.problem) return ranged(text, character, character + 1);
  const [start, end] = span(told.tokens, place);
  // A token that shows nothing has its place before the next one.
  return start < end ? ranged(text, start, end) : ranged(text, Math.min(start, text.length - 1), start + 1);
}

/**
 * Brings the word into sight inside its box; the page stays where it is.
 * @param {Opened} opened
 */
export function reveal(opened) {
  const word = wordOf(opened).getBoundingClientRect();
  const around = opened.answer.getBoundingClientRect();
  if (word.top < around.top) opened.answer.scrollTop -= around.top - word.top + GAP;
  if (word.bottom > around.bottom) opened.answer.scrollTop += word.bottom - around.bottom + GAP;
}
