// Tells the server what was drawn of a growing answer: the first update of a run, and once this page has
// fallen behind, every other one. Then it is sent none before the last is drawn (serving/page_pace.py).
import { all } from "../shared/dom.js";
import { route } from "./files.js";

const VIEW = ".card .view[data-update]";
const BEHIND = 300; // milliseconds later than the first update, of those that a run has come to

/** What an update says of itself: its run, its number, milliseconds since the run began. */
export class Pace {
  run = "";
  number = 0;
  ahead = Infinity; // this page's clock minus the run's, at its smallest
  behind = false;

  /**
   * @param {string} update
   * @param {number} now in milliseconds
   * @returns {{ run: string, update: string, behind: string } | null} what the server is to hear of it
   */
  see(update, now) {
    const [run, number, sent] = update.split(" ");
    if (run === this.run && Number(number) <= this.number) return null;
    const begins = run !== this.run;
    if (begins) [this.run, this.ahead, this.behind] = [run, Infinity, false];
    this.number = Number(number);
    this.ahead = Math.min(this.ahead, now - Number(sent));
    this.behind ||= now - Number(sent) - this.ahead > BEHIND;
    return begins || this.behind ? { run, update: number, behind: String(this.behind) } : null;
  }
}

/** @param {() => void} then what is done when the page has been painted, or would have been */
function painted(then) {
  if (document.hidden) setTimeout(then);
  else requestAnimationFrame(() => setTimeout(then));
}

/**
 * @param {MutationRecord} record
 * @returns {HTMLElement[]} the answers that have been drawn; others may stand there of an earlier run
 */
function viewsIn(record) {
  const parts = record.type === "attributes" ? [record.target] : [...record.addedNodes];
  const elements = parts.filter((part) => part instanceof HTMLElement);
  return elements.flatMap((part) => (part.matches(VIEW) ? [part] : all(VIEW, part)));
}

/** Begins to follow. */
export function followPace() {
  const pace = new Pace();
  new MutationObserver((records) => {
    // Whoever follows a room sees another page's run, which is not to wait for them.
    if (document.documentElement.dataset.room === "follow") return;
    const now = performance.now();
    const seen = records.flatMap(viewsIn).map((view) => pace.see(view.dataset.update ?? "", now));
    for (const drawn of seen) {
      if (!drawn) continue;
      const asked = `${route("drawn")}?${new URLSearchParams(drawn)}`;
      // What is lost on the way is made up for by the server's patience.
      painted(() => void fetch(asked, { method: "POST" }).catch(() => {}));
    }
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-update"] });
}
