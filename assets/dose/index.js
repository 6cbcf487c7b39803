// The section “Dose and response” in the browser: it draws three figures that Python made, see
// steering/ui/dose. A click, or Enter, on a cell asks Python to set the card it belongs to.
import { inks } from "../shared/colour.js";
import { all, onceSeen, one, touched } from "../shared/dom.js";
import { SLOTS } from "../shared/plot.js";
import { askServer } from "../shared/server.js";
import { choose, drawAll, pixels, reach } from "./draw.js";
import { save } from "./save.js";
import { cardForms, FIGURES, figure, part, plotOf, say, section } from "./state.js";
import { foot } from "./words.js";

/**
 * @typedef {import("./state.js").Data} Data
 * @typedef {import("./state.js").Section} Section
 */

/**
 * Shows the figures of a model, or that there are none.
 * @param {Section} here
 * @param {Data | null} data
 * @param {string | undefined} model
 */
function take(here, data, model) {
  Object.assign(here, { data, model, at: {}, names: null });
  here.root.dataset.state = data ? "there" : "none";
  for (const name of ["figures", "measured"]) part(here, name).hidden = !data;
  part(here, "hardly").hidden = !data?.sentences.hardly;
  const missing = here.given.props.value?.missing || "There are no doses for this model.";
  say(here, data ? "" : missing);
  if (data) show(here, data);
}

/**
 * @param {Section} here
 * @param {Data} data
 */
function show(here, data) {
  const { hardly, measured } = data.sentences;
  for (const place of all("footer .n", here.root)) {
    place.textContent = `n = ${data.n} a class, first token only, 95 % intervals`;
  }
  part(here, "measured").textContent = measured;
  part(here, "hardly").textContent = hardly;
  // Where hardly anything is refused, shares stand still; the score moves.
  const unit = hardly ? "score" : "rate";
  const first = hardly ? "c" : "k";
  const dial = data.dials.includes(first) ? first : data.dials[0] ?? "k";
  Object.assign(here.chosen, { dial, unit, cost: unit, measure: `harmful_${unit}`, against: "kl" });
  for (const button of all("button", part(here, "dial"))) {
    button.hidden = !data.dials.includes(button.dataset.value ?? "");
  }
  figure(here, "heat").hidden = !Object.keys(data.figures.heat).length;
  figure(here, "curves").hidden = !data.dials.length;
  drawAll(here);
}

/**
 * Fetches plotly.js and the figures, and draws them.
 * @param {Section} here
 */
async function begin(here) {
  const { props, server } = here.given;
  /** @type {string | undefined} */
  let asked;
  do {
    asked = props.value?.model;
    here.ink = inks(here.root, [...SLOTS, "refused", "broken", "answered"]);
    try {
      const found = props.value?.missing ? null : askServer(server, "doses");
      const [data] = await Promise.all([found, window.Plotly || window.steering.plotly(props.files.plotly)]);
      take(here, data, asked);
    } catch (error) {
      say(here, "The figures could not be fetched. Reload the page to try again.");
      console.error(error);
    }
  } while (props.value?.model !== asked); // another model was chosen meanwhile
}

/**
 * @param {Section} here
 * @param {Event} event
 */
function click(here, event) {
  const button = touched(event, "button");
  if (!button || !here.data) return;
  const group = /** @type {HTMLElement | null} */ (button.closest(".choice"))?.dataset.part;
  const { value, save: format, cell } = button.dataset;
  if (group && value) {
    here.chosen[group] = value;
    if (group === "against") delete here.root.dataset.picked; // it was picked for something else
    drawAll(here);
  } else if (format) {
    const name = /** @type {HTMLElement} */ (button.closest("article")).dataset.figure ?? "";
    save(here, name, format).catch((/** @type {unknown} */ error) => {
      say(here, "This file could not be made. Reload the page to try again.");
      console.error(error);
    });
  } else if (cell) choose(here, Number(cell));
}

/**
 * Pointing at a name points at its place.
 * @param {Section} here
 */
function pointAtNames(here) {
  /** @param {Event} event */
  const spotOf = (event) => {
    const index = Number(touched(event, "button")?.dataset.cell);
    return here.drawn.frontier?.spots.find(({ cell }) => cell === index);
  };
  for (const name of ["mouseover", "focusin"]) {
    part(here, "names").addEventListener(name, (event) => {
      const spot = spotOf(event);
      const aim = spot && [{ curveNumber: spot.curve, pointNumber: spot.point }];
      if (aim) window.Plotly.Fx.hover(plotOf(here, "frontier"), aim);
    });
  }
  for (const name of ["mouseout", "focusout"]) {
    part(here, "names").addEventListener(name, (event) => {
      if (spotOf(event)) window.Plotly.Fx.unhover(plotOf(here, "frontier"));
    });
  }
}

/**
 * Draws again when a board has another size, the page another theme, or a card another setting.
 * @param {Section} here
 */
function follow(here) {
  const resized = new ResizeObserver(() => drawAll(here));
  for (const name of FIGURES) resized.observe(part(here, "board", figure(here, name)));
  new MutationObserver(() => {
    here.ink = inks(here.root, [...SLOTS, "refused", "broken", "answered"]);
    drawAll(here);
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  let forms = "";
  new MutationObserver(() => {
    const now = cardForms();
    if (now === forms) return;
    forms = now;
    drawAll(here);
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-copy"] });
}

/** @param {Given} given */
export function start(given) {
  const root = one(".doses", given.element);
  const here = section(root, given);
  for (const name of FIGURES) {
    reach(here, name);
    foot(here, name);
  }
  root.addEventListener("click", (event) => click(here, event));
  pointAtNames(here);
  follow(here);
  // What tests look at.
  Object.assign(root, {
    doses: {
      there: () => Boolean(here.data && here.drawn.frontier && here.names),
      spots: (/** @type {string} */ name) => here.drawn[name]?.spots ?? [],
      pixels: (/** @type {string} */ name, /** @type {any} */ spot) => pixels(here, name, spot),
      cell: (/** @type {number} */ index) => here.data?.cells[index],
    },
  });
  /** @type {Promise<void> | null} */
  let beginning = null;
  const beginOnce = () => {
    beginning ??= begin(here).finally(() => (beginning = null));
  };
  let seen = false;
  given.watch("value", () => seen && given.props.value?.model !== here.model && beginOnce());
  onceSeen(root, () => {
    seen = true;
    beginOnce();
  });
}
