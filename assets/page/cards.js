// Follows what Python writes: marks answers that belong to older settings, and texts that are
// nobody's to translate, and places the request as soon as the model is there.
import { place } from "./live.js";

function markStale() {
  for (const card of document.querySelectorAll(".card")) {
    const shown = /** @type {HTMLElement | null} */ (card.querySelector(".view"))?.dataset.panel;
    const asked = /** @type {HTMLElement | null} */ (card.querySelector("[data-copy]"))?.dataset.copy;
    card.classList.toggle("stale", Boolean(shown && asked && shown !== asked));
  }
}

// Gradio gives its own texts no language or direction: what visitors and models write has its own.
function markWritten() {
  for (const box of document.querySelectorAll("#request textarea, #request input")) {
    if (box.getAttribute("dir") !== "auto") box.setAttribute("dir", "auto");
  }
  for (const example of document.querySelectorAll(".example:not([translate])")) {
    example.setAttribute("dir", "auto");
    example.setAttribute("translate", "no");
  }
}

let ready = false;
function arrive() {
  const now = Boolean(document.querySelector('.strip[data-phase="ready"]'));
  if (now && !ready) place();
  ready = now;
}

/** Begins to follow. */
export function followCards() {
  const everywhere = { subtree: true, childList: true };
  const values = { ...everywhere, attributes: true };
  new MutationObserver(arrive).observe(document, { ...values, attributeFilter: ["data-phase"] });
  new MutationObserver(markWritten).observe(document, everywhere);
  new MutationObserver(markStale).observe(document, {
    ...values,
    attributeFilter: ["data-panel", "data-copy"],
  });
}
