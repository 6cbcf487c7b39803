// The room: a page leads one, is a participant's, or is in none and may start one.
import { all, one, touched, write } from "../shared/dom.js";
import { askServer } from "../shared/server.js";
import { addressOf, keepKey, keyOf, roomName } from "./entry.js";
import { startFollowing } from "./follow.js";
import { startLeading } from "./present.js";

/** @typedef {Pick<Given, "element" | "server" | "trigger">} Around */

/**
 * @param {Around} around
 * @param {HTMLElement} root
 * @param {string} name
 * @param {string} key
 */
function lead({ server, trigger }, root, name, key) {
  const sit = () => trigger("submit", { room: name, key });
  startLeading({ root, server, sit, name, key });
}

/**
 * @param {Around} around
 * @param {HTMLElement} root
 */
async function begin(around, root) {
  const field = /** @type {HTMLInputElement} */ (one('[data-place="wanted"]', root));
  const told = await askServer(around.server, "begin", { name: field.value }).catch(() => null);
  const said = one('[data-place="problem"]', root);
  write(said, told ? (told.problem ?? "") : "The server did not answer. Try again.");
  said.hidden = Boolean(told?.name);
  if (!told?.name) return;
  keepKey(told.name, told.key);
  history.replaceState(null, "", addressOf(told.name) + location.hash);
  lead(around, root, told.name, told.key);
}

/**
 * @param {Around} around
 * @param {HTMLElement} root
 */
function offer(around, root) {
  root.dataset.state = "closed";
  const field = /** @type {HTMLInputElement} */ (one('[data-place="wanted"]', root));
  const suggest = async () => {
    if (field.value) return;
    const told = await askServer(around.server, "suggest").catch(() => null);
    if (told && !field.value) field.value = told.name;
  };
  document.addEventListener("click", (event) => touched(event, '[data-drawer="room"]') && suggest());
  root.addEventListener("click", (event) => touched(event, '[data-place="start"]') && begin(around, root));
  field.addEventListener("keydown", (event) => event.key === "Enter" && begin(around, root));
}

/**
 * @param {HTMLElement} root
 * @param {{ count: number, html: string }} pins
 */
function pin(root, { count, html }) {
  one('[data-place="pinned"]', root).innerHTML = html; // made by the server's own templates
  for (const button of all('[data-place="pins"]')) {
    button.hidden = !count;
    write(button, `Pinned: ${count}`);
  }
}

/** @param {Around} around */
export function start(around) {
  const root = one(".room", around.element);
  const name = roomName();
  const key = name && keyOf(name);
  offer(around, root);
  if (key) return lead(around, root, name, key);
  if (!name) return;
  root.dataset.state = "follows";
  const sit = () => around.trigger("submit", { room: name, key: "" });
  startFollowing({ server: around.server, sit, pin: (pins) => pin(root, pins), name });
}
