// What a visitor downloads: a picture, the data, or this map in one file that needs no network.
import { clean, CONFIG, font } from "../shared/plot.js";
import { download } from "../shared/dom.js";
import { askForHills } from "./moves.js";
import { csv, lines } from "./text.js";
import { nameOf } from "./names.js";
import { SIGNS } from "./signs.js";
import { at, cloudOf, layer, node, part, say } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

const HEAD = [
  ...["kind", "name", "settings", "layer", "t", "y", "pca_x", "pca_y", "pca_z", "umap1", "umap2"],
  ...["to_harmful", "to_harmless", "nearest", "off_the_map"],
];

/** @param {Section} here */
const filename = (here) =>
  `where-it-lands-layer-${layer(here)}-${here.chosen.view === "map" ? here.chosen.map : here.chosen.view}`;

/**
 * @param {Section} here
 * @returns {string} the request's places at every layer, and the cloud at this one, as CSV
 */
export function table(here) {
  const { layers, texts, labels } = cloudOf(here);
  const own = here.placed.panels.flatMap((panel, index) =>
    layers.map((each, i) => [
      ...["panel", panel.title, panel.form, each, panel.t[i], panel.y[i]],
      ...panel.pca.map((column) => column[i]),
      ...(here.umaps[each]?.map((column) => column[index]) ?? ["", ""]),
      ...[panel.to_harmful[i], panel.to_harmless[i], panel.nearest[i], panel.outside[i]],
    ]),
  );
  const now = at(here);
  const cloud = texts.map((text, i) => [
    ...[nameOf(here, labels[i]), text, "", layer(here), now.harm[0][i], now.harm[1][i]],
    ...[...now.pca, ...(now.umap ?? [[], []])].map((column) => column[i] ?? ""),
    ...["", "", "", ""],
  ]);
  return csv([HEAD, ...own, ...cloud]);
}

/**
 * @param {Section} here
 * @returns {any[]} what is drawn, with the cards' marks in the legend
 */
function traces(here) {
  return node(here).data.map((trace) => {
    const names = (/** @type {string} */ slot) => [`mark-${slot}`, `path-${slot}`].includes(trace.uid);
    const panel = here.placed.panels.find(({ slot }) => names(slot));
    const named = panel && trace.type === "scatter";
    return named ? { ...trace, name: clean(panel.title), showlegend: true } : { ...trace, showlegend: false };
  });
}

/**
 * @param {Section} here
 * @returns {any} what is drawn, with a ground, a heading and room for a legend
 */
function layoutOf(here) {
  const { ink, placed } = here;
  const { layout } = node(here);
  const { layers, model } = cloudOf(here);
  const where = `layer ${layer(here)} of ${layers[layers.length - 1]} · ${clean(model)}`;
  const prompt = placed.prompt ? `${lines(placed.prompt, 80)}<br>` : "";
  const heading = `${prompt}<span style="color:${ink.soft}">${where}</span>`;
  const { margin } = layout;
  const rows = heading.split("<br>").length;
  const below = { orientation: "h", y: 0.01, yref: "container", yanchor: "bottom", x: 0.5, xanchor: "center" };
  const above = { x: 0.02, y: 0.965, yanchor: "top", yref: "container" };
  return {
    ...layout,
    // On the screen the ground is the page's; a picture brings its own.
    paper_bgcolor: ink.sheet,
    showlegend: true,
    legend: { ...below, font: font(ink, 12.5) },
    title: { ...above, text: heading, font: { family: ink.font, size: 13.5, color: ink.ink } },
    margin: { ...margin, t: margin.t + 12 + 19 * rows, b: margin.b + 56 },
  };
}

/**
 * @param {Section} here
 * @returns {any} the cards' letters and names, where a legend of letters would show none
 */
function letters({ placed, ink }) {
  const names = placed.panels.map(({ slot, title }, i) => {
    const sign = `<span style="color:${ink[slot]}">${SIGNS[slot][1]}</span>`;
    return `${sign} ${clean(title)}${i % 3 === 2 ? "<br>" : "   "}`;
  });
  const place = { xref: "paper", x: 0.5, yref: "paper", y: 0, yanchor: "top", yshift: -8 };
  return { ...place, text: names.join(""), showarrow: false, font: font(ink, 12.5) };
}

/**
 * @param {Section} here
 * @param {string} format
 */
function picture(here, format) {
  const canvas = node(here);
  const layout = layoutOf(here);
  if (canvas === part(here, "space")) layout.annotations = [...layout.annotations, letters(here)];
  const width = Math.max(canvas.clientWidth, 640);
  const height = Math.max(canvas.clientHeight, 520) + 60;
  const scale = format === "png" ? 2 : 1;
  const options = { format, width, height, scale, filename: filename(here) };
  return window.Plotly.downloadImage({ data: traces(here), layout, config: CONFIG }, options);
}

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
async function fetched(path) {
  const answer = await fetch(window.steering.address(path));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

/**
 * @param {Section} here
 * @returns {Promise<string>} a page of its own, with all data and the program in it
 */
async function page(here) {
  const { cloud, hills, placed, umaps, chosen, given, untouched } = here;
  const { plotly, style, map, explore } = /** @type {Given["props"]} */ (given.props).files;
  const [library, ...styles] = await Promise.all([plotly, style, map, explore].map(fetched));
  await Promise.all(cloudOf(here).layers.map((_, index) => askForHills(here, index)));
  const data = JSON.stringify({ cloud, hills, placed, umaps, chosen }).replace(/</g, "\\u003c");
  const script = (/** @type {string} */ code) =>
    `<script>${code.replace(/<\/script/gi, "<\\/script")}</` + "script>";
  const title = 'offline.placed.prompt || "Where requests land"';
  const dark = document.body.classList.contains("dark") ? "dark " : "";
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<title>Where it lands</title><style>${styles.join("\n")}</style>` +
    `<body class="${dark}alone" style="font-family:system-ui,sans-serif"><h1></h1>` +
    `<div id="atlas">${untouched}</div>${script(library)}` +
    script(
      `const offline = ${data}; const h1 = document.querySelector("h1"); h1.dir = "auto"; ` +
        `h1.textContent = ${title}; (${given.program})({ element: document.body, offline });`,
    )
  );
}

/**
 * @param {Section} here
 * @param {string} format png, svg, csv or html
 */
export async function save(here, format) {
  if (!here.cloud || !window.Plotly) return;
  if (format === "csv") download(table(here), "text/csv", `${filename(here)}.csv`);
  else if (format === "html") download(await page(here), "text/html", `${filename(here)}.html`);
  else if (here.chosen.view !== "tokens") await picture(here, format);
  else say(here, "Tokens have no picture; the data (CSV) or the map (HTML) can be taken away.");
}
