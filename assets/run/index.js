// Saves the run that stands on the cards. Python writes the file's text (ui/playground/run_saving.py), and
// the browser makes the file: nothing is written on the host, and neither https nor a frame of its own is
// needed.
import { all, download, one, touched, write } from "../shared/dom.js";

/**
 * What Python answers: a file, or why there is none.
 * @typedef {{ asked: number, problem?: string, name: string, type: string, content: string }} Saved
 */

/** @returns {Record<string, string>} what each card shows, by its slot */
function states() {
  const views = all(".card .view");
  const slot = (/** @type {Element} */ view) => view.closest(".card")?.id.replace("card-", "") ?? "";
  return Object.fromEntries(views.map((view) => [slot(view), view.dataset.state ?? ""]));
}

/** @param {Omit<Given, "server">} given */
export function start({ element, props, watch, trigger }) {
  const said = one(".said", element);
  let asked = 0;
  element.addEventListener("click", (event) => {
    const button = touched(event, "[data-saves]");
    if (!button) return;
    asked += 1;
    write(said, "");
    trigger("select", { asked, format: button.dataset.saves, states: states() });
  });
  watch("value", () => {
    if (!props.value) return;
    const file = /** @type {Saved} */ (JSON.parse(props.value));
    // A page that is loaded anew may find what was saved before.
    if (!asked || file.asked !== asked) return;
    if (!file.problem) download(file.content, file.type, file.name);
    write(said, file.problem ?? `Saved: ${file.name}`);
  });
}
