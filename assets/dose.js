// The section “Dose and response” in the browser: three figures of the cells that Python sends once,
// see steering/ui/dose.py. A click, or Enter, on a cell asks Python to set the card it belongs to.
function steeringDoses({ element, props, server, watch, trigger }) {
  const root = element.querySelector(".doses");
  const part = (name, within = root) => within.querySelector(`[data-part="${name}"]`);

  const SIGNS = {
    baseline: "circle", actadd: "triangle-up", ablation: "square", nullspace: "diamond", flip: "bowtie", own: "cross",
  };
  const CONFIG = { displayModeBar: false, displaylogo: false, showSendToCloud: false, doubleClick: false, showTips: false, responsive: false };
  const NARROW = 560; // pixels below which points are named by number
  // What the colour of the heat map can show: how it is said, and on which scale.
  const MEASURES = {
    harmful_rate: { scale: "share", says: "Share of harmful requests that the model begins to refuse." },
    harmful_score: { scale: "score", says: "Refusal score of harmful requests: log-odds that the first word opens a refusal; 0 is even." },
    harmless_rate: { scale: "share", says: "Share of harmless requests that the model begins to refuse: should stay low." },
    kl: { scale: "kl", says: "KL: how far the first word moves on harmless requests, in nats; 0 is no change." },
    perplexity: { scale: "perplexity", says: "Perplexity of the model's own harmless answers under the edit: higher is less fluent." },
  };
  const AXES = {
    k: "rank k: number of directions edited", c: "coefficient c: − pushes away from refusing, + towards it",
    alpha: "strength α: 0 nothing, 1 erases, 2 mirrors", layer: "layer at which the edit is made",
  };

  const chosen = { measure: "harmful_rate", dial: "k", of: "harmful", unit: "rate", cost: "rate" };
  let data = null; // see dose.view
  let model = null; // whose `data` is
  let begun = false;
  let fetching = false;
  let ink = {};

  // ---- Small tools ----------------------------------------------------------------------------
  const signed = (value, digits) => value.toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
  const clean = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const fade = (hex, alpha) => `rgba(${channels(hex).join(",")},${alpha})`;
  const blend = (a, b, k) => `rgb(${channels(a).map((from, i) => Math.round(from + (channels(b)[i] - from) * k)).join(",")})`;
  const percent = (share) => `${Math.round(100 * share)} %`;
  const number = (value) => (value === 0 ? "0" : signed(value, Math.abs(value) < 0.1 ? 3 : Math.abs(value) < 10 ? 2 : 0));
  // KL runs from 0 to several nats: logarithmic, but with a zero.
  const stretch = (kl) => Math.log10(1 + Math.max(0, kl) / 0.02);
  const KL_TICKS = [0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const figure = (name) => root.querySelector(`[data-figure="${name}"]`);
  const plotOf = (name) => figure(name).querySelector(".plot");
  const cardForm = (slot) => document.querySelector(`#card-${slot} [data-copy]`)?.dataset.copy;
  // The card shows this cell's setting now.
  const isSet = (cell) => cell.slot && cell.form === cardForm(cell.slot);
  const colour = (slot) => ink[slot] ?? ink.baseline;

  function colours() {
    const style = getComputedStyle(root);
    const names = ["ink", "soft", "line", "sheet", "well", "refused", "broken", "complied", "harmful", ...Object.keys(SIGNS)];
    ink = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    ink.font = getComputedStyle(document.body).fontFamily;
  }

  const between = ([value, low, high], say) => `${say(value)} [${say(low)}, ${say(high)}]`;
  function told(cell, { label = "", action = true } = {}) {
    const lines = [`<b>${clean(cell.kind)}${cell.settings ? ` (${clean(cell.settings)})` : ""}</b>`];
    if (label) lines.unshift(clean(label));
    const add = (name, value, say, end) => value && lines.push(`${name} ${between(value, say)}${end ?? ""}`);
    add("refuses harmful", cell.harmful_rate, percent);
    add("refuses harmless", cell.harmless_rate, percent);
    add("refusal score, harmful", cell.harmful_score, (value) => signed(value, 1));
    add("refusal score, harmless", cell.harmless_score, (value) => signed(value, 1));
    add("KL", cell.kl, number);
    add("loss", cell.loss, number, cell.perplexity ? ` · perplexity ${number(cell.perplexity)}` : "");
    if (!cell.kl) lines.push("This edit breaks the model.");
    lines.push(`n = ${data.n} a class, first word, 95 % intervals`);
    const said = cell.answered;
    if (said) lines.push(`answered (n = ${data.n_answered}): refuses ${percent(said.harmful_refused)} of harmful, ${percent(said.harmless_refused)} of harmless; loops ${percent(said.harmful_looping)}`);
    if (action && cell.slot) lines.push(isSet(cell) ? "<i>a card is set to this</i>" : "<i>click: set the card to this</i>");
    return lines.join("<br>");
  }

  const text = (size = 12) => ({ family: ink.font, size, color: ink.soft });
  const blank = (more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest", dragmode: false, font: text(),
    hoverlabel: { bgcolor: ink.ink, bordercolor: ink.ink, align: "left", font: { family: ink.font, size: 12.5, color: ink.sheet }, namelength: 0 }, ...more,
  });
  const axis = (more) => ({ zeroline: false, showline: false, ticks: "", fixedrange: true, gridcolor: fade(ink.line, 0.7), tickfont: text(12), ...more, title: { text: more.title, standoff: 8, font: text(12.5) } });
  const klAxis = (more) => axis({ tickvals: KL_TICKS.map(stretch), ticktext: KL_TICKS.map(String), ...more });
  const shareAxis = (more) => axis({ range: [-0.04, 1.04], tickvals: [0, 0.25, 0.5, 0.75, 1], ticktext: ["0 %", "25 %", "50 %", "75 %", "100 %"], ...more });

  // ---- The figures: traces and layout, and the spots that keys and clicks reach -----------------
  // A spot is a cell with its place in plotly's lists and on the axes.

  const SCALES = {
    share: { of: (value) => value, say: (value) => `${Math.round(100 * value)}`, ends: (all) => [0, Math.min(1, Math.ceil(4 * Math.max(...all, 0.26)) / 4)], ground: () => ink.refused, unit: " %", name: "share" },
    score: { of: (value) => value, say: (value) => signed(value, 1), ends: (all) => { const most = Math.max(...all.map(Math.abs), 0.1); return [-most, most]; }, ground: () => ink.refused, below: () => ink.complied, unit: "", name: "log-odds" },
    kl: { of: stretch, say: number, ends: (all) => [0, Math.max(...all, stretch(0.3))], ground: () => ink.broken, unit: "", name: "KL", back: (value) => 0.02 * (10 ** value - 1) },
    perplexity: { of: Math.log, say: number, ends: (all) => [Math.min(...all), Math.max(...all, Math.min(...all) + 0.2)], ground: () => ink.broken, unit: "", name: "perplexity", back: Math.exp },
  };
  const ground = () => blend(ink.well, ink.line, 0.55);
  const scaleColours = ({ ground: top, below }) => {
    const none = `#${ground().match(/\d+/g).map((value) => Number(value).toString(16).padStart(2, "0")).join("")}`;
    const steps = Array.from({ length: 11 }, (_, i) => i / 10);
    const up = steps.map((k) => blend(none, top(), k));
    return below ? [...steps.slice(1).reverse().map((k) => blend(none, below(), 0.9 * k)), ...up] : up;
  };
  const tint = (k, scale) => {
    const colours = scaleColours(scale);
    return colours[Math.round(Math.min(1, Math.max(0, k)) * (colours.length - 1))];
  };
  // White or black, whichever stands out more from a colour.
  const legible = (colour) => {
    const [r, g, b] = colour.match(/\d+/g).map((each) => { const v = each / 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#10151b" : "#ffffff";
  };
  const spread = (found) => found.map((each, i) => [i / (found.length - 1), each]);

  function heat({ width, height }) {
    const { k, alpha, cells } = data.heat;
    const scale = SCALES[MEASURES[chosen.measure].scale];
    const value = (index) => {
      const found = index === null ? null : data.cells[index][chosen.measure];
      return found === null ? null : Array.isArray(found) ? found[0] : found;
    };
    const values = cells.map((row) => row.map(value));
    const z = values.map((row) => row.map((each) => (each === null ? null : scale.of(each))));
    const [zmin, zmax] = scale.ends(z.flat().filter((each) => each !== null));
    const WORDS = { 0: "untouched", 1: "erased", 2: "mirrored" };
    const margin = { l: 84, r: 6, t: 4, b: 44 };
    const room = (width - margin.l - margin.r) / k.length > 30 && (height - margin.t - margin.b) / alpha.length > 16;
    const spots = [];
    cells.forEach((row, i) => row.forEach((index, j) => {
      if (index !== null) spots.push({ cell: index, curve: 0, point: [i, j], x: j, y: i });
    }));
    const written = spots.map(({ cell, point: [i, j] }) => ({ x: String(k[j]), y: String(alpha[i]), value: value(cell) })).filter(({ value: each }) => room && each !== null);
    return {
      spots,
      traces: [{
        type: "heatmap", x: k.map(String), y: alpha.map(String), z, zmin, zmax, xgap: 2, ygap: 2, colorscale: spread(scaleColours(scale)), showscale: false, hoverongaps: false,
        customdata: cells.map((row) => row.map((index) => (index === null ? "" : told(data.cells[index])))), hovertemplate: "%{customdata}<extra></extra>",
        colorbar: { title: { text: scale.name, font: text(12) }, thickness: 12, outlinewidth: 0, tickfont: text(12), ...(scale === SCALES.share && { tickformat: ".0%" }), ...(scale.back && { tickvals: [zmin, (zmin + zmax) / 2, zmax], ticktext: [zmin, (zmin + zmax) / 2, zmax].map((each) => number(scale.back(each))) }) },
      }, {
        // A trace of its own: plotly.js would give all numbers of a heat map colours that are hard to read.
        type: "scatter", mode: "text", hoverinfo: "skip", x: written.map(({ x }) => x), y: written.map(({ y }) => y), text: written.map(({ value: each }) => scale.say(each)),
        textfont: { family: ink.font, size: 13, color: written.map(({ value: each }) => legible(tint((scale.of(each) - zmin) / (zmax - zmin), scale))) },
      }],
      layout: blank({
        margin,
        shapes: spots.filter(({ cell }) => isSet(data.cells[cell])).map(({ point: [i, j] }) => ({ type: "rect", x0: j - 0.49, x1: j + 0.49, y0: i - 0.49, y1: i + 0.49, line: { width: 2.6, color: ink.flip } })),
        xaxis: axis({ type: "category", showgrid: false, title: AXES.k }),
        yaxis: axis({ type: "category", showgrid: false, title: "", tickvals: alpha.map(String), ticktext: alpha.map((each) => (WORDS[each] ? `${WORDS[each]}  <b>${each}</b>` : String(each))) }),
      }),
      legend: [zmin, zmax, scale],
    };
  }

  function curves() {
    const lines = data.curves[chosen.dial];
    const rate = `${chosen.of}_${chosen.unit}`;
    const asShare = chosen.unit === "rate";
    const spots = [];
    const traces = [];
    const ring = { x: [], y: [], slot: [] };
    const at = (cells, name, end) => cells.map((index) => data.cells[index][name]?.[end] ?? null);
    for (const [name, axes, of] of [[rate, "y", (value) => value], ["kl", "y2", (kl) => (kl === null ? null : stretch(kl))]]) {
      for (const { slot, name: title, x, cells } of lines) {
        const [middle, low, high] = [0, 1, 2].map((end) => at(cells, name, end).map(of));
        const common = { type: "scatter", x, yaxis: axes, xaxis: "x", line: { color: colour(slot), width: 2 } };
        traces.push({ ...common, y: low, mode: "lines", line: { width: 0, color: colour(slot) }, hoverinfo: "skip", showlegend: false });
        traces.push({ ...common, y: high, mode: "lines", line: { width: 0, color: colour(slot) }, fill: "tonexty", fillcolor: fade(colour(slot), 0.14), hoverinfo: "skip", showlegend: false });
        traces.push({
          ...common, y: middle, mode: "lines+markers", name: title, showlegend: axes === "y", meta: "line",
          marker: { symbol: SIGNS[slot], size: 9, color: colour(slot), line: { width: 1, color: ink.sheet } },
          customdata: cells.map((index) => told(data.cells[index])), hovertemplate: "%{customdata}<extra></extra>",
        });
        cells.forEach((index, i) => {
          if (middle[i] === null) return;
          spots.push({ cell: index, curve: traces.length - 1, point: i, x: x[i], y: middle[i], axis: axes });
          if (isSet(data.cells[index])) traces.push({ type: "scatter", mode: "markers", x: [x[i]], y: [middle[i]], yaxis: axes, hoverinfo: "skip", showlegend: false, marker: { symbol: "circle-open", size: 19, color: ink.ink, line: { width: 2, color: ink.ink } } });
        });
      }
    }
    const [first, last] = [Math.min(...lines.flatMap(({ x }) => x)), Math.max(...lines.flatMap(({ x }) => x))];
    const logged = chosen.dial === "k" && last > 16;
    const ranks = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
    const edge = logged ? [Math.log10(first) - 0.05, Math.log10(last) + 0.05] : [first - 0.03 * (last - first), last + 0.03 * (last - first)];
    const rules = references().filter(({ dials }) => dials.includes(chosen.dial));
    const shapes = rules.flatMap(({ cell, dash }) => [[cell[rate], "y", (value) => value], [cell.kl, "y2", stretch]].filter(([value]) => value).map(([value, yref, of]) => (
      { type: "line", xref: "paper", x0: 0, x1: 1, yref, y0: of(value[0]), y1: of(value[0]), layer: "below", line: { width: 1.3, color: ink.soft, dash } })));
    const top = Math.max(0.5, ...spots.filter((spot) => spot.axis === "y").map(({ cell }) => data.cells[cell][rate][2]));
    const most = Math.max(...spots.filter((spot) => spot.axis === "y2").map(({ cell }) => stretch(data.cells[cell].kl[2])), stretch(0.1));
    return {
      spots, traces, legend: rules,
      layout: blank({
        margin: { l: 62, r: 10, t: 6, b: 44 }, shapes,
        xaxis: axis({ title: AXES[chosen.dial], type: logged ? "log" : "linear", range: edge, anchor: "y2", showgrid: false, ...(["k", "layer"].includes(chosen.dial) && { tickvals: ranks, ticktext: ranks.map(String) }) }),
        yaxis: asShare ? shareAxis({ domain: [0.44, 1], range: [-0.04, top * 1.05], title: `${chosen.of} refused` }) : axis({ domain: [0.44, 1], title: `score, ${chosen.of}` }),
        yaxis2: klAxis({ domain: [0, 0.36], range: [-0.05, most * 1.04], title: "KL", tickvals: [0, 0.03, 0.1, 0.3, 1, 3, 10].map(stretch), ticktext: most > stretch(1) ? ["0", "", "0.1", "", "1", "", "10"] : ["0", "0.03", "0.1", "0.3", "1", "", ""] }),
      }),
    };
  }

  // What curves are compared with: the untouched model, and the mean of the random subspaces.
  function references() {
    const untouched = data.cells.find(({ panel }) => panel === "baseline");
    const random = data.frontier.map(({ cell }) => data.cells[cell]).filter(({ panel }) => panel.startsWith("random"));
    const average = (name) => (random.every((cell) => cell[name]) ? [mean(random.map((cell) => cell[name][0]))] : null);
    return [
      ...(untouched ? [{ cell: untouched, dash: "dot", words: "untouched model", dials: Object.keys(AXES) }] : []),
      ...(random.length ? [{ cell: Object.fromEntries(["harmful_rate", "harmless_rate", "harmful_score", "harmless_score", "kl"].map((name) => [name, average(name)])), dash: "dash", words: `control: random subspaces, k = ${data.k} (mean of ${random.length})`, dials: ["k", "alpha", "layer"] }] : []),
    ];
  }

  const measured = (cell) => cell.kl && cell.harmful_rate && cell.harmful_score;
  const refusal = (cell) => cell[`harmful_${chosen.cost}`];
  const place = (cell) => [stretch(cell.kl[0]), refusal(cell)[0]];

  function frontier({ width, height }) {
    const named = data.frontier.filter(({ cell }) => measured(data.cells[cell]));
    const taken = new Set(named.map(({ cell }) => cell));
    const dots = data.cells.map((cell, index) => ({ cell, index })).filter(({ cell, index }) => measured(cell) && !taken.has(index));
    const spots = [];
    const quiet = {
      type: "scatter", mode: "markers", x: dots.map(({ cell }) => place(cell)[0]), y: dots.map(({ cell }) => place(cell)[1]), name: "other settings",
      marker: { size: 7, color: dots.map(({ cell }) => colour(cell.slot)), opacity: 0.34 }, customdata: dots.map(({ cell }) => told(cell)), hovertemplate: "%{customdata}<extra></extra>",
    };
    dots.forEach(({ index }, i) => spots.push({ cell: index, curve: 0, point: i, x: quiet.x[i], y: quiet.y[i] }));
    const traces = [quiet];
    for (const { cell: index, name, group } of named) {
      const cell = data.cells[index];
      const [[x, y], slot] = [place(cell), cell.slot ?? "baseline"];
      const bars = group !== "random";
      spots.push({ cell: index, curve: traces.length, point: 0, x, y });
      traces.push({
        type: "scatter", mode: "markers", x: [x], y: [y], name, customdata: [told(cell, { label: name })], hovertemplate: "%{customdata}<extra></extra>",
        error_x: { type: "data", visible: bars, array: [stretch(cell.kl[2]) - x], arrayminus: [x - stretch(cell.kl[1])], color: fade(colour(slot), 0.55), thickness: 1.4, width: 0 },
        error_y: { type: "data", visible: bars, array: [refusal(cell)[2] - y], arrayminus: [y - refusal(cell)[1]], color: fade(colour(slot), 0.55), thickness: 1.4, width: 0 },
        marker: { symbol: SIGNS[slot] + (["control", "random"].includes(group) ? "-open" : ""), size: group === "random" ? 9 : 14, color: colour(slot), line: { width: ["control", "random"].includes(group) ? 2 : 1.4, color: ["control", "random"].includes(group) ? colour(slot) : ink.sheet } },
      });
    }
    for (const spot of spots.filter(({ cell }) => isSet(data.cells[cell]))) traces.push({ type: "scatter", mode: "markers", x: [spot.x], y: [spot.y], hoverinfo: "skip", showlegend: false, marker: { symbol: "circle-open", size: 22, color: ink.ink, line: { width: 1.8, color: ink.ink } } });
    const margin = { l: 62, r: 12, t: 8, b: 46 };
    const most = Math.max(...spots.map(({ x }) => x), stretch(0.3)) * 1.06;
    const inner = { width: width - margin.l - margin.r, height: height - margin.t - margin.b };
    const narrow = inner.width < NARROW;
    const heights = data.cells.filter(measured).flatMap((cell) => refusal(cell));
    const [least, highest] = chosen.cost === "rate" ? [0, 1] : [Math.min(...heights), Math.max(...heights)];
    const reach = [least - 0.11 * (highest - least), highest + 0.04 * (highest - least)]; // below stands a word
    const pixel = ({ x, y }) => [((x + 0.04) / (most + 0.04)) * inner.width, ((reach[1] - y) / (reach[1] - reach[0])) * inner.height];
    return {
      spots, traces,
      layout: blank({
        margin,
        xaxis: klAxis({ range: [-0.04, most], title: narrow ? "damage: KL, harmless requests" : "damage: KL on harmless requests, in nats", ...(narrow && { tickvals: [0, 0.03, 0.1, 0.3, 1, 3, 10].map(stretch), ticktext: ["0", "", "0.1", "", "1", "", "10"] }) }),
        yaxis: chosen.cost === "rate" ? shareAxis({ range: reach, title: "harmful requests still refused" }) : axis({ range: reach, title: "refusal score, harmful requests" }),
        annotations: [
          { xref: "paper", yref: "paper", x: 0.005, y: 0.005, xanchor: "left", yanchor: "bottom", showarrow: false, text: narrow ? "↙ better" : "↙ better: refuses less, changes little else", font: { ...text(12.5), color: ink.ink } },
          ...names(named, pixel, inner),
        ],
      }),
    };
  }

  // Names near their points, each at the first place where it covers nothing; farther ones get a line.
  function names(named, pixel, inner) {
    const rows = listed();
    const narrow = inner.width < NARROW;
    const taken = [[0, inner.height - 24, narrow ? 80 : 300, inner.height]];
    for (const { cell: index, group } of named) {
      const cell = data.cells[index];
      const at = (kl, share) => pixel({ x: stretch(kl), y: share });
      const [x, y] = at(cell.kl[0], refusal(cell)[0]);
      taken.push([x - 11, y - 11, x + 11, y + 11]);
      if (group === "random") continue;
      taken.push([x - 1, at(0, refusal(cell)[2])[1], x + 1, at(0, refusal(cell)[1])[1]], [at(cell.kl[1], 0)[0], y - 1, at(cell.kl[2], 0)[0], y + 1]);
    }
    const dots = data.cells.filter(measured).map((cell) => pixel({ x: stretch(cell.kl[0]), y: refusal(cell)[0] })).map(([x, y]) => [x - 5, y - 5, x + 5, y + 5]);
    const meets = (box) => (other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3];
    const free = (box) => box[0] > 0 && box[2] < inner.width && box[1] > 0 && box[3] < inner.height && !taken.some(meets(box));
    const aims = [[1, 0], [0.7, -0.7], [0, -1], [0.7, 0.7], [-1, 0], [-0.7, -0.7], [-0.7, 0.7], [0, 1], [0.35, -0.94], [-0.35, -0.94], [0.87, -0.5], [-0.87, -0.5]];
    const places = [12, 24, 40, 58, 78, 100, 124, 150, 180, 215, 250].flatMap((far) => aims.map(([right, down]) => [far * right, far * down]));
    return listedFirst(named).flatMap(({ cell: index, short, group }) => {
      const word = narrow ? String(rows.findIndex((row) => row.cells.includes(index)) + 1) : short;
      const [x, y] = place(data.cells[index]);
      const [left, top] = pixel({ x, y });
      const wide = 6.9 * word.length + 6;
      // A name hangs on its nearer end.
      const box = ([dx, dy]) => {
        const from = dx > 3 ? left + dx : dx < -3 ? left + dx - wide : left - wide / 2;
        return [from, top + dy - 9, from + wide, top + dy + 9];
      };
      const found = places.find((each) => free(box(each)) && !dots.some(meets(box(each)))) ?? places.find((each) => free(box(each)));
      if (!found) return [];
      taken.push(box(found));
      const [dx, dy] = found;
      const quiet = group === "control" || group === "random";
      const hue = quiet ? ink.soft : colour(data.cells[index].slot ?? "baseline");
      return [{
        x, y, ax: dx, ay: dy, xanchor: dx > 3 ? "left" : dx < -3 ? "right" : "center", yanchor: "middle", text: clean(word), showarrow: true, arrowhead: 0, arrowwidth: 1, borderpad: 0,
        arrowcolor: Math.hypot(dx, dy) > 30 ? fade(ink.soft, 0.55) : "rgba(0,0,0,0)", standoff: 9, font: { family: ink.font, size: 12.5, color: hue, weight: quiet ? 400 : 570 },
      }];
    });
  }

  // The seeds of a random control share one name.
  const seeds = (of) => data.frontier.filter(({ group, short }) => group === "random" && short === of.short);
  const listedFirst = (named) => named.filter((each, i) => each.group !== "random" || named.findIndex(({ short }) => short === each.short) === i);
  const listed = () => listedFirst(data.frontier).map((each) => ({ ...each, cells: each.group === "random" ? seeds(each).map(({ cell }) => cell) : [each.cell] }));

  const FIGURES = { heat, curves, frontier };
  const drawn = {};

  function draw(name) {
    const canvas = plotOf(name);
    const size = { width: canvas.clientWidth, height: canvas.clientHeight };
    if (!data || !window.Plotly || !size.width) return; // on a tab that is not seen
    const made = FIGURES[name](size);
    drawn[name] = made;
    Object.assign(made.layout, size);
    if (canvas.made) window.Plotly.react(canvas, made.traces, made.layout, CONFIG);
    else {
      canvas.made = true;
      window.Plotly.newPlot(canvas, made.traces, made.layout, CONFIG);
      canvas.on("plotly_click", ({ points: [point] }) => {
        const spot = drawn[name].spots.find((each) => each.curve === point.curveNumber && String(each.point) === String(point.pointNumber));
        if (spot) pick(name, spot);
      });
    }
    canvas.style.cursor = "pointer";
    point(name);
  }

  function drawAll() {
    if (!data) return;
    for (const [group, value] of Object.entries(chosen)) {
      for (const button of part(group).querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
    Object.keys(FIGURES).forEach(draw);
    legends();
    list();
  }

  // ---- Words around the figures -----------------------------------------------------------------
  function add(parent, tag, name, content) {
    const made = parent.appendChild(document.createElement(tag));
    if (name) made.className = name;
    if (content !== undefined) made.textContent = content;
    return made;
  }
  const mark = (slot) => document.querySelector(`#card-${slot} .mark`)?.cloneNode(true) ?? document.createElement("i");

  function legends() {
    if (!drawn.heat || !drawn.curves) return;
    const under = part("legend", figure("heat"));
    under.replaceChildren();
    const [zmin, zmax, scale] = drawn.heat.legend;
    const back = scale.back ?? ((value) => value);
    add(under, "span", "", MEASURES[chosen.measure].says);
    const bar = add(under, "span", "scale");
    add(bar, "span", "", `${scale.say(back(zmin))}${scale.unit}`);
    add(bar, "i", "bar").style.background = `linear-gradient(90deg, ${scaleColours(scale).join(", ")})`;
    add(bar, "span", "", `${scale.say(back(zmax))}${scale.unit}`);
    const set = add(under, "span", "key");
    add(set, "i", "box");
    set.append("the card now");
    const beside = part("legend", figure("curves"));
    beside.replaceChildren();
    for (const { slot, name } of data.curves[chosen.dial]) {
      const key = add(beside, "span", `key card-${slot}`);
      key.append(mark(slot), name);
    }
    const now = add(beside, "span", "key");
    add(now, "i", "ring");
    now.append("a card now");
    for (const { words, dash } of drawn.curves.legend) {
      const key = add(beside, "span", "key");
      add(key, "i", `rule ${dash}`);
      key.append(words);
    }
  }

  function list() {
    const rows = part("names");
    rows.replaceChildren();
    part("names-head").textContent = chosen.cost === "rate" ? "refuses" : "score";
    listed().forEach(({ name, short, cells, group }, i) => {
      const found = cells.map((index) => data.cells[index]).filter(measured);
      const item = add(rows, "li", `card-${data.cells[cells[0]].slot ?? "baseline"} ${group}`);
      const button = add(item, "button");
      button.type = "button";
      button.dataset.cell = cells[0];
      add(button, "span", "number", `${i + 1}`);
      button.append(mark(data.cells[cells[0]].slot ?? "baseline"));
      add(button, "span", "who", cells.length > 1 ? `control: ${short}, mean of ${cells.length}` : name);
      const height = found.length ? mean(found.map((cell) => refusal(cell)[0])) : null;
      add(button, "span", "value", height === null ? "–" : chosen.cost === "rate" ? percent(height) : signed(height, 1));
      add(button, "span", "value", found.length ? number(mean(found.map((cell) => cell.kl[0]))) : "–");
    });
  }

  function say(words) {
    const status = part("status");
    if (status.textContent !== words) status.textContent = words;
    status.hidden = !words;
  }

  // ---- Moves --------------------------------------------------------------------------------------
  function pick(name, spot) {
    at[name] = spot;
    point(name);
    choose(spot.cell);
  }

  function choose(index) {
    // What follows was not moved by hand on the Playground: it starts no run.
    window.steering.calm();
    trigger("select", { panel: data.cells[index].panel });
  }

  // Where the keyboard is, per figure.
  const at = {};
  const pixels = (name, { x, y, axis: axes = "y" }) => {
    const full = plotOf(name)._fullLayout;
    const [across, up] = [full.xaxis, axes === "y2" ? full.yaxis2 : full.yaxis];
    // On an axis of categories a number is a place in their list.
    const along = (each, value) => each._offset + each.c2p(each.type === "category" ? value : each.d2c(value));
    return [along(across, x), along(up, y)];
  };

  function point(name, { aloud = false } = {}) {
    const canvas = plotOf(name);
    const cursor = figure(name).querySelector(".cursor");
    const spot = at[name] && drawn[name].spots.find(({ cell, axis: axes }) => cell === at[name].cell && axes === at[name].axis);
    cursor.hidden = !spot || document.activeElement !== canvas;
    if (!spot) return;
    at[name] = spot;
    const [x, y] = pixels(name, spot);
    cursor.style.left = `${x}px`;
    cursor.style.top = `${y}px`;
    if (!aloud) return;
    // A heat map knows no point numbers here, only places.
    const aim = name === "heat" ? { xval: spot.x, yval: spot.y } : [{ curveNumber: spot.curve, pointNumber: spot.point }];
    window.Plotly.Fx.hover(canvas, aim, spot.axis === "y2" ? "xy2" : "xy");
    const label = data.frontier.find(({ cell }) => name === "frontier" && cell === spot.cell)?.name;
    part("live").textContent = told(data.cells[spot.cell], { label, action: false }).replace(/<br>/g, ". ").replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
  }

  const AIMS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  function walk(name, key) {
    const { spots } = drawn[name];
    if (!at[name]) at[name] = spots.find(({ cell }) => isSet(data.cells[cell])) ?? spots[0];
    else if (key === "Home" || key === "End") at[name] = spots.at(key === "Home" ? 0 : -1);
    else {
      const [x, y] = pixels(name, at[name]);
      // The nearest one ahead; what lies aside counts three times as far (chosen).
      const ahead = spots.map((spot) => {
        const [dx, dy] = [pixels(name, spot)[0] - x, pixels(name, spot)[1] - y];
        const along = dx * AIMS[key][0] + dy * AIMS[key][1];
        return { spot, along, cost: along + 3 * Math.abs(dx * AIMS[key][1] + dy * AIMS[key][0]) };
      }).filter(({ along }) => along > 0.5);
      if (!ahead.length) return;
      at[name] = ahead.reduce((best, each) => (each.cost < best.cost ? each : best)).spot;
    }
    point(name, { aloud: true });
  }

  for (const name of Object.keys(FIGURES)) {
    const canvas = plotOf(name);
    canvas.addEventListener("keydown", (event) => {
      if (!drawn[name] || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in AIMS || ["Home", "End"].includes(event.key)) walk(name, event.key);
      else if ((event.key === "Enter" || event.key === " ") && at[name]) choose(at[name].cell);
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("focus", () => drawn[name] && point(name));
    canvas.addEventListener("blur", () => {
      figure(name).querySelector(".cursor").hidden = true;
      if (canvas.made) window.Plotly.Fx.unhover(canvas);
    });
    const footer = figure(name).querySelector("footer");
    add(footer, "span", "", "Take away");
    for (const format of ["png", "svg", "csv"]) {
      const button = add(footer, "button", "", format.toUpperCase());
      button.type = "button";
      button.dataset.save = format;
      button.setAttribute("aria-label", format === "csv" ? "All measured settings as CSV" : `Picture as ${format.toUpperCase()}`);
    }
    add(footer, "span", "n");
  }

  // ---- Take away ----------------------------------------------------------------------------------
  async function takeAway(name, format) {
    const filename = `dose-and-response-${model}`.replace(/[^\w.-]+/g, "-");
    if (format === "csv") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([await window.steering.ask(server, "table")], { type: "text/csv" }));
      link.download = `${filename}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      return;
    }
    const canvas = plotOf(name);
    const { traces, layout } = drawn[name];
    const about = name === "heat" ? MEASURES[chosen.measure].says : name === "curves" ? AXES[chosen.dial] : "refusal of harmful requests against damage";
    const title = `${figure(name).querySelector("h3").textContent}<br><span style="color:${ink.soft};font-size:12px">${clean(about)}<br>${clean(model)} · n = ${data.n} validation requests a class, first word, 95 % intervals</span>`;
    const [width, height] = [Math.max(canvas.clientWidth, 680), Math.max(canvas.clientHeight, 420) + 90];
    const picture = {
      data: name === "heat" ? traces.map((trace) => ({ ...trace, showscale: true })) : traces,
      layout: {
        ...layout, width, height, paper_bgcolor: ink.sheet, showlegend: name === "curves", legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: text(12.5) },
        title: { text: title, font: { family: ink.font, size: 15, color: ink.ink }, x: 0.02, xanchor: "left", y: 0.97, yanchor: "top", yref: "container" },
        margin: { ...layout.margin, t: 96, r: name === "heat" ? 84 : 16 },
      },
    };
    await window.Plotly.downloadImage({ ...picture, config: CONFIG }, { format, width, height, scale: format === "png" ? 2 : 1, filename: `${filename}-${name}` });
  }

  // ---- Beginning ----------------------------------------------------------------------------------
  async function begin() {
    if (fetching) return;
    begun = fetching = true;
    const asked = props.value?.model;
    colours();
    try {
      const [found] = await Promise.all([props.value?.missing ? null : window.steering.ask(server, "doses"), window.Plotly ? null : window.steering.plotly(props.files.plotly)]);
      take(found, asked);
    } catch (error) {
      say("The figures could not be fetched. Reload the page to try again.");
      console.error(error);
    }
    fetching = false;
    if (props.value?.model !== asked) begin(); // another model was chosen meanwhile
  }

  function take(found, asked) {
    data = found;
    model = asked;
    for (const name of Object.keys(at)) delete at[name];
    root.dataset.state = data ? "there" : "none";
    part("figures").hidden = part("measured").hidden = !data;
    part("hardly").hidden = !data?.sentences.hardly;
    say(data ? "" : props.value?.missing || "There are no doses for this model.");
    if (!data) return;
    for (const place of root.querySelectorAll("footer .n")) place.textContent = `n = ${data.n} a class, first word only, 95 % intervals`;
    part("measured").textContent = data.sentences.measured;
    part("hardly").textContent = data.sentences.hardly;
    chosen.dial = data.sentences.hardly ? "c" : "k";
    // Where hardly anything is refused, shares stand still; the score moves.
    chosen.unit = chosen.cost = data.sentences.hardly ? "score" : "rate";
    chosen.measure = `harmful_${chosen.unit}`;
    if (!data.curves[chosen.dial].length) chosen.dial = Object.keys(AXES).find((dial) => data.curves[dial].length) ?? "k";
    for (const button of part("dial").querySelectorAll("button")) button.hidden = !data.curves[button.dataset.value].length;
    figure("heat").hidden = !data.heat.k.length;
    figure("curves").hidden = !data.curves[chosen.dial].length;
    drawAll();
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || !data) return;
    const group = button.closest(".choice")?.dataset.part;
    if (group) {
      chosen[group] = button.dataset.value;
      drawAll();
    } else if (button.dataset.save) {
      takeAway(button.closest("article").dataset.figure, button.dataset.save).catch((error) => {
        say("This file could not be made. Reload the page to try again.");
        console.error(error);
      });
    } else if (button.dataset.cell) choose(Number(button.dataset.cell));
  });
  // Pointing at a name points at its place.
  for (const [event, on] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
    part("names").addEventListener(event, ({ target }) => {
      const index = Number(target.closest("button")?.dataset.cell);
      const spot = drawn.frontier?.spots.find(({ cell }) => cell === index);
      if (!spot) return;
      const canvas = plotOf("frontier");
      if (on) window.Plotly.Fx.hover(canvas, [{ curveNumber: spot.curve, pointNumber: spot.point }]);
      else window.Plotly.Fx.unhover(canvas);
    });
  }
  const resized = new ResizeObserver(() => drawAll());
  for (const name of Object.keys(FIGURES)) resized.observe(part("board", figure(name)));
  new MutationObserver(() => {
    colours();
    drawAll();
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  // Rings follow the cards.
  let forms = "";
  new MutationObserver(() => {
    const now = Object.keys(SIGNS).map(cardForm).join();
    if (now === forms) return;
    forms = now;
    drawAll();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-copy"] });
  watch("value", () => begun && props.value?.model !== model && begin());

  // What tests look at.
  root.doses = { there: () => Boolean(data && drawn.frontier), spots: (name) => drawn[name]?.spots ?? [], pixels, cell: (index) => data.cells[index] };
  // Nothing is asked for before the section is seen.
  const eye = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    eye.disconnect();
    begin();
  });
  eye.observe(root);
}
