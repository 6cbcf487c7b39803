// The second plane: the same dots and marks at another layer.
import { write } from "../shared/dom.js";
import { CONFIG } from "../shared/plot.js";
import { continues, goal, mix } from "./frames.js";
import { plane } from "./plane.js";
import { cloudOf, part } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 */

const GLIDE = 320; // milliseconds, as on the map itself

export class Twin {
  /** @param {Section} here */
  constructor(here) {
    this.here = here;
    this.canvas = /** @type {Plot} */ (part(here, "twin-plane"));
    this.slider = /** @type {HTMLInputElement} */ (part(here, "twin-layer"));
    /** @type {Frame | null} */
    this.shown = null;
    this.at = 0;
    this.frame = 0;
    this.whenPainted = () => {};
  }

  /** The section as it would be at the second layer; three components are shown in the plane. */
  get other() {
    const { here, shown } = this;
    const map = here.chosen.map === "pca3" ? "pca" : here.chosen.map;
    return { ...here, shown, zoomed: {}, chosen: { ...here.chosen, view: "map", map, layer: this.at } };
  }

  /** @param {Frame} now */
  paint(now) {
    this.shown = now;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height || !window.Plotly) return;
    const { traces, layout } = plane(this.other, now);
    const bare = { ...layout.xaxis, title: { text: "" }, tickvals: [] };
    const margin = { l: 6, r: 6, t: layout.margin.t, b: 6 };
    const whole = { ...layout, width, height, margin, xaxis: bare, hovermode: false, dragmode: false };
    window.Plotly.react(this.canvas, traces, whole, CONFIG);
    this.whenPainted();
  }

  tell() {
    const { layers } = cloudOf(this.here);
    this.at = Math.min(this.at, layers.length - 1);
    this.slider.max = String(layers.length - 1);
    this.slider.value = String(this.at);
    const words = `Layer ${layers[this.at]}`;
    write(part(this.here, "twin-name"), words);
    this.slider.setAttribute("aria-valuetext", words);
  }

  /** Draws what is to be seen now; dots travel there. */
  draw() {
    cancelAnimationFrame(this.frame);
    this.tell();
    const end = goal(this.other);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still || !this.shown || !continues(this.shown, end)) return this.paint(end);
    const start = structuredClone(this.shown);
    const began = performance.now();
    const move = (/** @type {number} */ now) => {
      const k = Math.min(1, Math.max(0, (now - began) / GLIDE));
      this.paint(k < 1 ? mix(start, end, k * k * (3 - 2 * k)) : end);
      this.frame = k < 1 ? requestAnimationFrame(move) : 0;
    };
    this.frame = requestAnimationFrame(move);
  }

  /** Draws what stands out; no dot moves. */
  redraw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.here.cloud) this.paint(goal(this.other));
  }

  /** @param {number} index of a layer */
  go(index) {
    this.at = index;
    this.draw();
  }
}
