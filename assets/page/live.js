// Waits until a slider rests: then the map follows, and with “Live” on, the model runs again.

const REST = 600; // milliseconds that a slider has to rest before a live run begins
const SETTLED = 60; // milliseconds after which the map follows a slider
const CALM = 1500; // milliseconds in which changes made by the page itself start no run
// Where no model runs, what is recorded is shown and placed.
const READY = '.strip:is([data-phase="ready"], [data-phase="recorded"])';
const BEGUN = ["done", "writing", "recorded"].map((state) => `.view[data-state="${state}"]`).join();

// Whoever follows a room's presenter sees that page's places and answers: nothing is asked for here.
const follows = () => document.documentElement.dataset.room === "follow";

let resting = 0;
let placing = 0;
let calmUntil = 0;

/** @param {string} selector */
const press = (selector) => /** @type {HTMLElement | null} */ (document.querySelector(selector))?.click();

/** The map follows at once, without new answers: only what the slider changed is run again. */
export function place() {
  clearTimeout(placing);
  if (follows()) return;
  placing = setTimeout(() => {
    if (document.querySelector(READY)) press("#place");
  }, SETTLED);
}

/** A slider was moved, by hand or by the page. */
export function moved() {
  place();
  clearTimeout(resting);
  if (follows()) return;
  const cards = /** @type {HTMLElement | null} */ (document.querySelector("#cards"));
  // What moves on a tab that is not seen was not moved by hand.
  if (Date.now() < calmUntil || !cards?.offsetParent) return;
  resting = setTimeout(() => {
    const live = /** @type {HTMLInputElement | null} */ (document.querySelector("#live input"));
    const request = /** @type {HTMLInputElement | null} */ (
      document.querySelector("#request textarea, #request input")
    );
    // What is being typed is a follow-up: it is sent by hand.
    const follow = /** @type {HTMLInputElement | null} */ (document.querySelector("#follow input"));
    if (follow?.checked) return;
    const ready = document.querySelector(READY) && document.querySelector(BEGUN);
    if (live?.checked && ready && request?.value.trim()) press("#run");
  }, REST);
}

/**
 * What follows was not moved by hand: it starts no run.
 * @param {number} [time] in milliseconds
 */
export function calm(time = CALM) {
  clearTimeout(resting);
  calmUntil = Math.max(calmUntil, Date.now() + time);
}
