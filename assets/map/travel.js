// Lets what plotly.js has drawn travel to its place. plotly.js draws the end, once, in some 50 ms; what it
// has moved is put back to where it was seen, and then only attributes of its own elements are set, frame by
// frame. So data, axes, hover and saved pictures are those of the end from the first frame on, and to land
// is to write what plotly.js has written.
import { between, eased, gathered } from "./between.js";

/**
 * @typedef {Map<Element | string, Record<string, string>>} Seen attributes by element or by place in a list
 * @typedef {{ element: Element, name: string, at: (share: number) => string, wrote: string }} Journey
 */

export const GLIDE = 320; // milliseconds in which points travel
const LEAST = GLIDE / 2; // of them before another end counts, or a held key would never let a dot move

/** Which attributes say where an element is. */
const PLACES = {
  ".overplot > .xy, .scatterlayer path.point": ["transform"],
  ".scatterlayer path.js-line": ["d"],
  ".scatterlayer .textpoint text": ["x", "y"],
};
/** The same of those that plotly.js makes anew each time, in the same order. */
const ANEW = { ".shapelayer path": ["d"], ".xtick text": ["transform"] };
const HILLS = ".contourlayer";

/**
 * @param {Element} element
 * @param {string[]} names
 * @returns {Record<string, string>}
 */
const told = (element, names) =>
  Object.fromEntries(names.map((name) => [name, element.getAttribute(name) ?? ""]));

/**
 * @param {Element | string} key
 * @param {Element} element
 * @param {string[]} names
 * @returns {[Element | string, Element, Record<string, string>]}
 */
const known = (key, element, names) => [key, element, told(element, names)];

export class Travel {
  /** @param {HTMLElement} canvas that plotly.js draws on */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Journey[]} */
    this.journeys = [];
    /** @type {Element | null} */
    this.leaving = null;
    this.began = 0;
  }

  get isUnderWay() {
    return this.journeys.length > 0;
  }

  /** Whether it has been seen to move, so that another end may take its place. */
  get mayTurn() {
    return !this.isUnderWay || performance.now() - this.began >= LEAST;
  }

  /**
   * @returns {[Element | string, Element, Record<string, string>][]} what can travel: by what it is known
   *   again, and where it is on the screen
   */
  look() {
    const all = (/** @type {string} */ selector) => [...this.canvas.querySelectorAll(selector)];
    const kept = Object.entries(PLACES).flatMap(([selector, names]) =>
      all(selector).map((each) => known(each, each, names)),
    );
    const made = Object.entries(ANEW).flatMap(([selector, names]) =>
      all(selector).map((each, i) => known(`${selector} ${i} ${each.textContent}`, each, names)),
    );
    const ring = this.canvas.parentElement?.querySelector('.over .ring[visibility="visible"]');
    return [...kept, ...made, ...(ring ? [known(ring, ring, ["cx", "cy"])] : [])];
  }

  /**
   * Draws, and lets what is moved by that begin where it was seen.
   * @param {() => void} draw has plotly.js draw the end
   */
  begin(draw) {
    /** @type {Seen} */
    const seen = new Map(this.look().map(([key, , attributes]) => [key, attributes]));
    const hills = this.canvas.querySelector(HILLS);
    const [left, before] = [hills?.cloneNode(true), hills?.innerHTML];
    const start = this.baseline();
    this.land(); // plotly.js may find nothing to do, and would leave things where they are
    draw();
    for (const [key, element, attributes] of this.look()) {
      const from = seen.get(key) ?? appearing(element, attributes, start ?? this.baseline());
      for (const [name, to] of Object.entries(attributes)) this.send(element, name, from[name], to);
    }
    if (left && before !== hills?.innerHTML) this.fade(/** @type {Element} */ (left));
    this.began = performance.now();
    this.step(this.began);
  }

  /** @returns {string | null} where the baseline's mark is */
  baseline() {
    return this.canvas.querySelector(".tracemark-baseline path.point")?.getAttribute("transform") ?? null;
  }

  /**
   * @param {Element} element
   * @param {string} name
   * @param {string | null} from
   * @param {string | null} to
   */
  send(element, name, from, to) {
    const at = between(from, to);
    if (at) this.journeys.push({ element, name, at, wrote: to ?? "" });
  }

  /**
   * Lets the densities of before go as those of now come: their outlines have nothing in common.
   * @param {Element} left a copy of those of before
   */
  fade(left) {
    const hills = this.canvas.querySelector(HILLS);
    if (!hills) return;
    left.setAttribute("class", "leaving");
    for (const clipped of left.querySelectorAll("[clip-path]")) clipped.removeAttribute("clip-path");
    // By its classes plotly.js would take the copy for its own, and find no data in it when a hand zooms.
    for (const named of left.querySelectorAll("[class]")) named.removeAttribute("class");
    hills.before(left);
    this.leaving = left;
    left.setAttribute("opacity", "0");
    this.send(left, "opacity", "1", "0");
    hills.setAttribute("opacity", "1");
    this.send(hills, "opacity", "0", "1");
  }

  /**
   * @param {number} now in milliseconds
   * @returns {boolean} whether it goes on
   */
  step(now) {
    const share = Math.max(0, (now - this.began) / GLIDE);
    if (share >= 1) this.land();
    // What somebody else has moved meanwhile, as plotly.js does when a hand zooms, is theirs.
    this.journeys = this.journeys.filter(({ element, name, wrote }) => element.getAttribute(name) === wrote);
    const way = eased(share);
    for (const journey of this.journeys) {
      journey.wrote = journey.at(way);
      journey.element.setAttribute(journey.name, journey.wrote);
    }
    return this.isUnderWay;
  }

  /** Ends at once, with everything where plotly.js has drawn it. */
  land() {
    for (const { element, name, at, wrote } of this.journeys) {
      if (element.getAttribute(name) === wrote) element.setAttribute(name, at(1));
    }
    this.journeys = [];
    this.leaving?.remove();
    this.leaving = null;
  }
}

/**
 * @param {Element} element of a mark or an arrow that was not there
 * @param {Record<string, string>} attributes
 * @param {string | null} start transform of the baseline's mark, where every card's way begins
 * @returns {Record<string, string>} where it begins; where it ends, if it is none of these
 */
function appearing(element, attributes, start) {
  const place = start?.match(/[-\d.]+/g)?.slice(0, 2).map(Number);
  if (!place || !element.closest('[class*="tracemark-"], [class*="tracearrow-"]')) return attributes;
  const { transform, d } = attributes;
  return { ...(transform && { transform: gathered(transform, place, 2) }), ...(d && { d: gathered(d, place) }) };
}
