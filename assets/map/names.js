// What things are called, and which dots are to be seen.
import { write } from "../shared/dom.js";
import { allIn, cloudOf } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

/**
 * @param {{ cloud: import("./state.js").Cloud | null }} here
 * @param {string} label
 * @returns {string} what a class is called; own contrasts have their own names
 */
export const nameOf = ({ cloud }, label) => cloud?.names[label] ?? label;

/** @param {string} category */
export const spelled = (category) => category.replace(/_/g, " ");

/**
 * @param {Section} here
 * @param {number} i index of a dot
 * @returns {string} class and category; a harmless prompt has that of the one it was matched with
 */
export function described(here, i) {
  const { labels, categories } = cloudOf(here);
  const matched = labels[i] === "harmless" ? "matched with " : "";
  const kind = categories[i] && `${matched}${spelled(categories[i])}`;
  return [nameOf(here, labels[i]), kind].filter(Boolean).join(" · ");
}

/**
 * @param {Section} here
 * @returns {number[]} indices of the dots that are shown
 */
export function shownDots(here) {
  const { labels } = cloudOf(here);
  return labels.flatMap((label, i) => (label !== "borderline" || here.chosen.borderline ? [i] : []));
}

/**
 * @param {Section} here
 * @returns {boolean} whether the prompts have categories; those of somebody's own lists have none
 */
export const hasCategories = ({ cloud }) => Boolean(cloud?.categories.some(Boolean));

/**
 * Puts the names of the classes where the page says harmful and harmless.
 * @param {Section} here
 */
export function rename(here) {
  for (const each of allIn(here, "[data-class]")) write(each, nameOf(here, each.dataset.class ?? ""));
  for (const [name, kept] of Object.entries({ title: "ownTitle", "data-tip": "ownTip" })) {
    for (const each of allIn(here, `header [${name}], .kinds [${name}]`)) {
      const said = (each.dataset[kept] ??= each.getAttribute(name) ?? "");
      const words = said.replace(/\bharm(?:ful|less)\b/g, (label) => nameOf(here, label));
      each.setAttribute(name, words);
    }
  }
  const { maps } = cloudOf(here);
  for (const each of allIn(here, '[data-part="maps"] button')) {
    each.hidden = !maps.includes((each.dataset.value ?? "").replace("pca3", "pca"));
  }
  if (!maps.includes(here.chosen.map.replace("pca3", "pca"))) here.chosen.map = "harm";
}
