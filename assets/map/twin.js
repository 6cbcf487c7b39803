// The second plane: the same dots and marks at another layer.
import { write } from "../shared/dom.js";
import { CONFIG } from "../shared/plot.js";
import { continues, goal } from "./frames.js";
import { plane } from "./plane.js";
import { cloudOf, part } from "./state.js";
import { Travel } from "./travel.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 */

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
    this.awaited = false;
    this.travel = new Travel(this.canvas);
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
    this.travel.land();
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
    this.tell();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still || !this.shown || !continues(this.shown, goal(this.other))) return this.redraw();
    this.awaited = true;
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.move(now));
  }

  /** @param {number} now in milliseconds */
  move(now) {
    if (this.awaited && this.travel.mayTurn) {
      this.awaited = false;
      this.travel.begin(() => this.here.cloud && this.paint(goal(this.other)));
    } else this.travel.step(now);
    const goesOn = this.awaited || this.travel.isUnderWay;
    this.frame = goesOn ? requestAnimationFrame((next) => this.move(next)) : 0;
  }

  /** Draws what stands out; no dot moves. */
  redraw() {
    cancelAnimationFrame(this.frame);
    Object.assign(this, { frame: 0, awaited: false });
    if (this.here.cloud) this.paint(goal(this.other));
  }

  /** @param {number} index of a layer */
  go(index) {
    this.at = index;
    this.draw();
  }
}
