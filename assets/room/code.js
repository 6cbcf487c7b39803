// The participants' link as a code that cameras read, as large as the window.
import { one, touched, write } from "../shared/dom.js";

/**
 * @param {HTMLElement} box a dialog
 * @param {string} svg made by the server's own templates
 * @param {string} link
 */
export function showCode(box, svg, link) {
  const dialog = /** @type {HTMLDialogElement} */ (box);
  one('[data-place="code-picture"]', dialog).innerHTML = svg;
  write(one('[data-place="code-link"]', dialog), link);
  // Beside it, too: a dialog that is open covers the whole window.
  dialog.onclick = (event) => {
    if (event.target === dialog || touched(event, ".closer")) {
      event.stopPropagation(); // the drawer below stays open
      dialog.close();
    }
  };
  if (!dialog.open) dialog.showModal();
}
