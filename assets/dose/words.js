// Words around the figures: which buttons are pressed, what signs mean, and the list of names.
import { add, all, write } from "../shared/dom.js";
import { named } from "../shared/colour.js";
import { figure, part, wanted } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

/** @param {string} slot */
const mark = (slot) =>
  document.querySelector(`#card-${slot} .mark`)?.cloneNode(true) ?? document.createElement("i");

/** @param {Section} here @param {HTMLElement} button @returns {boolean} whether this cost was measured */
const isThere = ({ data, chosen }, { dataset }) => `${chosen.cost} ${dataset.value}` in (data?.figures.frontier ?? {});

/**
 * Says what the figure of costs shows of knowledge, or how that can be measured.
 * @param {Section} here
 */
export function tellKnown(here) {
  const { against } = here.chosen;
  const words = here.data?.known[against] || here.data?.known.missing || "";
  const place = part(here, "known");
  write(place, words);
  place.hidden = !words;
  here.root.dataset.against = against;
}

/** @param {Section} here */
export function press(here) {
  for (const [group, value] of Object.entries(here.chosen)) {
    for (const button of all("button", part(here, group))) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
      if (group === "against") /** @type {HTMLButtonElement} */ (button).disabled = !isThere(here, button);
    }
  }
}

/**
 * @param {HTMLElement} parent
 * @param {string} sign
 * @param {string} words
 */
function key(parent, sign, words) {
  const made = add(parent, "span", "key");
  add(made, "i", sign);
  made.append(words);
}

/** @param {Section} here */
function heatLegend(here) {
  const drawing = wanted(here, "heat");
  if (!drawing) return;
  const under = part(here, "legend", figure(here, "heat"));
  under.replaceChildren();
  add(under, "span", "", drawing.about);
  const bar = add(under, "span", "scale");
  add(bar, "span", "", drawing.legend.low);
  const colours = drawing.legend.colours.map((/** @type {string} */ each) => named(each, here.ink));
  add(bar, "i", "bar").style.background = `linear-gradient(90deg, ${colours.join(", ")})`;
  add(bar, "span", "", drawing.legend.high);
  key(under, "box", "the card now");
}

/** @param {Section} here */
function curvesLegend(here) {
  const drawing = wanted(here, "curves");
  if (!drawing) return;
  const under = part(here, "legend", figure(here, "curves"));
  under.replaceChildren();
  for (const { slot, name } of drawing.legend.lines) {
    add(under, "span", `key card-${slot}`).append(mark(slot), name);
  }
  key(under, "ring", "a card now");
  for (const { words, dash } of drawing.legend.rules) key(under, `rule ${dash}`, words);
}

/** @param {Section} here */
export function legends(here) {
  heatLegend(here);
  curvesLegend(here);
}

/** @param {Section} here */
export function list(here) {
  const lines = part(here, "names");
  const { cost, against } = here.chosen;
  lines.replaceChildren();
  part(here, "names-head").textContent = wanted(here, "frontier")?.legend.head;
  part(here, "cost-head").textContent = wanted(here, "frontier")?.legend.cost;
  here.data?.rows.forEach((row, i) => {
    const item = add(lines, "li", `card-${row.slot} ${row.group}`);
    const button = add(item, "button");
    button.setAttribute("type", "button");
    button.dataset.cell = row.cell;
    add(button, "span", "number", String(i + 1));
    button.append(mark(row.slot));
    add(button, "span", "who", row.name);
    add(button, "span", "value", row[cost]);
    add(button, "span", "value", row[against]);
  });
}

/**
 * Lays out what stands under a figure.
 * @param {Section} here
 * @param {string} name
 */
export function foot(here, name) {
  const footer = figure(here, name).querySelector("footer");
  if (!footer) return;
  add(footer, "span", "", "Download");
  for (const format of ["png", "svg", "csv"]) {
    const button = add(footer, "button", "", format.toUpperCase());
    button.setAttribute("type", "button");
    button.dataset.save = format;
    const picture = `Picture as ${format.toUpperCase()}`;
    button.setAttribute("aria-label", format === "csv" ? "All measured settings as CSV" : picture);
  }
  add(footer, "span", "n");
}
