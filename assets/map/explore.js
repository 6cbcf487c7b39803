// The panel beside the map, its buttons and keys, and what the map tells it.
import { touched } from "../shared/dom.js";
import { Exploring } from "./exploring.js";
import { moved } from "./keys.js";
import { redraw } from "./moves.js";
import { drawOver, ring } from "./over.js";
import { cloudOf, part, turned } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

/**
 * @param {Exploring} own
 * @param {KeyboardEvent} event
 */
function typed(own, event) {
  const { key, target } = event;
  if (key === "Escape") {
    const nothing = !own.field.value && !own.listed.dots.length;
    event.preventDefault(); // the page's own Escape stops a run
    if (nothing) own.toggle(false);
    else own.clear();
  } else if (key === "Enter" && target === own.field) {
    event.preventDefault();
    own.cycle(event.shiftKey ? -1 : 1);
  }
}

/**
 * @param {Exploring} own
 * @param {KeyboardEvent} event on the plane
 */
function zoom(own, event) {
  const { here } = own;
  if (!here.cloud || here.chosen.view !== "map" || event.ctrlKey || event.metaKey || event.altKey) return;
  const now = here.zoomed[here.chosen.map] ?? here.shown?.span.slice(0, 2);
  if (event.key === "0") part(here, "whole").click();
  else {
    const next = turned(here) && event.key.startsWith("Arrow") ? null : moved(now ?? [], event.key);
    if (!next) return;
    here.zoomed[here.chosen.map] = next;
    part(here, "whole").hidden = false;
    redraw(here);
  }
  event.preventDefault();
}

/** @param {Section} here */
export function explore(here) {
  const own = new Exploring(here);
  drawOver(own.plane);
  drawOver(own.twin);
  const panel = part(here, "explorer");
  here.root.addEventListener("click", (event) => {
    const button = touched(event, "button");
    if (!button || !here.cloud) return;
    if (button.dataset.part === "explore") own.toggle(!own.open);
    else if (button.dataset.part === "shut") own.toggle(false);
    else if (panel.contains(button)) own.pressed(button);
  });
  own.field.addEventListener("input", () => here.cloud && own.find());
  panel.addEventListener("keydown", (event) => typed(own, event));
  part(here, "plane").addEventListener("keydown", (event) => zoom(own, event));
  part(here, "twin-layer").addEventListener("input", (event) => {
    own.second.go(Number(/** @type {HTMLInputElement} */ (event.target).value));
  });
  part(here, "twin-on").addEventListener("change", (event) => {
    part(here, "twin").hidden = !(/** @type {HTMLInputElement} */ (event.target).checked);
    if (own.hasTwin && here.cloud) own.second.go(cloudOf(here).layers.length - 1);
  });
  const over = (/** @type {Event} */ event) => {
    const row = touched(event, ".row");
    if (row) own.point(Number(row.dataset.dot), false);
  };
  for (const name of ["pointerover", "focusin"]) part(here, "list").addEventListener(name, over);
  new ResizeObserver(() => own.hasTwin && own.second.redraw()).observe(part(here, "twin"));
  here.explorer = {
    refreshed: () => own.refreshed(),
    painted: () => ring(own.plane, here.explored.pointed),
    pointed: (point) => own.open && own.point(point?.data.meta === "cloud" ? point.customdata : null),
    clicked: (point) => {
      if (!own.open) return false;
      const { meta } = point.data;
      if (meta === "cloud") own.near({ point: point.customdata });
      else if (here.placed.panels.some(({ slot }) => slot === meta)) own.near({ slot: meta });
      else return false;
      return true;
    },
  };
}
