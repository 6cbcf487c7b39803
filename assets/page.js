// What only the browser can do: wait until a slider rests, and mark answers that belong to older
// settings, and texts that are nobody's to translate. Everything else is Python.
window.steering = (() => {
  const REST = 600; // milliseconds that a slider has to rest before a live run begins
  const SETTLED = 60; // milliseconds after which the map follows a slider
  const CALM = 1500; // milliseconds in which changes made by the page itself start no run
  let timer = 0;
  let placing = 0;
  let calmUntil = 0;

  const one = (selector) => document.querySelector(selector);

  // The map follows at once, without new answers: only what the slider changed is run again.
  function place() {
    window.clearTimeout(placing);
    placing = window.setTimeout(() => {
      if (one('.strip[data-phase="ready"]')) one("#place")?.click();
    }, SETTLED);
  }

  function moved() {
    place();
    window.clearTimeout(timer);
    // What moves on a tab that is not seen was not moved by hand.
    if (Date.now() < calmUntil || !one("#cards")?.offsetParent) return;
    timer = window.setTimeout(() => {
      const live = one("#live input");
      const ready = one('.strip[data-phase="ready"]');
      const request = one("#request textarea, #request input");
      const begun = one('.view[data-state="done"], .view[data-state="writing"], .view[data-state="recorded"]');
      if (live?.checked && ready && begun && request?.value.trim()) one("#run")?.click();
    }, REST);
  }

  function calm(time = CALM) {
    window.clearTimeout(timer);
    calmUntil = Math.max(calmUntil, Date.now() + time);
  }

  function markStale() {
    for (const card of document.querySelectorAll(".card")) {
      const shown = card.querySelector(".view")?.dataset.panel;
      const asked = card.querySelector("[data-copy]")?.dataset.copy;
      card.classList.toggle("stale", Boolean(shown && asked && shown !== asked));
    }
  }

  // Gradio gives its own texts no language or direction: what visitors and models write has its own.
  function markWritten() {
    for (const box of document.querySelectorAll("#request textarea, #request input")) {
      if (box.dir !== "auto") box.dir = "auto";
    }
    for (const example of document.querySelectorAll(".example:not([translate])")) {
      example.dir = "auto";
      example.setAttribute("translate", "no");
    }
  }

  let ready = false;
  function arrive() {
    const now = Boolean(one('.strip[data-phase="ready"]'));
    if (now && !ready) place();
    ready = now;
  }

  new MutationObserver(arrive).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["data-phase"],
  });

  new MutationObserver(markWritten).observe(document, { subtree: true, childList: true });

  new MutationObserver(markStale).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-panel", "data-copy"],
  });

  // Files that the page fetches itself; `path` is what Python gave for one.
  function address(path) {
    const { root: base = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
    return `${base.replace(/\/$/, "")}${prefix}/file=${path}`;
  }

  // plotly.js is 5 MB: whoever draws first fetches it, for all.
  let plotting = null;
  function plotly(path) {
    plotting ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address(path);
      script.onload = resolve;
      script.onerror = () => {
        plotting = null;
        reject(new Error("plotly.js did not arrive"));
      };
      document.head.append(script);
    });
    return plotting;
  }

  // Gradio answers undefined where it got no answer, and says so in the console only; Python's None is
  // null.
  async function ask(server, name, given = null) {
    const found = await server[name](given);
    if (found === undefined) throw new Error(`${name}: the server did not answer`);
    return found;
  }

  return { moved, calm, place, address, plotly, ask };
})();
