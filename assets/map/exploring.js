// Exploring the map: what is found, drawn around, near or of a kind stands out on both planes and in a list.
import { dotsOf, showLegend } from "./legend.js";
import { counted, NOTHING, pointInList, showList, takeAway } from "./list.js";
import { ask, redraw, refresh } from "./moves.js";
import { nameOf, shownDots, spelled } from "./names.js";
import { nearestTo } from "./nearest.js";
import { ring } from "./over.js";
import { addMarks, showTools } from "./panel.js";
import { search, step } from "./search.js";
import { cloudOf, layer, part, solid } from "./state.js";
import { Twin } from "./twin.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./list.js").Listed} Listed
 * @typedef {import("./list.js").Of} Of
 */

export class Exploring {
  /** @param {Section} here */
  constructor(here) {
    this.here = here;
    this.listed = NOTHING;
    /** @type {Listed | null} */
    this.before = null;
    this.open = false;
    this.tool = "zoom";
    this.category = "";
    this.asked = 0;
    this.known = "";
    this.cloud = here.cloud;
    this.field = /** @type {HTMLInputElement} */ (part(here, "search"));
    this.second = new Twin(here);
    const common = {
      dots: () => (here.cloud ? shownDots(here) : []),
      picked: (/** @type {number[]} */ dots) => this.draw(dots),
      pointed: (/** @type {number | null} */ i) => this.point(i),
      clicked: (/** @type {number | null} */ i) => i !== null && this.near({ point: i }),
    };
    const over = (/** @type {string} */ name) => /** @type {any} */ (part(here, name));
    this.plane = {
      ...common,
      overlay: over("over"),
      canvas: /** @type {Plot} */ (part(here, "plane")),
      points: () => here.shown?.points ?? [],
      tool: () => this.tool,
    };
    this.twin = {
      ...common,
      overlay: over("twin-over"),
      canvas: this.second.canvas,
      points: () => this.second.shown?.points ?? [],
      tool: () => (this.tool === "box" ? "box" : "lasso"),
    };
    this.second.whenPainted = () => ring(this.twin, here.explored.pointed);
  }

  get hasTwin() {
    return this.open && !part(this.here, "twin").hidden;
  }

  /** @param {boolean} on */
  toggle(on) {
    const { here } = this;
    this.open = on;
    part(here, "explorer").hidden = !on;
    part(here, "explore").setAttribute("aria-expanded", String(on));
    here.root.toggleAttribute("data-explores", on);
    if (!on) this.choose("zoom");
    this.clear();
    if (on) this.field.focus({ preventScroll: true });
    else part(here, "explore").focus({ preventScroll: true });
  }

  /** Draws both planes anew, with what stands out; no dot moves. */
  repaint() {
    const { here } = this;
    if (here.cloud && here.shown && here.chosen.view === "map") redraw(here);
    if (this.hasTwin) this.second.redraw();
  }

  /**
   * @param {Listed} listed
   * @param {Listed | null} [before] the list to go back to
   */
  take(listed, before = null) {
    this.asked += 1; // answers that are still to come are of no use
    Object.assign(this, { listed, before });
    const { explored } = this.here;
    const own = listed.of?.point;
    explored.picked = listed.dots.length ? new Set(listed.dots) : null;
    if (own !== undefined) explored.picked?.add(own);
    showList(this.here, listed, before !== null);
    this.point(own ?? null);
    this.repaint();
  }

  clear() {
    this.field.value = "";
    this.category = "";
    this.cloud = this.here.cloud;
    if (!this.cloud) return;
    this.take(NOTHING);
    this.tell();
  }

  /**
   * @param {number | null} i index of the dot that is pointed at, on both planes and in the list
   * @param {boolean} [scrolls] whether its row comes into sight
   */
  point(i, scrolls = true) {
    const { here } = this;
    here.explored.pointed = this.open ? i : null;
    ring(this.plane, here.explored.pointed);
    ring(this.twin, here.explored.pointed);
    if (this.open) pointInList(here, i, scrolls);
  }

  find() {
    const { here } = this;
    const { texts, categories, labels } = cloudOf(here);
    this.category = "";
    if (!this.field.value.trim()) return this.take(NOTHING);
    const dots = shownDots(here);
    const entries = dots.map((i) => ({
      ...{ text: texts[i], category: categories[i], label: nameOf(here, labels[i]) },
    }));
    const hits = search(this.field.value, entries).map((n) => dots[n]);
    const title = hits.length ? counted(here, hits) : "No training request has these words.";
    this.take({ ...NOTHING, dots: hits, title });
  }

  /** @param {number} by 1 for the next one, -1 for the one before */
  cycle(by) {
    const { dots } = this.listed;
    const { pointed } = this.here.explored;
    const next = step(pointed === null ? -1 : dots.indexOf(pointed), dots.length, by);
    if (next < 0) return;
    this.point(dots[next]);
    if (solid(this.here)) this.repaint(); // in space it is a larger dot that shows it
    part(this.here, "list-note").textContent =
      `${next + 1} of ${dots.length}: ${cloudOf(this.here).texts[dots[next]]}`;
  }

  /** @param {number[]} dots that a hand has drawn around */
  draw(dots) {
    this.field.value = "";
    this.category = "";
    const title = dots.length ? counted(this.here, dots) : "No dot lies in there.";
    this.take({ ...NOTHING, dots, title });
  }

  /** @param {Of} of */
  async near(of) {
    const before = this.listed.of ? this.before : this.listed;
    const number = ++this.asked;
    const listed = await nearestTo(this.here, of);
    if (number === this.asked && this.open) this.take(listed, before?.dots.length ? before : null);
  }

  /** @param {string} category */
  list(category) {
    const { here } = this;
    this.field.value = "";
    this.category = category === this.category ? "" : category;
    showLegend(here, this.category);
    if (!this.category) return this.take(NOTHING);
    const dots = dotsOf(here, category);
    this.take({ ...NOTHING, dots, title: `${spelled(category)}: ${counted(here, dots)}` });
  }

  /** @param {string} tool zoom, lasso or box */
  choose(tool) {
    this.tool = tool;
    showTools(this.here, this.tool, this.open);
  }

  tell() {
    const { here } = this;
    showTools(here, this.tool, this.open);
    showLegend(here, this.category);
    addMarks(here);
  }

  /** The map shows something else: another layer, another request, other dots. */
  refreshed() {
    const { here, listed } = this;
    if (!here.cloud || !this.open) return;
    const other = here.cloud !== this.cloud;
    this.cloud = here.cloud;
    if (other) return this.clear(); // dots of other maps are none of these
    this.tell();
    if (this.hasTwin) this.second.draw();
    const known = JSON.stringify([layer(here), here.placed.key, here.chosen.borderline, here.chosen.map]);
    if (known === this.known) return;
    this.known = known;
    if (listed.of?.slot && !here.placed.panels.some(({ slot }) => slot === listed.of?.slot)) return this.clear();
    if (listed.of) this.near(listed.of);
    else if (this.field.value) this.find();
    else if (listed.dots.length) showList(here, listed, this.before !== null); // t is another one
  }

  /** @param {HTMLElement} button */
  pressed(button) {
    const { here } = this;
    const { dot, ask: asked, list, category, near, value = "" } = button.dataset;
    const group = /** @type {HTMLElement | null} */ (button.closest("[data-part]"))?.dataset.part;
    if (dot) this.near({ point: Number(dot) });
    else if (asked) ask(here, Number(asked));
    else if (near) this.near({ slot: near });
    else if (category) this.list(category);
    else if (list) this.handle(list);
    else if (group === "tools") this.choose(value);
    else if (group === "colours") {
      here.chosen.colour = value;
      refresh(here);
    }
  }

  /** @param {string} list what to do with the list */
  handle(list) {
    if (list === "clear") this.clear();
    else if (list === "back" && this.before) this.take(this.before);
    else takeAway(this.here, this.listed, list);
  }
}
