// Writes the tour: a step, what of it is done, and the list of all steps.
import { add, one, write } from "../shared/dom.js";

/**
 * @typedef {import("./outcome.js").Outcome} Outcome
 * @typedef {{ title: string, text: string, parts: string[], solved: string, stuck: string }} Task
 * @typedef {Record<string, string> & { task: Record<string, Task>, words: Record<string, string>,
 *   chapters: Record<string, string> }} Texts
 * @typedef {{ id: string, chapter: string }} Step
 */

/** @param {Element} root @param {string} id */
export const part = (root, id) => one(`[data-part="${id}"]`, root);

/**
 * @param {string} text
 * @param {Record<string, string | number>} values
 * @returns {string} with `{name}` filled in
 */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

/** @param {Step[]} steps @param {number} at @returns {{ n: number, all: number }} its place in its chapter */
export function placeOf(steps, at) {
  const own = steps.filter(({ chapter }) => chapter === steps[at].chapter);
  return { n: own.indexOf(steps[at]) + 1, all: own.length };
}

/** @param {Element} list @param {{ state: string, words: string }[]} items */
function lines(list, items) {
  while (list.children.length > items.length) list.lastElementChild?.remove();
  items.forEach(({ state, words }, index) => {
    const item = /** @type {HTMLElement} */ (list.children[index] ?? add(list, "li"));
    item.dataset.state = state;
    write(item, words);
  });
}

/** @param {Outcome} outcome @param {Texts} texts @returns {string} what was tried, in a line */
function tried({ tried: found }, texts) {
  const word = (/** @type {string} */ setting) => texts.words[setting] ?? setting;
  const said = found.map(([setting, came]) => (came ? `${word(setting)}: ${texts.words[came]}` : setting));
  return said.length ? `${texts.tried} ${said.join(" · ")}` : "";
}

/**
 * @param {HTMLElement} root
 * @param {Texts} texts
 * @param {{ steps: Step[], at: number, outcome: Outcome, ended: Record<string, string> }} now
 */
export function draw(root, texts, { steps, at, outcome, ended }) {
  const { id, chapter } = steps[at];
  const task = texts.task[id];
  const { n, all } = placeOf(steps, at);
  const isLast = at === steps.length - 1;
  const isEnd = n === all && steps.every((step) => (!isLast && step.chapter !== chapter) || ended[step.id]);
  const end = isLast ? texts.finished : texts.chapter;
  write(part(root, "count"), `${n} / ${all}`);
  part(root, "count").setAttribute("aria-label", `${texts.chapters[chapter]}. ${filled(texts.count, { n, all })}`);
  write(part(root, "title"), task.title);
  write(part(root, "text"), task.text);
  const states = outcome.parts.map((done) => (done ? "done" : "open"));
  lines(part(root, "parts"), task.parts.map((words, index) => ({ words, state: states[index] })));
  write(part(root, "tried"), tried(outcome, texts));
  const state = ended[id] === "solved" ? "solved" : outcome.state;
  Object.assign(root.dataset, { step: id, state });
  /** @type {Record<string, string>} */
  const said = { open: "", solved: task.solved, stuck: task.stuck, lacks: texts.lacks, unrecorded: texts.unrecorded };
  write(part(root, "said"), isEnd ? `${said[state]} ${end}` : said[state]);
  const done = part(root, "said").parentElement;
  if (done) done.scrollTop = state === "open" ? 0 : done.scrollHeight;
  const disabled = { previous: at === 0, next: isLast };
  for (const [button, value] of Object.entries(disabled)) {
    /** @type {HTMLButtonElement} */ (part(root, button)).disabled = value;
  }
  drawSteps(root, texts, steps, at, ended);
}

/**
 * @param {HTMLElement} root
 * @param {Texts} texts
 * @param {Step[]} steps
 * @param {number} at
 * @param {Record<string, string>} ended
 */
function drawSteps(root, texts, steps, at, ended) {
  const list = part(root, "list");
  steps.forEach(({ id, chapter }, index) => {
    const item = /** @type {HTMLElement} */ (list.children[index] ?? add(list, "li"));
    const { n } = placeOf(steps, index);
    // The style sheet writes it above the first step of the chapter.
    if (n === 1) item.dataset.chapter = texts.chapters[chapter];
    const button = /** @type {HTMLButtonElement} */ (item.firstElementChild ?? add(item, "button"));
    button.type = "button";
    Object.assign(button.dataset, { goes: String(index), state: ended[id] ?? "open" });
    const [title, state] = [0, 1].map((each) => button.children[each] ?? add(button, "span", each ? "unseen" : ""));
    write(title, `${n}. ${texts.task[id].title}`);
    write(state, `, ${texts.words[ended[id] ?? "open"]}`);
    if (index === at) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
}

/**
 * Writes what is the same on every step.
 * @param {HTMLElement} root
 * @param {Texts} texts
 * @param {string} language
 */
export function name(root, texts, language) {
  root.lang = language;
  root.setAttribute("aria-label", texts.tour);
  for (const id of ["show", "steps", "reset"]) write(part(root, id), texts[id]);
  for (const id of ["previous", "next", "close", "language"]) {
    part(root, id).setAttribute("aria-label", texts[id]);
    part(root, id).title = texts[id];
  }
  /** @type {HTMLSelectElement} */ (part(root, "language")).value = language;
}
