// Words around the picture: the sentence, the places card by card, the layer, pressed buttons.
import { one, write } from "../shared/dom.js";
import { signed } from "./text.js";
import { allIn, at, cloudOf, focus, layer, panelOf, part } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

/** @param {Section} here */
function tellPlaces(here) {
  for (const item of allIn(here, ".places li")) {
    const panel = panelOf(here, item.dataset.slot ?? "");
    item.hidden = !panel;
    if (!panel) continue;
    // For whoever reads the map without its words, as the tour does.
    Object.assign(item.dataset, { form: panel.form, t: panel.t[here.chosen.layer] });
    const out = panel.outside[here.chosen.layer];
    one(".who", item).textContent = panel.title;
    one(".how", item).textContent = [panel.settings, out ? "off the map" : ""].filter(Boolean).join(" · ");
    one("b", item).textContent = `t = ${signed(panel.t[here.chosen.layer])}`;
    item.classList.toggle("out", out);
    item.firstElementChild?.setAttribute("aria-pressed", String(panel.slot === focus(here)));
  }
}

/** @param {Section} here */
function tellLayer(here) {
  const { layers } = cloudOf(here);
  const last = layers[layers.length - 1];
  part(here, "layer-name").textContent = `Layer ${layer(here)} of ${last}`;
  const share = Math.round(100 * at(here).separates);
  part(here, "separates").textContent = `${share} % of the dots on their own side`;
  const slider = /** @type {HTMLInputElement} */ (part(here, "layer"));
  slider.max = String(layers.length - 1);
  slider.value = String(here.chosen.layer);
  Object.assign(slider.dataset, { layer: layer(here), layers: layers.join() }); // for a page's link
  slider.setAttribute("aria-valuetext", `layer ${layer(here)} of ${last}`);
}

/**
 * @param {Section} here
 * @param {string} group
 * @param {string} value
 */
function press(here, group, value) {
  for (const each of allIn(here, `[data-part="${group}"] button`)) {
    each.setAttribute("aria-pressed", String(each.dataset.value === value));
  }
}

/** @param {Section} here */
export function tell(here) {
  const { chosen } = here;
  const { layers, edit_layer: edited } = cloudOf(here);
  const told = panelOf(here, focus(here) ?? "");
  const sentence = told?.sentences[chosen.layer] ?? "Run a request, and its place appears here.";
  write(part(here, "sentence"), sentence);
  tellPlaces(here);
  tellLayer(here);
  press(here, "views", chosen.view);
  press(here, "maps", chosen.map);
  const isLast = chosen.layer === layers.length - 1;
  press(here, "presets", layer(here) === edited ? "edit" : isLast ? "last" : "");
  here.root.dataset.view = chosen.view;
  part(here, "whole").hidden = chosen.view !== "map" || !here.zoomed[chosen.map];
}
