// Saves the run that stands on the cards, puts it into a link, and opens one that was saved. Python writes and
// reads the texts (ui/playground/run_saving.py); files are the browser's affair: nothing is written on the
// host, and neither https nor a frame of its own is needed.
import { copyFor } from "../page/copying.js";
import { linkWith } from "../page/link.js";
import { all, download, one, touched, write } from "../shared/dom.js";

/**
 * What Python answers: a file, the part of a link, that a file was opened, or why not.
 * @typedef {{ asked: number, problem?: string, opened?: boolean, run?: string, name: string, type: string,
 *   content: string }} Told
 */

const MOST = 4 * 2 ** 20; // bytes of a file; Python has the same limit, in characters
const HERE = "Shown on the cards.";

/** @returns {Record<string, string>} what each card shows, by its slot */
function states() {
  const views = all(".card .view");
  const slot = (/** @type {Element} */ view) => view.closest(".card")?.id.replace("card-", "") ?? "";
  return Object.fromEntries(views.map((view) => [slot(view), view.dataset.state ?? ""]));
}

/**
 * @param {File} file
 * @returns {Promise<{ name: string, text: string } | { problem: string }>}
 */
async function read(file) {
  const size = `${(file.size / 2 ** 20).toFixed(1)} MB`;
  if (file.size > MOST) return { problem: `${file.name} has ${size}; at most 4 MB are read.` };
  try {
    return { name: file.name, text: await file.text() };
  } catch {
    return { problem: `${file.name} cannot be read; choose it again.` };
  }
}

/** @param {Omit<Given, "server">} given */
export function start({ element, props, watch, trigger }) {
  let asked = 0;
  let said = one(".said", element);
  /** @type {HTMLElement | null} */
  let pressed = null;
  const begin = (/** @type {HTMLElement} */ button, /** @type {HTMLElement} */ place) => {
    asked += 1;
    pressed = button;
    said = place;
    write(said, "");
    return asked;
  };
  // The button of the link is not in this section.
  document.addEventListener("click", (event) => {
    const saves = touched(event, "[data-saves]");
    if (touched(event, "[data-opens-run]")) one("[data-run-file]", element).click();
    if (!saves) return;
    const place = saves.closest(".sharing")?.querySelector(".said") ?? one(".said", element);
    const number = begin(saves, /** @type {HTMLElement} */ (place));
    trigger("select", { asked: number, format: saves.dataset.saves, states: states() });
  });
  element.addEventListener("change", async (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !field.files?.length) return;
    const number = begin(one("[data-opens-run]", element), one(".said.of-file", element));
    const found = await read(field.files[0]);
    field.value = ""; // the same file may be chosen again
    if ("problem" in found) return write(said, found.problem);
    window.steering.calm();
    trigger("submit", { asked: number, ...found });
  });
  watch("value", () => {
    if (!props.value) return;
    const told = /** @type {Told} */ (JSON.parse(props.value));
    // A page that is loaded anew may find what was saved before.
    if (!asked || told.asked !== asked) return;
    if (told.problem) return write(said, told.problem);
    if (told.opened) return write(said, HERE);
    if (told.run) return void (pressed && copyFor(pressed, linkWith(told.run)));
    download(told.content, told.type, told.name);
    write(said, `Saved: ${told.name}`);
  });
}
