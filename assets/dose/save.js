// What a visitor downloads: a picture of a figure, or all measured settings.
import { download, one } from "../shared/dom.js";
import { clean, CONFIG, font } from "../shared/plot.js";
import { ask } from "../shared/server.js";
import { plotOf } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

/**
 * @param {Section} here
 * @param {string} name
 * @returns {string} the heading of a picture, as plotly reads it
 */
function heading({ root, model, data, drawn, ink }, name) {
  const title = one(`[data-figure="${name}"] h3`, root).textContent;
  const measured = `n = ${data?.n} validation requests a class, first token, 95 % intervals`;
  const small = `${clean(drawn[name].about)}<br>${clean(model ?? "")} · ${measured}`;
  return `${title}<br><span style="color:${ink.soft};font-size:12px">${small}</span>`;
}

/**
 * @param {Section} here
 * @param {string} name
 * @param {{ width: number, height: number }} size
 * @returns {{ data: any[], layout: any, config: any }} a figure with its heading and ground
 */
function picture(here, name, size) {
  const { ink, drawn } = here;
  const { traces, layout } = drawn[name];
  return {
    data: name === "heat" ? traces.map((trace) => ({ ...trace, showscale: true })) : traces,
    layout: {
      ...layout,
      ...size,
      paper_bgcolor: ink.sheet,
      showlegend: name === "curves",
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: font(ink, 12.5) },
      title: {
        text: heading(here, name),
        font: { family: ink.font, size: 15, color: ink.ink },
        x: 0.02,
        xanchor: "left",
        y: 0.97,
        yanchor: "top",
        yref: "container",
      },
      margin: { ...layout.margin, t: 96, r: name === "heat" ? 84 : 16 },
    },
    config: CONFIG,
  };
}

/**
 * @param {Section} here
 * @param {string} name of the figure
 * @param {string} format png, svg or csv
 */
export async function save(here, name, format) {
  const filename = `dose-and-response-${here.model}`.replace(/[^\w.-]+/g, "-");
  if (format === "csv") return download(await ask(here.given.server, "table"), "text/csv", `${filename}.csv`);
  const canvas = plotOf(here, name);
  const size = { width: Math.max(canvas.clientWidth, 680), height: Math.max(canvas.clientHeight, 420) + 90 };
  const scale = format === "png" ? 2 : 1;
  const options = { format, ...size, scale, filename: `${filename}-${name}` };
  return window.Plotly.downloadImage(picture(here, name, size), options);
}
