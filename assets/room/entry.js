// In which room a page is, and whether it leads there: ?room=NAME in the address, and behind the # the
// presenter's key, which is taken out of the address before anything else can read it.

const root = document.documentElement;
const KEY = /^#(?:key=)([\w-]{8,80})$/;
/** @type {Map<string, string>} keys of a browser that keeps nothing */
const held = new Map();

/** @returns {string} the room's name, or "" */
export const roomName = () => (new URLSearchParams(location.search).get("room") ?? "").trim().toLowerCase();

/**
 * @param {string} name of a room
 * @param {string} key the presenter's; "" forgets it
 */
export function keepKey(name, key) {
  held.set(name, key);
  try {
    // Of this window alone, and until it is closed: a reload finds it.
    if (key) sessionStorage.setItem(`room ${name}`, key);
    else sessionStorage.removeItem(`room ${name}`);
  } catch {
    // Some browsers keep nothing in a frame.
  }
}

/**
 * @param {string} name of a room
 * @returns {string} the presenter's key, or ""
 */
export function keyOf(name) {
  try {
    return held.get(name) || sessionStorage.getItem(`room ${name}`) || "";
  } catch {
    return held.get(name) ?? "";
  }
}

/**
 * @param {string} name of a room, or "" for none
 * @param {string} [key] the presenter's
 * @param {string} [from] the address of a page
 * @returns {string} the address of the room
 */
export function addressOf(name, key = "", from = location.href) {
  const address = new URL(from);
  address.hash = key ? `key=${key}` : "";
  address.searchParams.delete("room");
  if (name) address.searchParams.set("room", name);
  return address.href.replace(/#$/, "");
}

/**
 * @param {string} hash of an address, with its #
 * @returns {string} the key in it, or ""
 */
export const keyIn = (hash) => KEY.exec(hash)?.[1] ?? "";

/** Reads the address, before the page is there. */
export function enterRoom() {
  const name = roomName();
  if (!name) return;
  const key = keyIn(location.hash);
  if (key) {
    keepKey(name, key);
    history.replaceState(null, "", addressOf(name));
  }
  root.dataset.room = keyOf(name) ? "lead" : "follow";
  // The presenter's link, opened in a page that is in the room already.
  addEventListener("hashchange", () => keyIn(location.hash) && location.reload());
}
