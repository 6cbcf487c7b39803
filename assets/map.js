// The map section in the browser: it draws, glides and saves; Python only sends places. One function,
// so that the file a visitor takes away can carry the same program in it. `offline` holds what is
// otherwise asked of the server.
function steeringMap({ element, props = {}, server = {}, watch = () => {}, offline = null }) {
  const root = element.querySelector(".atlas");
  const untouched = root.outerHTML;
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const all = (selector) => [...root.querySelectorAll(selector)];

  const GLIDE = 320; // milliseconds in which points travel
  const STEP = 750; // milliseconds that the story stays at a layer
  const CLASSES = ["harmful", "harmless"];
  const LABELS = [...CLASSES, "borderline"];
  // Each card's sign; in space, where plotly.js has fewer, letters: on the map and off it.
  const SIGNS = {
    baseline: ["circle", "●", "○"], actadd: ["triangle-up", "▲", "△"], ablation: ["square", "■", "□"],
    nullspace: ["diamond", "◆", "◇"], flip: ["bowtie", "⧓", "⋈"], own: ["cross", "✚", "✛"],
  };
  const SLOTS = Object.keys(SIGNS);
  const CONFIG = {
    displayModeBar: false, displaylogo: false, showSendToCloud: false, doubleClick: false,
    showTips: false, responsive: false,
  };
  const FLAT = "No WebGL here: three components, seen from one side. Drag or press arrow keys to turn them.";
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const finger = matchMedia("(pointer: coarse)");

  // What the visitor has chosen. `layer` is an index into cloud.layers.
  const chosen = { view: "map", map: "lda", layer: 0, borderline: false, focus: null };
  let cloud = null; // training prompts, all layers: see figures.cloud
  let views = []; // per layer and map: how stored coordinates become shown ones
  let members = {}; // per label: indices of its points
  let placed = { panels: [] }; // this request: see figures.placed
  let umaps = {}; // its places on UMAP, by layer
  let zoomed = {}; // per map: the ranges a visitor has zoomed to
  let shown = null; // the frame on the screen
  let ink = {}; // colours, as the style sheet has them now
  let frame = 0;
  let story = 0;
  let hovered = null;
  let machine = null; // how the maps serve on the machine that runs the model: see machine.js
  let deep = null; // whether this browser draws in 3D, now; asked when it first matters
  let turn = [0.79, 0.37]; // azimuth and elevation, in radians, of the flat view of three components
  let begun = false;
  let fetching = false;

  // ---- Small tools ----------------------------------------------------------------------------
  const at = () => cloud.at[chosen.layer];
  const layer = () => cloud.layers[chosen.layer];
  const solid = () => chosen.map === "pca3" && (deep ??= hasWebGL());
  const turned = () => chosen.map === "pca3" && !solid();
  const node = () => part({ map: solid() ? "space" : "plane", path: "path", tokens: "words" }[chosen.view]);
  const raw = () => (chosen.map === "pca3" ? "pca" : chosen.map);
  const signed = (t, digits = 2) => t.toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
  const clean = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const fade = (hex, alpha) => `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",")},${alpha})`;
  const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mix = (a, b, k) => {
    if (typeof b === "number") return typeof a === "number" ? a + (b - a) * k : b;
    if (Array.isArray(b)) return b.map((each, i) => mix(a?.[i], each, k));
    if (b && typeof b === "object") return Object.fromEntries(Object.entries(b).map(([name, each]) => [name, mix(a?.[name], each, k)]));
    return b;
  };
  // Text that runs from right to left is set apart by Unicode's isolates, so that it turns neither the
  // words around it nor its own marks; the direction of a whole is that of its first letter.
  const RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
  const beginsRight = (text) => RIGHT.test(text.match(/\p{L}/u)?.[0] ?? "");
  const apart = (text, whole = text) => (RIGHT.test(whole) ? `${beginsRight(whole) ? "\u2067" : "\u2066"}${text}\u2069` : text);
  // Plotly reads a little HTML in hover texts, so a prompt is cleaned and broken into lines.
  const lines = (text, width = 44) => clean(text.replace(new RegExp(`(.{1,${width}})(\\s+|$)`, "g"), "$1\n").trim()).split("\n").map((line) => apart(line, text)).join("<br>");

  function hasWebGL() {
    try {
      const made = document.createElement("canvas");
      const found = made.getContext("webgl") ?? made.getContext("experimental-webgl");
      found?.getExtension("WEBGL_lose_context")?.loseContext(); // a page has few
      return Boolean(found);
    } catch {
      return false;
    }
  }

  function colours() {
    const style = getComputedStyle(root);
    const names = ["ink", "soft", "line", "sheet", "well", ...LABELS, ...SLOTS];
    ink = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    ink.font = getComputedStyle(document.body).fontFamily;
  }

  // ---- From stored coordinates to shown ones --------------------------------------------------
  // Activations grow from layer to layer, so each layer is shown at the same size: what is seen to
  // move is the clusters, and a visitor's zoom means the same everywhere. Along t nothing is scaled.
  function measure() {
    const reach = (values) => quantile(values.map(Math.abs), 0.98) || 1;
    const around = (columns) => columns.map(mean);
    views = cloud.at.map(({ lda, pca, umap }) => {
      const [size, middle] = [reach(pca.flat()), around(umap)];
      const width = reach(umap.flatMap((column, axis) => column.map((value) => value - middle[axis])));
      return {
        lda: { centre: [0, 0], size: [1, reach(lda[1])] },
        pca: { centre: [0, 0, 0], size: [size, size, size] },
        umap: { centre: middle, size: [width, width] },
      };
    });
  }

  const show = (columns) => {
    const { centre, size } = views[chosen.layer][raw()];
    return columns.map((column, axis) => column.map((value) => (value - centre[axis]) / size[axis]));
  };
  const showOne = (place) => show(place.map((value) => [value])).map(([value]) => value);

  // Without WebGL, three components are seen from one side: a parallel projection onto the screen.
  function project([x, y, z]) {
    const [[sa, ca], [se, ce]] = turn.map((angle) => [Math.sin(angle), Math.cos(angle)]);
    return [ca * y - sa * x, ce * z - se * (ca * x + sa * y)];
  }

  // ---- Frames: plain numbers that can be mixed ------------------------------------------------
  function marksHere() {
    const marks = {};
    placed.panels.forEach((panel, index) => {
      const place = {
        lda: () => [panel.t[chosen.layer], panel.y[chosen.layer]],
        pca: () => panel.pca.map((column) => column[chosen.layer]),
        umap: () => umaps[layer()]?.map((column) => column[index]),
      }[raw()]();
      if (place) marks[panel.slot] = showOne(place);
    });
    return marks;
  }

  function goal() {
    if (chosen.view === "path") {
      const lines = Object.fromEntries(placed.panels.map((panel) => [panel.slot, panel.t]));
      const values = [...Object.values(lines), ...cloud.at.flatMap(({ band }) => Object.values(band))].flat();
      return { kind: "path", lines, cursor: layer(), span: [Math.min(...values) - 0.15, Math.max(...values) + 0.15] };
    }
    const seen = (place) => (turned() ? project(place) : place);
    const marks = Object.fromEntries(Object.entries(marksHere()).map(([slot, place]) => [slot, seen(place)]));
    const columns = show(at()[raw()]);
    const points = turned() ? columns[0].map((_, i) => project(columns.map((column) => column[i]))).reduce(([xs, ys], [x, y]) => (xs.push(x), ys.push(y), [xs, ys]), [[], []]) : columns;
    // Marks may lie far outside the cloud: the map grows to hold them.
    const span = points.map((column, axis) => {
      const values = Object.values(marks).map((mark) => mark[axis]);
      const [low, high] = [quantile(column, 0.004), quantile(column, 0.996)];
      const room = 0.08 * (high - low);
      return [Math.min(low, ...values) - room, Math.max(high, ...values) + room];
    });
    return {
      kind: turned() ? "turned" : chosen.map,
      points,
      means: at().means[raw()].map((mean) => seen(showOne(mean))),
      marks,
      span,
    };
  }

  function glide() {
    if (!cloud || chosen.view === "tokens" || !window.Plotly) return;
    const end = goal();
    cancelAnimationFrame(frame);
    frame = 0;
    const flat = (kind) => ["lda", "pca", "umap", "turned"].includes(kind);
    const same = shown && (shown.kind === end.kind || (flat(shown.kind) && flat(end.kind)));
    if (still.matches || !same || document.hidden) {
      paint((shown = end));
      return;
    }
    const start = structuredClone(shown);
    for (const slot of Object.keys(end.marks ?? {})) start.marks[slot] ??= start.marks.baseline ?? end.marks[slot];
    const began = performance.now();
    const move = (now) => {
      const k = Math.min(1, Math.max(0, (now - began) / GLIDE));
      paint((shown = k < 1 ? { ...mix(start, end, k * k * (3 - 2 * k)), moving: true } : end));
      frame = k < 1 ? requestAnimationFrame(move) : 0;
      if (!frame && hovered) window.Plotly.Fx.hover(hovered.node, [hovered.point]); // a redraw has wiped it
    };
    frame = requestAnimationFrame(move);
  }

  function paint(now) {
    const canvas = node();
    if (!canvas.clientWidth) return; // on a tab that is not seen; the observer below draws it later
    const { traces, layout } = now.kind === "path" ? path(now) : now.kind === "pca3" ? space(now) : plane(now);
    // Said each time, since a plot that was hidden has missed what happened to the window.
    Object.assign(layout, { width: canvas.clientWidth, height: canvas.clientHeight });
    if (canvas.made) {
      window.Plotly.react(canvas, traces, layout, CONFIG);
      return;
    }
    canvas.made = true;
    window.Plotly.newPlot(canvas, traces, layout, CONFIG).then(() => {
      // What plotly.js shows where it cannot draw is a text of its own with a link to another host.
      const scene = canvas._fullLayout?.scene?._scene;
      if (now.kind === "pca3" && canvas.made && !scene?.glplot) flatten();
      // plotly.js finds a lost context in a frame of its own, perhaps before the event below, and would
      // then wait frame by frame for the context of a plot that is gone.
      if (scene) scene.recoverContext = () => setTimeout(flatten);
    });
    canvas.on("plotly_hover", ({ points: [point] }) => { hovered = { node: canvas, point: { curveNumber: point.curveNumber, pointNumber: point.pointNumber } }; });
    canvas.on("plotly_unhover", () => (hovered = null));
    canvas.on("plotly_click", ({ points: [point] }) => clicked(point));
    canvas.on("plotly_relayout", (change) => {
      if (!("xaxis.range[0]" in change) || chosen.view !== "map") return;
      const { xaxis, yaxis } = canvas.layout;
      zoomed[chosen.map] = [[...xaxis.range], [...yaxis.range]];
      part("whole").hidden = false;
    });
    canvas.on("plotly_doubleclick", wholeMap);
  }

  // Drawing in 3D has ended, or never began: the same points, seen from one side.
  function flatten() {
    const canvas = part("space");
    if (!canvas.made && deep === false) return; // told twice
    deep = false;
    if (canvas.made) window.Plotly.purge(canvas);
    canvas.replaceChildren();
    canvas.made = false;
    shown = null;
    refresh();
  }

  function wholeMap() {
    delete zoomed[chosen.map];
    part("whole").hidden = true;
    if (solid()) window.Plotly.relayout(part("space"), { "scene.camera": CAMERA });
    else glide();
  }

  // ---- Drawing --------------------------------------------------------------------------------
  const text = (size = 12) => ({ family: ink.font, size, color: ink.soft });
  const hover = () => ({ bgcolor: ink.ink, bordercolor: ink.ink, align: "left", font: { family: ink.font, size: 12.5, color: ink.sheet } });
  const blank = (more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: text(), hoverlabel: hover(), uirevision: chosen.map, dragmode: finger.matches ? false : "zoom", ...more,
  });

  function points(now, type, size) {
    return LABELS.map((label) => {
      const index = label === "borderline" && !chosen.borderline ? [] : members[label];
      const [x, y, z] = now.points.map((column) => index.map((i) => column[i]));
      return {
        type, mode: "markers", x, y, ...(z && { z }), meta: "cloud", uid: `cloud-${label}`,
        customdata: index.map((i) => i), text: index.map((i) => `<b>${label} request</b><br>${lines(cloud.texts[i])}`),
        hovertemplate: "%{text}<extra></extra>",
        marker: { size: label === "borderline" && type === "scatter" ? size + 1 : size, symbol: label === "borderline" ? "circle-open" : "circle", color: ink[label], opacity: label === "borderline" ? 0.8 : 0.42, line: { width: label === "borderline" ? 1 : 0 } },
      };
    });
  }

  function told(panel) {
    const i = chosen.layer;
    const off = panel.outside[i] ? "<br><b>off the map</b>: it resembles neither group" : "";
    return `<b>${clean(panel.title)}</b>${panel.settings ? ` (${clean(panel.settings)})` : ""}<br>t = ${signed(panel.t[i])}${off}<br>`
      + `distance to harmful ${panel.to_harmful[i].toFixed(1)}, to harmless ${panel.to_harmless[i].toFixed(1)}`;
  }

  // A kernel density estimate on a grid; a Gaussian is a product, so two small tables are enough.
  function density(xs, ys, [[x0, x1], [y0, y1]], N) {
    const grid = (low, high) => Array.from({ length: N }, (_, i) => low + ((high - low) * i) / (N - 1));
    const table = (values, ticks) => {
      const m = mean(values);
      const width = Math.sqrt(mean(values.map((value) => (value - m) ** 2))) * values.length ** (-1 / 6) || 1;
      return ticks.map((tick) => values.map((value) => Math.exp(-0.5 * ((tick - value) / width) ** 2)));
    };
    const [gx, gy] = [grid(x0, x1), grid(y0, y1)];
    const [tx, ty] = [table(xs, gx), table(ys, gy)];
    const z = ty.map((row) => tx.map((column) => column.reduce((sum, value, i) => sum + value * row[i], 0)));
    const top = Math.max(...z.flat()) || 1;
    return { x: gx, y: gy, z: z.map((row) => row.map((value) => value / top)) };
  }

  function plane(now) {
    const lda = now.kind === "lda";
    const halo = `0 0 3px ${ink.well}, 0 0 3px ${ink.well}`;
    const [rangeX, rangeY] = zoomed[chosen.map] ?? now.span;
    const hills = CLASSES.map((label) => {
      const [xs, ys] = now.points.map((column) => members[label].map((i) => column[i]));
      return {
        type: "contour", ...density(xs, ys, now.span, now.moving ? 24 : 44), hoverinfo: "skip", showscale: false, zmin: 0, zmax: 1, uid: `hill-${label}`,
        contours: { coloring: "fill", start: 0.15, end: 0.9, size: 0.25 }, line: { width: 0.8, color: fade(ink[label], 0.32), smoothing: 1 },
        colorscale: [[0, fade(ink[label], 0)], [0.149, fade(ink[label], 0)], [0.15, fade(ink[label], 0.05)], [1, fade(ink[label], 0.2)]],
      };
    });
    // Names and arrows are traces, not annotations: one call moves everything together.
    const left = now.means[0][0] < now.means[1][0];
    const means = {
      type: "scatter", mode: "markers+text", uid: "means", x: now.means.map(([x]) => x), y: now.means.map(([, y]) => y),
      text: lda ? [] : CLASSES, textposition: left ? ["middle left", "middle right"] : ["middle right", "middle left"],
      textfont: { family: ink.font, size: 13, weight: 600, color: CLASSES.map((label) => ink[label]), shadow: halo },
      hovertemplate: CLASSES.map((label) => `mean of the ${label} training requests<extra></extra>`),
      marker: { size: 11, symbol: "cross-thin", color: CLASSES.map((label) => ink[label]), line: { width: 2.4, color: CLASSES.map((label) => ink[label]) } },
    };
    const names = {
      type: "scatter", mode: "text", uid: "names", x: lda ? now.means.map(([x]) => x) : [], y: lda ? [rangeY[1], rangeY[1]] : [], text: CLASSES,
      textposition: ["top left", "top right"], textfont: { family: ink.font, size: 13, weight: 600, color: CLASSES.map((label) => ink[label]) }, hoverinfo: "skip", cliponaxis: false,
    };
    // The three components themselves, from the middle outwards, where they are seen from one side.
    const rods = now.kind === "turned" ? [[0.8, 0, 0], [0, 0.8, 0], [0, 0, 0.8]].map(project) : [];
    const axes = {
      type: "scatter", mode: "lines+text", uid: "axes", hoverinfo: "skip", x: rods.flatMap(([x]) => [0, x, null]), y: rods.flatMap(([, y]) => [0, y, null]),
      text: rods.flatMap((_, i) => ["", `PC ${i + 1} · ${Math.round(100 * at().explained[i])} %`, ""]), textposition: "top center", textfont: text(12), line: { width: 1.2, color: ink.soft },
    };
    const marks = SLOTS.map((slot) => {
      const panel = placed.panels.find((each) => each.slot === slot);
      const mark = panel && now.marks[slot];
      const outside = panel?.outside[chosen.layer];
      return {
        type: "scatter", mode: "markers", uid: `mark-${slot}`, meta: slot, x: mark ? [mark[0]] : [], y: mark ? [mark[1]] : [],
        hovertemplate: mark ? `${told(panel)}<extra></extra>` : "", cliponaxis: false,
        marker: {
          // The baseline lies under the others, so it is the largest and stays in sight.
          size: slot === "baseline" ? 19 : 15, symbol: SIGNS[slot][0] + (outside ? "-open" : ""), color: ink[slot], opacity: 1,
          line: { color: outside ? ink[slot] : ink.sheet, width: outside ? 2.6 : 1.6 },
        },
      };
    });
    const { baseline } = now.marks;
    const arrows = SLOTS.slice(1).map((slot) => {
      const ends = baseline && now.marks[slot] ? [baseline, now.marks[slot]] : [];
      return {
        type: "scatter", mode: "lines+markers", uid: `arrow-${slot}`, x: ends.map(([x]) => x), y: ends.map(([, y]) => y), hoverinfo: "skip",
        line: { width: slot === focus() ? 2.6 : 1.7, color: ink[slot] }, opacity: slot === focus() ? 1 : 0.6,
        marker: { symbol: "arrow", angleref: "previous", size: [0, slot === focus() ? 12 : 10], standoff: [0, 8], color: ink[slot], opacity: 1, line: { width: 0 } },
      };
    });
    const axis = { zeroline: false, showline: false, ticks: "", fixedrange: false, gridcolor: fade(ink.line, 0.6), automargin: false, title: { standoff: 6, font: text(12) } };
    const share = (i) => `principal component ${i + 1} · ${Math.round(100 * at().explained[i])} % of the variance`;
    return {
      traces: [...hills, ...points(now, "scatter", 5), axes, means, names, ...arrows, ...marks],
      layout: blank({
        ...(now.kind === "turned" && { dragmode: false }),
        margin: { l: lda || ["umap", "turned"].includes(now.kind) ? 10 : 26, r: 10, t: lda ? 24 : 8, b: now.kind === "umap" ? 10 : lda ? 40 : 26 },
        shapes: lda ? [0, 1].map((x, i) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: { width: 1.2, dash: "dot", color: fade(ink[CLASSES[i]], 0.75) } })) : [],
        xaxis: { ...axis, range: rangeX, showgrid: false, ...(lda ? { tickvals: [-1, 0, 0.5, 1, 2], ticktext: ["−1", "0", "½", "1", "2"], tickfont: text(12), title: { ...axis.title, text: "t: 0 at the harmful mean, 1 at the harmless mean" } } : { showticklabels: false, title: { ...axis.title, text: now.kind === "pca" ? share(0) : "" } }) },
        yaxis: { ...axis, range: rangeY, showgrid: false, showticklabels: false, title: { ...axis.title, text: now.kind === "pca" ? share(1) : "" } },
      }),
    };
  }

  const CAMERA = { eye: { x: 1.45, y: 1.45, z: 0.8 }, center: { x: 0, y: 0, z: -0.1 } };
  function space(now) {
    const axis = (i) => ({
      range: now.span[i], showticklabels: false, ticks: "", zeroline: false, showspikes: false, showbackground: false, gridcolor: ink.line, linecolor: ink.line,
      title: { text: `PC ${i + 1} · ${Math.round(100 * at().explained[i])} %`, font: text(12) },
    });
    const means = {
      type: "scatter3d", mode: "markers+text", uid: "means", x: now.means.map(([x]) => x), y: now.means.map((m) => m[1]), z: now.means.map((m) => m[2]),
      text: CLASSES, textposition: ["bottom center", "top center"], textfont: { family: ink.font, size: 13, color: CLASSES.map((label) => ink[label]) },
      hovertemplate: "mean of the %{text} training requests<extra></extra>", marker: { size: 5, symbol: "cross", color: CLASSES.map((label) => ink[label]) },
    };
    const { baseline } = now.marks;
    const arrows = SLOTS.slice(1).map((slot) => {
      const ends = baseline && now.marks[slot] ? [baseline, now.marks[slot]] : [];
      const [x, y, z] = [0, 1, 2].map((i) => ends.map((end) => end[i]));
      return { type: "scatter3d", mode: "lines", uid: `arrow-${slot}`, x, y, z, hoverinfo: "skip", line: { width: slot === focus() ? 6 : 4, color: ink[slot] } };
    });
    const marks = SLOTS.map((slot) => {
      const panel = placed.panels.find((each) => each.slot === slot);
      const mark = panel && now.marks[slot];
      const [x, y, z] = [0, 1, 2].map((i) => (mark ? [mark[i]] : []));
      return {
        type: "scatter3d", mode: "text", uid: `mark-${slot}`, meta: slot, x, y, z, textposition: "middle center",
        text: mark ? [SIGNS[slot][panel.outside[chosen.layer] ? 2 : 1]] : [],
        textfont: { family: ink.font, size: slot === "baseline" ? 25 : 21, color: ink[slot] }, hovertemplate: mark ? `${told(panel)}<extra></extra>` : "",
      };
    });
    return {
      traces: [...points(now, "scatter3d", 2.2), means, ...arrows, ...marks],
      layout: blank({
        margin: { l: 0, r: 0, t: 0, b: 0 }, uirevision: "space", dragmode: "orbit",
        scene: { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "cube", camera: CAMERA, dragmode: "orbit", uirevision: "space" },
      }),
    };
  }

  function path(now) {
    const { layers } = cloud;
    const bands = CLASSES.flatMap((label) => {
      const [low, middle, high] = [0, 1, 2].map((i) => cloud.at.map((each) => each.band[label][i]));
      const common = { type: "scatter", mode: "lines", x: layers, hoverinfo: "skip", line: { width: 0, color: ink[label] } };
      return [
        { ...common, y: low, uid: `low-${label}` }, { ...common, y: high, fill: "tonexty", fillcolor: fade(ink[label], 0.13), uid: `high-${label}` },
        { ...common, y: middle, uid: `middle-${label}`, line: { width: 1.2, dash: "dot", color: fade(ink[label], 0.9) } },
      ];
    });
    // The baseline comes last: where nothing has been edited yet, all lines are its own.
    const rows = [...SLOTS.slice(1), SLOTS[0]].map((slot) => {
      const t = now.lines[slot] ?? [];
      const panel = placed.panels.find((each) => each.slot === slot);
      return {
        type: "scatter", mode: "lines+markers", uid: `path-${slot}`, meta: "path", x: t.length ? layers : [], y: t, line: { width: slot === focus() ? 3.2 : 2, color: ink[slot], shape: "linear" },
        marker: { size: layers.map((each) => (each === layer() ? 12 : 3)), symbol: SIGNS[slot][0], color: ink[slot], opacity: 1, line: { width: layers.map((each) => (each === layer() ? 1.4 : 0)), color: ink.sheet } },
        hovertemplate: panel ? `<b>${clean(panel.title)}</b><br>layer %{x}: t = %{y:.2f}<extra></extra>` : "",
      };
    });
    const sign = {
      type: "scatter", mode: "text", uid: "sign", x: [cloud.edit_layer], y: [now.span[1]], text: ["INLP edits here"], hoverinfo: "skip", cliponaxis: false, textfont: text(11.5),
      textposition: cloud.edit_layer > layers.at(-1) * 0.8 ? "top left" : "top center",
    };
    const rule = (x, color, dash) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: { width: 1.2, color, dash } });
    const axis = { zeroline: false, showgrid: false, showline: false, ticks: "", fixedrange: true, tickfont: text(12) };
    return {
      traces: [...bands, sign, ...rows],
      layout: blank({
        margin: { l: 62, r: 12, t: 20, b: 40 }, dragmode: false, uirevision: "path",
        shapes: [rule(now.cursor, ink.soft, "solid"), rule(cloud.edit_layer, ink.line, "dot")],
        xaxis: { ...axis, range: [layers[0] - 0.5, layers.at(-1) + 0.5], title: { text: "layer", standoff: 6, font: text(12) } },
        yaxis: { ...axis, range: now.span, tickvals: [0, 1], ticktext: CLASSES.map((label) => `<span style="color:${ink[label]};font-weight:600">${label}</span>`), showgrid: true, gridcolor: fade(ink.line, 0.7) },
      }),
    };
  }

  function words() {
    const box = part("words");
    box.replaceChildren();
    if (!placed.panels.length) return;
    const add = (parent, tag, name, content) => {
      const made = parent.appendChild(document.createElement(tag));
      if (name) made.className = name;
      if (content) made.textContent = content;
      return made;
    };
    for (const { slot, title, tokens } of placed.panels) {
      const item = add(box, "section", `card-${slot}`);
      item.append(root.querySelector(`li[data-slot="${slot}"] svg`).cloneNode(true));
      add(item, "h3", "", title);
      let line = null;
      tokens.texts.forEach((token, i) => {
        const begins = { 0: "request", [tokens.template]: "template", [tokens.answer]: "answer" }[i];
        if (begins) {
          add(item, "small", "", begins);
          line = add(item, "p", `line of-${begins}`);
          // Tokens may be parts of letters, which have no direction; the request has its own.
          line.dir = begins === "request" && beginsRight(placed.prompt ?? "") ? "rtl" : "auto";
          line.setAttribute("translate", "no");
          line.setAttribute("role", "list");
          line.setAttribute("aria-label", `${title}: ${begins}`);
        }
        const t = tokens.t[chosen.layer][i];
        const tok = add(line, "span", "tok", token.replace(/\n/g, "⏎"));
        tok.setAttribute("role", "listitem");
        tok.title = `“${token === "" ? "part of the next sign" : apart(token.trim() || "space")}”: t = ${signed(t)}`;
        tok.setAttribute("aria-label", tok.title);
        // Full colour at half a distance beyond either mean.
        tok.style.setProperty("--tint", `var(--${t < 0.5 ? "harmful" : "harmless"})`);
        tok.style.setProperty("--strength", Math.min(1, Math.abs(t - 0.5)).toFixed(2));
        tok.classList.toggle("read", i === tokens.read);
        add(line, "wbr");
      });
    }
  }

  // ---- Words around the picture ---------------------------------------------------------------
  function focus() {
    const panels = placed.panels;
    if (panels.some(({ slot }) => slot === chosen.focus)) return chosen.focus;
    const start = panels.find(({ slot }) => slot === "baseline")?.t[chosen.layer] ?? 0.5;
    const far = (panel) => Math.abs(panel.t[chosen.layer] - start);
    return [...panels].sort((a, b) => far(b) - far(a))[0]?.slot;
  }

  function tell() {
    const panels = placed.panels;
    const told = panels.find(({ slot }) => slot === focus());
    const sentence = part("sentence");
    const words = told?.sentences[chosen.layer] ?? "Run a request, and its place appears here.";
    if (sentence.textContent !== words) sentence.textContent = words;
    for (const item of all(".places li")) {
      const panel = panels.find(({ slot }) => slot === item.dataset.slot);
      item.hidden = !panel;
      if (!panel) continue;
      const out = panel.outside[chosen.layer];
      item.querySelector(".who").textContent = panel.title;
      item.querySelector(".how").textContent = [panel.settings, out ? "off the map" : ""].filter(Boolean).join(" · ");
      item.querySelector("b").textContent = `t = ${signed(panel.t[chosen.layer])}`;
      item.classList.toggle("out", out);
      item.firstElementChild.setAttribute("aria-pressed", String(panel.slot === focus()));
    }
    const last = cloud.layers.at(-1);
    part("layer-name").textContent = `Layer ${layer()} of ${last}`;
    part("separates").textContent = `${Math.round(100 * at().separates)} % of the dots on their own side`;
    const slider = part("layer");
    slider.max = cloud.layers.length - 1;
    slider.value = chosen.layer;
    slider.setAttribute("aria-valuetext", `layer ${layer()} of ${last}`);
    const press = (name, value) => all(`[data-part="${name}"] button`).forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.value === value)));
    press("views", chosen.view);
    press("maps", chosen.map);
    press("presets", layer() === cloud.edit_layer ? "edit" : layer() === last ? "last" : "");
    root.dataset.view = chosen.view;
    part("whole").hidden = chosen.view !== "map" || !zoomed[chosen.map];
  }

  function say(words) {
    const status = part("status");
    if (status.textContent !== words) status.textContent = words;
    status.hidden = !words;
  }

  // ---- Moves ----------------------------------------------------------------------------------
  function refresh() {
    machine?.tell();
    if (!cloud) return;
    const canvas = node();
    for (const name of ["plane", "space", "path", "words"]) part(name).hidden = part(name) !== canvas;
    tell();
    say(chosen.view === "map" && turned() ? FLAT : "");
    const reached = { tabindex: "0", role: "application", "aria-label": "Three components from one side. Arrow keys turn them." };
    for (const [name, value] of Object.entries(reached)) turned() ? part("plane").setAttribute(name, value) : part("plane").removeAttribute(name);
    if (chosen.view === "tokens") {
      words();
      if (!placed.panels.length) say("Run a request, and its tokens appear here.");
    }
    glide();
    if (chosen.view === "map" && chosen.map === "umap") placeOnUmap();
  }

  async function placeOnUmap() {
    const [key, where] = [placed.key, layer()];
    if (!placed.panels.length || umaps[where]) return;
    say("Placing the request on this map …");
    const found = key && server.umap ? await server.umap({ key, layer: where }).catch(() => null) : null;
    if (placed.key !== key || chosen.map !== "umap") return;
    if (found) umaps[where] = found;
    if (layer() !== where) return;
    say(found ? "" : "Press Run to place the request on this map.");
    glide();
  }

  function go(index) {
    chosen.layer = Math.max(0, Math.min(cloud.layers.length - 1, index));
    refresh();
  }

  function play(on) {
    clearInterval(story);
    story = 0;
    part("play").classList.toggle("on", on);
    part("play").setAttribute("aria-label", on ? "Pause" : "Play from the first layer to the last");
    // Twenty sentences in a row would be noise; the last one is said.
    part("sentence").setAttribute("aria-live", on ? "off" : "polite");
    if (!on) return;
    if (chosen.layer === cloud.layers.length - 1) go(0);
    story = setInterval(() => {
      if (chosen.layer + 1 >= cloud.layers.length - 1) play(false);
      go(chosen.layer + 1);
    }, STEP);
  }

  function clicked(point) {
    if (point.data.meta === "path") go(cloud.layers.indexOf(point.x));
    if (point.data.meta !== "cloud" || offline) return;
    const box = document.querySelector("#request textarea, #request input");
    if (!box) return;
    box.value = cloud.texts[point.customdata];
    box.dispatchEvent(new Event("input", { bubbles: true })); // Gradio listens to this one
    window.steering?.place?.();
  }

  // ---- Take away ------------------------------------------------------------------------------
  const filename = (ending) => `where-it-lands-layer-${layer()}-${chosen.view === "map" ? chosen.map : chosen.view}.${ending}`;

  function save(content, type, ending) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = filename(ending);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  function picture(format) {
    const canvas = node();
    const { clientWidth: width, clientHeight: height } = canvas;
    // On the screen the ground is the page's; a picture brings its own.
    const heading = `${placed.prompt ? `${lines(placed.prompt, 80)}<br>` : ""}<span style="color:${ink.soft}">layer ${layer()} of ${cloud.layers.at(-1)} · ${clean(cloud.model)}</span>`;
    const rows = heading.split("<br>").length;
    const data = canvas.data.map((trace) => {
      const panel = placed.panels.find(({ slot }) => [`mark-${slot}`, `path-${slot}`].includes(trace.uid));
      return panel && trace.type === "scatter" ? { ...trace, name: clean(panel.title), showlegend: true } : { ...trace, showlegend: false };
    });
    const layout = {
      ...canvas.layout, paper_bgcolor: ink.sheet, showlegend: true, legend: { orientation: "h", y: 0.01, yref: "container", yanchor: "bottom", x: 0.5, xanchor: "center", font: text(12.5) },
      title: { text: heading, font: { family: ink.font, size: 13.5, color: ink.ink }, x: 0.02, y: 0.965, yanchor: "top", yref: "container" },
      margin: { ...canvas.layout.margin, t: canvas.layout.margin.t + 12 + 19 * rows, b: canvas.layout.margin.b + 56 },
    };
    if (canvas === part("space")) {
      // A legend of letters would show none of them.
      const names = placed.panels.map(({ slot, title }, i) => `<span style="color:${ink[slot]}">${SIGNS[slot][1]}</span> ${clean(title)}${i % 3 === 2 ? "<br>" : "   "}`);
      layout.annotations = [{ text: names.join(""), showarrow: false, xref: "paper", x: 0.5, yref: "paper", y: 0, yanchor: "top", yshift: -8, font: text(12.5) }];
    }
    return window.Plotly.downloadImage({ data, layout, config: CONFIG }, { format, width: Math.max(width, 640), height: Math.max(height, 520) + 60, scale: format === "png" ? 2 : 1, filename: filename(format).replace(/\.\w+$/, "") });
  }

  function table() {
    const head = ["kind", "name", "settings", "layer", "t", "y", "pc1", "pc2", "pc3", "umap1", "umap2", "to_harmful", "to_harmless", "nearest", "off_the_map"];
    const rows = [head];
    for (const [index, panel] of placed.panels.entries()) {
      cloud.layers.forEach((each, i) => rows.push(["panel", panel.title, panel.form, each, panel.t[i], panel.y[i], ...panel.pca.map((column) => column[i]),
        ...(umaps[each]?.map((column) => column[index]) ?? ["", ""]), panel.to_harmful[i], panel.to_harmless[i], panel.nearest[i], panel.outside[i]]));
    }
    const here = at();
    cloud.texts.forEach((each, i) => rows.push([cloud.labels[i], each, "", layer(), here.lda[0][i], here.lda[1][i], ...here.pca.map((column) => column[i]), ...here.umap.map((column) => column[i]), "", "", "", ""]));
    return rows.map((row) => row.map((cell) => `"${String(cell).replace(/"/g, '""')}"`).join(",")).join("\r\n");
  }

  async function page() {
    const texts = await Promise.all(["plotly", "style", "map"].map((name) => fetch(address(name)).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`${name}: ${answer.status}`))))));
    const inside = (data) => JSON.stringify(data).replace(/</g, "\\u003c");
    const script = (code) => `<script>${code.replace(/<\/script/gi, "<\\/script")}</` + "script>";
    const data = inside({ cloud, placed, umaps, chosen });
    return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Where it lands</title><style>${texts[1]}\n${texts[2]}</style>`
      + `<body class="${document.body.classList.contains("dark") ? "dark " : ""}alone" style="font-family:system-ui,sans-serif"><h1></h1><div id="atlas">${untouched}</div>${script(texts[0])}`
      + script(`const offline = ${data}; const h1 = document.querySelector("h1"); h1.dir = "auto"; h1.textContent = offline.placed.prompt || "Where requests land"; (${steeringMap})({ element: document.body, offline });`);
  }

  async function takeAway(format) {
    if (!cloud || !window.Plotly) return;
    if (format === "csv") save(table(), "text/csv", format);
    else if (format === "html") save(await page(), "text/html", format);
    else if (chosen.view !== "tokens") await picture(format);
    else say("Tokens have no picture; the data (CSV) or the map (HTML) can be taken away.");
  }

  // ---- Beginning ------------------------------------------------------------------------------
  const address = (name) => window.steering.address(props.files[name]);
  const library = () => (window.Plotly ? Promise.resolve() : window.steering.plotly(props.files.plotly));

  async function begin() {
    if (fetching) return;
    begun = fetching = true;
    const { maps_id } = placed;
    colours();
    if (offline) Object.assign(chosen, offline.chosen);
    try {
      const [found] = await Promise.all([offline ? offline.cloud : window.steering.ask(server, "cloud"), library()]);
      take(placed.maps === false ? null : found);
    } catch (error) {
      say("The map could not be fetched. Reload the page to try again.");
      console.error(error);
    }
    fetching = false;
    if (![maps_id, cloud?.maps_id].includes(placed.maps_id)) begin(); // there are others meanwhile
  }

  function take(found) {
    cloud = found;
    shown = null;
    root.dataset.state = cloud ? "there" : "none";
    if (!cloud) {
      for (const name of ["plane", "space", "path", "words"]) part(name).hidden = true;
      part("sentence").textContent = "";
      for (const item of all(".places li")) item.hidden = true;
      return say("There is no map of this model yet.");
    }
    members = Object.fromEntries(LABELS.map((label) => [label, cloud.labels.flatMap((each, i) => (each === label ? [i] : []))]));
    part("borderline").closest("label").hidden = !members.borderline.length;
    // Places on other maps are none on these.
    if (placed.maps_id !== cloud.maps_id) {
      placed = { ...placed, maps_id: cloud.maps_id, panels: [] };
      umaps = {};
      window.steering?.place();
    }
    measure();
    if (!offline) chosen.layer = cloud.layers.indexOf(cloud.edit_layer);
    refresh();
  }

  function arrived() {
    const before = placed;
    placed = offline ? structuredClone(offline.placed) : JSON.parse(props.value || '{"panels": []}');
    umaps = offline?.umaps ?? {};
    // Whoever moves one card's slider wants to hear of that card.
    const moved = placed.panels.filter(({ slot, form }) => before.panels.some((each) => each.slot === slot && each.form !== form));
    if (moved.length === 1) chosen.focus = moved[0].slot;
    if (!begun) return;
    if (placed.maps_id !== before.maps_id) machine?.ask(); // what was told was told of others
    if (placed.maps === false) take(null);
    else if (placed.maps_id !== cloud?.maps_id) begin();
    else refresh();
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.save) {
      return void takeAway(button.dataset.save).catch((error) => {
        say("This file could not be made. Reload the page to try again.");
        console.error(error);
      });
    }
    if (button.dataset.part === "large") return void (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.().catch(() => say("This browser does not allow the full screen here.")));
    if (!cloud) return;
    const { value } = button.dataset;
    const group = button.closest("[data-part]")?.dataset.part;
    if (group === "play") return play(!story);
    if (group === "whole") return wholeMap();
    if (group === "presets") {
      play(false);
      return go(value === "edit" ? cloud.layers.indexOf(cloud.edit_layer) : cloud.layers.length - 1);
    }
    if (group === "views") chosen.view = value;
    if (group === "maps") {
      chosen.map = value;
      if (!deep) deep = null; // a lost one may have come back
    }
    const item = button.closest("li");
    if (item) chosen.focus = item.dataset.slot;
    refresh();
  });
  part("layer").addEventListener("input", (event) => {
    play(false);
    if (cloud) go(Number(event.target.value));
  });
  part("borderline").addEventListener("change", (event) => {
    chosen.borderline = event.target.checked;
    refresh();
  });
  // WebGL may be lost at any time: a driver ends, a laptop sleeps, another page takes the last context.
  part("space").addEventListener("webglcontextlost", (event) => {
    event.stopImmediatePropagation();
    setTimeout(flatten);
  }, true);
  const plane2d = part("plane");
  const rotate = (across, up) => {
    turn = [turn[0] - across, Math.max(-1.5, Math.min(1.5, turn[1] + up))];
    cancelAnimationFrame(frame);
    frame = 0;
    paint((shown = goal()));
  };
  let grip = null;
  plane2d.addEventListener("pointerdown", (event) => {
    if (cloud && chosen.view === "map" && turned()) grip = [event.clientX, event.clientY];
  });
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    rotate((event.clientX - grip[0]) / 150, (event.clientY - grip[1]) / 150);
    grip = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (grip = null));
  plane2d.addEventListener("keydown", (event) => {
    const aim = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] }[event.key];
    if (!aim || !cloud || !turned()) return;
    event.preventDefault();
    rotate(...aim);
  });
  new ResizeObserver(() => {
    if (shown && chosen.view !== "tokens" && node().clientWidth) paint(shown);
  }).observe(part("board"));
  new MutationObserver(() => {
    colours();
    refresh();
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });

  // Files that a visitor takes away have no machine behind them.
  if (!offline && server.machine) {
    machine = steeringMachine({
      root,
      server,
      layer: () => (cloud ? layer() : null),
      moved: () => placed.panels.length && window.steering.place(),
      mine: () => placed.maps_id,
      again: () => document.querySelector("#adopt")?.click(), // cards follow, and then this map
    });
  }
  arrived();
  watch("value", arrived);
  // What tests look at.
  root.map = {
    rests: () => Boolean(cloud) && (chosen.view === "tokens" || (shown !== null && !shown.moving && !frame)),
    marks: () => shown?.marks ?? {},
    form: (slot) => placed.panels.find((each) => each.slot === slot)?.form,
  };
  // plotly.js is 5 MB: it is fetched when the map first comes into sight.
  if (offline) begin();
  else {
    const eye = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      eye.disconnect();
      begin();
    }, { rootMargin: "200px" });
    eye.observe(root);
  }
}
