// Traces that the plane and the space share: the cloud, and what is told of a mark.
import { clean, SLOTS } from "../shared/plot.js";
import { markerOf } from "./looks.js";
import { described, nameOf } from "./names.js";
import { lines, signed } from "./text.js";
import { CLASSES, cloudOf, LABELS } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Frame} Frame
 */

/**
 * Each card's sign; in space, where plotly.js has fewer, letters: on the map and off it.
 * @type {Record<string, string[]>}
 */
export const SIGNS = {
  baseline: ["circle", "●", "○"],
  actadd: ["triangle-up", "▲", "△"],
  ablation: ["square", "■", "□"],
  nullspace: ["diamond", "◆", "◇"],
  flip: ["bowtie", "⧓", "⋈"],
  own: ["cross", "✚", "✛"],
};
/** The cards that edit. */
export const EDITS = SLOTS.slice(1);

/**
 * @param {Section} here
 * @param {number} i index of a dot
 */
function titleOf(here, i) {
  const [name, kind = ""] = described(here, i).split(" · ");
  return `<b>${clean(name)} request</b>${kind && ` · ${kind}`}`;
}

/**
 * @param {Section} here
 * @param {Frame} now
 * @param {string} type of plotly's traces
 * @param {number} size in pixels
 * @returns {any[]} a trace for each label
 */
export function points(here, now, type, size) {
  const { texts } = cloudOf(here);
  return LABELS.map((label) => {
    const open = label === "borderline";
    const index = open && !here.chosen.borderline ? [] : here.members[label];
    const [x, y, z] = now.points.map((column) => index.map((i) => column[i]));
    return {
      type,
      mode: "markers",
      x,
      y,
      ...(z && { z }),
      meta: "cloud",
      uid: `cloud-${label}`,
      customdata: [...index],
      text: index.map((i) => `${titleOf(here, i)}<br>${lines(texts[i])}`),
      hovertemplate: "%{text}<extra></extra>",
      marker: markerOf(here, index, type === "scatter3d", size),
    };
  });
}

/**
 * @param {Section} here
 * @param {import("./state.js").Panel} panel
 * @returns {string} what is told where one points at a mark, as plotly reads it
 */
export function told(here, panel) {
  const i = here.chosen.layer;
  const [harmful, harmless] = CLASSES.map((label) => clean(nameOf(here, label)));
  const settings = panel.settings ? ` (${clean(panel.settings)})` : "";
  const off = panel.outside[i] ? "<br><b>off the map</b>: it resembles neither group" : "";
  const apart = [panel.to_harmful[i].toFixed(1), panel.to_harmless[i].toFixed(1)];
  const far = `distance to ${harmful} ${apart[0]}, to ${harmless} ${apart[1]}`;
  return `<b>${clean(panel.title)}</b>${settings}<br>t = ${signed(panel.t[i])}${off}<br>${far}`;
}

/**
 * @param {Section} here
 * @param {number} i index of a principal component
 */
export const explained = ({ cloud, chosen }, i) =>
  `${Math.round(100 * (cloud?.at[chosen.layer].explained[i] ?? 0))} %`;
