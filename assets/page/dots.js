// The dots of the map of harm and refusal: what stands under a pointer, a finger or the keys is told below
// the map. By keyboard the map is one stop of the tab key, and arrows go from dot to dot.
import { all, touched, write } from "../shared/dom.js";

const MAP = ".harm-map";
const DOT = `${MAP} .dot`;

/** Along which axis a key goes, and which way; refusal grows upwards, where places on a screen shrink. */
const WAYS = /** @type {Record<string, { axis: number, way: number }>} */ ({
  ArrowLeft: { axis: 0, way: -1 },
  ArrowRight: { axis: 0, way: 1 },
  ArrowUp: { axis: 1, way: -1 },
  ArrowDown: { axis: 1, way: 1 },
});

/**
 * @param {number[][]} places [x, y] of every dot
 * @param {number} at the dot that is told now; -1 for none
 * @param {string} key as a keyboard event names it
 * @returns {number | null} the next dot along that key's axis, or the one at the end of it; null where the
 *   key does nothing
 */
export function next(places, at, key) {
  const ways = { Home: { axis: 0, way: -Infinity }, End: { axis: 0, way: Infinity }, ...WAYS };
  const found = ways[/** @type {keyof typeof ways} */ (key)];
  if (!found || !places.length) return null;
  const { axis, way } = found;
  const order = places.map((_, i) => i).sort((a, b) => places[a][axis] - places[b][axis] || a - b);
  const now = at < 0 ? (way > 0 ? -1 : order.length) : order.indexOf(at);
  return order[Math.max(0, Math.min(order.length - 1, now + way))];
}

/** @param {Element} dot @returns {number[]} */
const placeOf = (dot) => (dot.getAttribute("transform")?.match(/-?[\d.]+/g) ?? []).map(Number);

/** @param {HTMLElement} map @param {Element | null} dot */
function tell(map, dot) {
  const told = map.closest("figure")?.querySelector(".told");
  for (const each of all(".dot.looked", map)) each.classList.remove("looked");
  dot?.classList.add("looked");
  if (told) write(told, dot?.querySelector("title")?.textContent ?? told.getAttribute("data-empty") ?? "");
}

/** Listens for all maps that will ever be there. */
export function listenForDots() {
  for (const name of ["pointerover", "click"]) {
    document.addEventListener(name, (event) => {
      const [dot, map] = [touched(event, DOT), touched(event, MAP)];
      if (dot && map) tell(map, dot);
    });
  }
  document.addEventListener("keydown", (event) => {
    const map = touched(event, MAP);
    if (!map || event.ctrlKey || event.metaKey || event.altKey) return;
    const looked = map.querySelector(".looked");
    if (event.key === "Escape" && looked) return tell(map, null);
    // As a press on it, which the tour waits for.
    if (event.key === "Enter" && looked) looked.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const dots = all(".dot", map);
    const at = dots.findIndex((each) => each.classList.contains("looked"));
    const found = next(dots.map(placeOf), at, event.key);
    if (found === null) return;
    event.preventDefault();
    tell(map, dots[found]);
  });
}
