// The strip of cards with their verdicts: copies what the cards say, and chooses which one is seen
// where there is room for one.
import { all, one, touched, write } from "../shared/dom.js";

/** @param {HTMLElement} button */
function copy(button) {
  const card = document.getElementById(`card-${button.dataset.shows}`);
  const chip = card?.querySelector(".chip.verdict");
  const state = /** @type {HTMLElement | null} */ (card?.querySelector(".view"))?.dataset.state ?? "";
  const said = one(".said", button);
  const name = chip ? `said ${[...chip.classList].slice(2).join(" ")}` : `said ${state}`;
  if (said.className === name) return;
  said.className = name;
  const icon = chip?.querySelector("svg");
  said.replaceChildren(...(icon ? [icon.cloneNode(true)] : []));
  const words = card?.querySelector(".chip.verdict .word, .chip.quiet")?.textContent;
  write(one(".told", button), words ? `: ${words}` : "");
}

function copyAll() {
  for (const button of all("#verdicts [data-shows]")) if (button.dataset.shows !== "map") copy(button);
}

/** @param {string} name of a card, or `map` */
export function showCard(name) {
  const stage = document.getElementById("stage");
  if (!stage) return;
  stage.dataset.shows = name;
  for (const button of all("#verdicts [data-shows]")) {
    button.setAttribute("aria-pressed", String(button.dataset.shows === name));
  }
}

/** Begins to follow. */
export function followVerdicts() {
  document.addEventListener("click", (event) => {
    const button = touched(event, "#verdicts [data-shows]");
    if (button) showCard(button.dataset.shows ?? "");
  });
  let waits = false;
  new MutationObserver(() => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      const stage = document.getElementById("stage");
      if (stage && !stage.dataset.shows) showCard("baseline");
      copyAll();
    });
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-state"] });
}
