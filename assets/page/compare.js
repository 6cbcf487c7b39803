// Compares the answers: tints the words that the baseline does not say, and scrolls all together.
// Tints are highlights of the browser (CSS Custom Highlight API): the text itself stays as it is.
import { all, touched } from "../shared/dom.js";

const LONGEST = 600; // words of an answer that are compared; the table below has their square
const PIECES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}_'’]+/gu;
const on = { words: false, places: false };

/**
 * Finds a longest common subsequence (by dynamic programming), whose rest is what differs.
 * @param {string[]} before
 * @param {string[]} after
 * @returns {boolean[]} for each word of `after` whether it is new
 */
export function differing(before, after) {
  const width = after.length + 1;
  const longest = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        before[i] === after[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const found = after.map(() => true);
  for (let i = 0, j = 0; i < before.length && j < after.length; ) {
    if (before[i] === after[j]) {
      found[j] = false;
      i += 1;
      j += 1;
    } else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return found;
}

/**
 * @param {string} text
 * @returns {{ word: string, start: number, end: number }[]} its words, or its characters where it is
 *   written without spaces
 */
export function wordsOf(text) {
  return [...text.matchAll(PIECES)].map((found) => ({
    word: found[0].toLocaleLowerCase(),
    start: found.index,
    end: found.index + found[0].length,
  }));
}

/** @param {Element} answer */
function textOf(answer) {
  const walker = document.createTreeWalker(answer, NodeFilter.SHOW_TEXT);
  const nodes = [];
  let text = "";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push({ node, start: text.length });
    text += node.textContent;
  }
  return { nodes, text };
}

/**
 * @param {Element} answer
 * @param {string[]} base
 * @returns {Range[]}
 */
function rangesOf(answer, base) {
  const { nodes, text } = textOf(answer);
  const words = wordsOf(text).slice(0, LONGEST);
  const isNew = differing(base, words.map(({ word }) => word));
  return words.flatMap(({ start, end }, at) => {
    if (!isNew[at]) return [];
    const held = nodes.filter((each) => each.start <= start).at(-1);
    if (!held || end - held.start > (held.node.textContent ?? "").length) return [];
    const range = document.createRange();
    range.setStart(held.node, start - held.start);
    range.setEnd(held.node, end - held.start);
    return [range];
  });
}

function tint() {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete("differs");
  if (!on.words) return;
  const base = document.querySelector("#card-baseline .answer .written");
  const words = wordsOf(base?.textContent ?? "").map(({ word }) => word).slice(0, LONGEST);
  if (!words.length) return;
  const others = all(".card:not(#card-baseline) .answer > .written");
  CSS.highlights.set("differs", new Highlight(...others.flatMap((each) => rangesOf(each, words))));
}

/** @param {Event} event */
function scroll(event) {
  const moved = on.places ? touched(event, ".card .answer") : null;
  if (!moved || moved.dataset.follows) return;
  const reach = moved.scrollHeight - moved.clientHeight;
  const share = reach > 0 ? moved.scrollTop / reach : 0;
  for (const answer of all(".card .answer")) {
    if (answer === moved) continue;
    // Its own scroll event comes with the next frame, and is not the visitor's.
    answer.dataset.follows = "yes";
    answer.scrollTop = share * (answer.scrollHeight - answer.clientHeight);
    requestAnimationFrame(() => requestAnimationFrame(() => delete answer.dataset.follows));
  }
}

/** Begins to listen. */
export function listenForComparing() {
  document.addEventListener("change", (event) => {
    const box = touched(event, "[data-compares]");
    if (!(box instanceof HTMLInputElement)) return;
    if (box.dataset.compares === "words") on.words = box.checked;
    else on.places = box.checked;
    tint();
  });
  document.addEventListener("scroll", scroll, true);
  let waits = false;
  new MutationObserver(() => {
    if (waits || !on.words) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      tint();
    });
  }).observe(document, { subtree: true, childList: true });
}
