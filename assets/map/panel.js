// The parts of the panel that follow the map: which tools there are, and whose nearest requests may be asked.
import { add, one } from "../shared/dom.js";
import { allIn, part, solid } from "./state.js";

/** @typedef {import("./state.js").Section} Section */

/**
 * @param {Section} here
 * @param {string} group
 * @param {string} value of the button that is pressed
 */
export function press(here, group, value) {
  for (const each of allIn(here, `[data-part="${group}"] button`)) {
    each.setAttribute("aria-pressed", String(each.dataset.value === value));
  }
}

/**
 * @param {Section} here
 * @param {string} tool what dragging does
 * @param {boolean} open
 */
export function showTools(here, tool, open) {
  const space = Boolean(here.cloud) && solid(here);
  const flat = here.chosen.view === "map" && !space;
  press(here, "tools", space ? "zoom" : tool);
  for (const each of allIn(here, '[data-part="tools"] button')) {
    const button = /** @type {HTMLButtonElement} */ (each);
    button.disabled = space && each.dataset.value !== "zoom";
  }
  const over = part(here, "over");
  over.classList.toggle("seen", open && flat);
  over.classList.toggle("draws", open && flat && tool !== "zoom");
}

/** @param {Section} here */
export function addMarks(here) {
  const around = part(here, "around");
  const slots = here.placed.panels.map(({ slot }) => slot);
  around.hidden = !slots.length;
  const there = allIn(here, "[data-near]").map((each) => each.dataset.near);
  if (String(there) === String(slots)) return;
  for (const each of allIn(here, "[data-near]")) each.remove();
  for (const { slot, title } of here.placed.panels) {
    const button = /** @type {HTMLButtonElement} */ (add(around, "button", `card-${slot}`));
    Object.assign(button, { type: "button", title });
    button.dataset.near = slot;
    button.setAttribute("aria-label", title);
    button.append(one(`.places li[data-slot="${slot}"] svg`, here.root).cloneNode(true));
  }
}
