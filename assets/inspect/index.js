// The popover that looks into the tokens of an answer: a click on a word, or Enter on the answer, opens
// it. Python is asked once for all tokens of an answer, see steering/ui/token_handlers.py.
import { one, touched } from "../shared/dom.js";
import { draw, stand, unmark } from "./draw.js";
import { characterAt, reveal, textOf, tokenAt } from "./places.js";

/**
 * @typedef {import("./places.js").Here} Here
 * @typedef {import("./places.js").Opened} Opened
 * @typedef {import("./places.js").Told} Told
 */

const ANSWER = '.card .view:is([data-state="done"], [data-state="recorded"]) .answer';
const KEPT = 24; // answers whose tokens are not asked for again (chosen)
const RECORDED = "This answer was recorded. Press Run, then look into the new one.";
const RECORDED_ONLY = "This answer was recorded. Words can be looked into where a model runs; here none does.";
const NO_MODEL = '.strip[data-phase="recorded"]';
const LED = "This is the presenter's answer. Explore on your own and run it, then look into yours.";
const CHANGED = "This answer is another one by now. Run the request again, and look into that.";

/** @param {Here} here @param {number} by */
function step(here, by) {
  const { opened } = here;
  const count = opened?.told?.tokens?.length ?? 0;
  if (!opened || !count) return;
  opened.place = Math.max(0, Math.min(count - 1, opened.place + by));
  reveal(opened);
  draw(here);
}

/** @param {Opened} opened */
const nameOf = ({ slot, text, answer }) =>
  `${slot}\n${/** @type {HTMLElement | null} */ (answer.closest(".view"))?.dataset.panel}\n${text.data}`;

/** @param {Here} here @param {Told} told */
function take(here, told) {
  const { opened } = here;
  if (!opened || told.asked !== here.asked) return;
  const same = told.problem || told.tokens.map(({ shown }) => shown).join("") === opened.text.data;
  opened.told = same ? told : { ...told, problem: CHANGED };
  if (!opened.told.problem) {
    if (here.known.size >= KEPT) here.known.clear();
    here.known.set(nameOf(opened), told);
    opened.place = tokenAt(told.tokens, opened.character);
  }
  draw(here);
}

/** @param {Here} here @param {HTMLElement} answer @param {number} character */
function open(here, answer, character) {
  const text = textOf(answer);
  const view = /** @type {HTMLElement | null} */ (answer.closest(".view"));
  const slot = answer.closest(".card")?.id.replace("card-", "");
  if (!text || !slot) return;
  here.opened = { answer, text, slot, character, told: null, place: 0 };
  if (!here.root.matches(":popover-open")) here.root.showPopover();
  const known = here.known.get(nameOf(here.opened));
  here.asked += 1;
  if (known) take(here, { ...known, asked: here.asked });
  else if (view?.dataset.state === "recorded") {
    const problem = document.querySelector(NO_MODEL) ? RECORDED_ONLY : RECORDED;
    take(here, { asked: here.asked, panel: "", tokens: [], problem });
  } else if (document.documentElement.dataset.room === "follow") {
    take(here, { asked: here.asked, panel: "", tokens: [], problem: LED });
  } else {
    draw(here);
    here.trigger("select", { asked: here.asked, slot });
  }
}

/** @param {Here} here @param {MouseEvent} event */
function click(here, event) {
  const answer = touched(event, ANSWER);
  const text = textOf(answer);
  // Whoever has selected words wants to copy them.
  if (!answer || !text || !getSelection()?.isCollapsed) return;
  const character = characterAt(text, event.clientX, event.clientY);
  if (character !== null) open(here, answer, character);
}

/** @param {Here} here @param {KeyboardEvent} event */
function press(here, event) {
  const answer = touched(event, ANSWER);
  if (event.key === "Enter" && answer && event.target === answer) {
    event.preventDefault();
    return open(here, answer, 0);
  }
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || !(event.target instanceof Node) || !here.root.contains(event.target)) return;
  event.preventDefault();
  // An arrow points where the text goes.
  const right = here.opened?.text.parentElement?.matches(":dir(rtl)");
  here.step(right ? -by : by);
}

/** @param {Here} here */
function close(here) {
  here.opened = null;
  unmark();
}

/** @param {Omit<Given, "server">} given */
export function start({ element, props, watch, trigger }) {
  const root = one(".inspect", element);
  /** @type {Here} */
  const here = { root, trigger, asked: 0, opened: null, known: new Map(), step: (by) => step(here, by) };
  document.addEventListener("click", (event) => click(here, event));
  document.addEventListener("keydown", (event) => press(here, event));
  root.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "closed") close(here);
  });
  watch("value", () => props.value && take(here, JSON.parse(props.value)));
  const follow = () => {
    // What Python writes anew is another text.
    if (here.opened && !here.opened.text.isConnected) root.hidePopover();
    stand(here);
  };
  addEventListener("scroll", follow, { capture: true, passive: true });
  addEventListener("resize", follow);
  new MutationObserver(() => here.opened && follow()).observe(document, { subtree: true, childList: true });
}
