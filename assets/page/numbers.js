// Number fields. Gradio hands every keystroke to the server, and at the end makes of an empty field a
// zero. Here a field is heard only while it holds a number that is allowed; when typing ends, what is
// not is brought to the nearest that is, or back to the last one.

const FIELD = ".gradio-container input[type=number]";
const DIGITS = 10; // decimals kept, as in steering/ui/playground/typed_numbers.py
/** @type {WeakMap<HTMLInputElement, string>} the last text of each field that was a number */
const kept = new WeakMap();
let own = false; // an event that was made here
let inserting = false; // an insertion that was made here
let heard = false; // whether the last insertion changed a field

/**
 * @param {Event} event
 * @returns {HTMLInputElement | null}
 */
const field = (event) => (event.target instanceof Element ? event.target.closest(FIELD) : null);

/** @param {{ step: string }} box */
const isWhole = (box) => Number.isInteger(Number(box.step || "any"));

/**
 * @param {{ min: string, max: string }} box
 * @returns {[number, number]} what is allowed at least and at most
 */
function ends(box) {
  const [low, high] = [box.min, box.max].map((end) => (end === "" ? NaN : Number(end)));
  // Beyond this, a browser cannot tell whole numbers apart.
  const most = Number.MAX_SAFE_INTEGER;
  return [Number.isNaN(low) ? -most : low, Number.isNaN(high) ? most : high];
}

/**
 * @param {{ value: string, min: string, max: string, step: string }} box
 * @returns {boolean} whether a field holds a number that is allowed
 */
export function fits(box) {
  const value = Number(box.value);
  const [low, high] = ends(box);
  return box.value !== "" && low <= value && value <= high && (!isWhole(box) || Number.isInteger(value));
}

/**
 * @param {{ value: string, min: string, max: string, step: string }} box
 * @returns {number} the allowed number that is nearest to what a field holds
 */
export function nearest(box) {
  const value = Number(box.value);
  const [low, high] = ends(box);
  const rounded = isWhole(box) ? Math.round(value) : Number(value.toFixed(DIGITS));
  return Math.min(high, Math.max(low, rounded));
}

/**
 * What people write for numbers, as a number field takes it.
 * @param {string} text
 * @returns {string | null} null if it is no part of a number
 */
export function plain(text) {
  // These blocks of digits begin at codes that end in 0: Arabic, Persian, full width.
  const digits = text.replace(/[٠-٩۰-۹０-９]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf));
  const written = digits.trim().replace(/[−–]/g, "-").replace(/[,٫，]/g, ".");
  return /^[-+.\deE]*$/.test(written) && written.split(".").length < 3 ? written : null;
}

/**
 * Read for those who do not see the colour, too.
 * @param {HTMLInputElement} box
 * @param {boolean} wrong
 */
function mark(box, wrong) {
  if (wrong === (box.getAttribute("aria-invalid") === "true")) return;
  const [low, high] = ends(box);
  box.setAttribute("aria-invalid", String(wrong));
  box.title = wrong ? `${isWhole(box) ? "a whole number" : "a number"} from ${low} to ${high}` : "";
}

/** @param {HTMLInputElement} box */
function keep(box) {
  if (!fits(box)) return;
  kept.set(box, box.value);
  mark(box, false);
}

/**
 * @param {HTMLInputElement} box
 * @param {string} value
 */
function put(box, value) {
  box.value = value;
  own = true;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  own = false;
  keep(box);
}

/** @param {HTMLInputElement} box */
function last(box) {
  const slider = /** @type {HTMLInputElement | null | undefined} */ (
    box.closest(".block")?.querySelector("input[type=range]")
  );
  return kept.get(box) ?? slider?.value ?? box.min ?? "0";
}

/** @param {HTMLInputElement} box */
function settle(box) {
  const value = Number(box.value);
  if (box.value === "" || !Number.isFinite(value)) return put(box, last(box));
  const near = nearest(box);
  if (near !== value) put(box, String(near));
  else keep(box);
}

/**
 * Tells whether the browser took it; a browser of another language drops a comma without a word.
 * @param {string} text
 */
function insert(text) {
  heard = false;
  inserting = true;
  document.execCommand("insertText", false, text);
  inserting = false;
  return heard;
}

/** @param {InputEvent} event */
function before(event) {
  const box = field(event);
  const text = event.data ?? event.dataTransfer?.getData("text/plain");
  if (!box || !text || inserting) return;
  const meant = plain(text);
  if (meant === text) return;
  event.preventDefault();
  if (meant === null) mark(box, true);
  else if (text.length > 1 || !insert(text)) insert(meant);
}

/** @param {Event} event */
function typed(event) {
  const box = field(event);
  if (!box || own) return;
  heard = true;
  if (fits(box)) return keep(box);
  mark(box, true);
  event.stopImmediatePropagation(); // neither Gradio nor the server sees it
}

/**
 * @param {(box: HTMLInputElement) => void} act
 * @returns {(event: Event) => void}
 */
const onField = (act) => (event) => {
  const box = field(event);
  if (box) act(box);
};

/** Begins. */
export function listenForNumbers() {
  addEventListener("beforeinput", before, true);
  addEventListener("input", typed, true);
  addEventListener("focusin", onField(keep), true);
  addEventListener("blur", onField(settle), true);
  addEventListener("keydown", (event) => event.key === "Enter" && onField(settle)(event), true);
}
