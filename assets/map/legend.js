// The legend of categories: names beside colours and shapes; pressing one shows where its dots are.
import { add } from "../shared/dom.js";
import { categoriesOf, isByCategory, kind } from "./looks.js";
import { hasCategories, shownDots, spelled } from "./names.js";
import { allIn, cloudOf, part } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

const SVG = "http://www.w3.org/2000/svg";
/** @type {Record<string, string>} as plotly.js draws them */
const PATHS = {
  circle: "M8 3a5 5 0 1 0 .01 0Z",
  square: "M3.5 3.5h9v9h-9Z",
  diamond: "M8 2l6 6-6 6-6-6Z",
  "triangle-up": "M8 2.5l6 10.5H2Z",
};

/**
 * @param {string} shape
 * @param {string} hue
 */
function sign(shape, hue) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(SVG, "path"));
  path.setAttribute("d", PATHS[shape]);
  path.setAttribute("style", `fill: var(--${hue})`);
  return svg;
}

/**
 * @param {Section} here
 * @param {string} pressed the category whose dots are listed, if any
 */
export function showLegend(here, pressed) {
  const legend = part(here, "legend");
  legend.hidden = !isByCategory(here);
  part(here, "colours").hidden = !hasCategories(here);
  for (const button of allIn(here, '[data-part="colours"] button')) {
    button.setAttribute("aria-pressed", String(button.dataset.value === here.chosen.colour));
  }
  const { categories } = cloudOf(here);
  const shown = new Set(shownDots(here).map((i) => categories[i]));
  legend.replaceChildren();
  categoriesOf(here).forEach((category, index) => {
    if (!shown.has(category)) return;
    const button = /** @type {HTMLButtonElement} */ (add(add(legend, "li"), "button"));
    button.type = "button";
    button.dataset.category = category;
    button.setAttribute("aria-pressed", String(category === pressed));
    const { shape, hue } = kind(index);
    button.append(sign(shape, hue), spelled(category));
  });
}

/**
 * @param {Section} here
 * @param {string} category
 */
export function dotsOf(here, category) {
  const { categories } = cloudOf(here);
  return shownDots(here).filter((i) => categories[i] === category);
}
