// Opens and closes what is folded away: menus, the drawers of a card, the drawers of the page. One is
// open at a time, over the page, so that nothing moves. The page's own stay until they are closed.
import { all, touched } from "../shared/dom.js";

const SCOPES = ".card, .menu";
const root = document.documentElement;

/** @param {Element} button */
const scopeOf = (button) => /** @type {HTMLElement} */ (button.closest(SCOPES) ?? root);

/** @type {HTMLElement | null} */
let opener = null;

function tell() {
  for (const button of all("[data-drawer]")) {
    const open = scopeOf(button).dataset.open === button.dataset.drawer;
    if (button.getAttribute("aria-expanded") !== String(open)) {
      button.setAttribute("aria-expanded", String(open));
    }
  }
}

/**
 * @param {boolean} [back] whether the focus returns to the button that had opened it
 * @returns {boolean} whether anything was open
 */
export function close(back = false) {
  const open = [root, ...all(SCOPES)].filter((scope) => scope.dataset.open);
  for (const scope of open) delete scope.dataset.open;
  tell();
  if (back && open.length) opener?.focus();
  return open.length > 0;
}

/**
 * Opens a drawer of the page.
 * @param {string} name
 */
export function openPage(name) {
  close();
  root.dataset.open = name;
  tell();
  const closer = document.querySelector(`#${name} .closer`);
  if (closer instanceof HTMLElement) closer.focus({ preventScroll: true });
}

/** @param {HTMLElement} button */
function toggle(button) {
  const scope = scopeOf(button);
  const name = button.dataset.drawer ?? "";
  const before = scope.dataset.open;
  close();
  opener = button;
  if (before === name) return;
  if (scope === root) return openPage(name);
  scope.dataset.open = name;
  tell();
}

/** @param {MouseEvent} event */
function click(event) {
  const button = touched(event, "[data-drawer]");
  if (button) return toggle(button);
  if (touched(event, ".closer")) return void close(true);
  if (touched(event, ".menu .example")) return void close();
  const inside = touched(event, ".drawer, .numbers, [role=listbox]");
  // The page presses its own buttons, too; and what a click has taken away belongs to nothing any more.
  if (inside || root.dataset.open || !event.isTrusted) return;
  if (event.target instanceof Node && document.contains(event.target)) close();
}

/** Begins to listen. */
export function listenForDrawers() {
  document.addEventListener("click", click);
}
