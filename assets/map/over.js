// What lies over a plane: a ring around the dot that is pointed at, and the shape that a hand draws.
import { inPolygon, nearestWithin, rectangle } from "./geometry.js";

/**
 * @typedef {{ overlay: SVGSVGElement, canvas: Plot, points: () => number[][], dots: () => number[],
 *   tool: () => string, picked(dots: number[]): void, pointed(dot: number | null): void,
 *   clicked(dot: number | null): void }} Plane `points` are columns of shown coordinates
 */

const REACH = 12; // pixels between a pointer and the dot that it means
const DRAG = 4; // pixels from which on a press is a drag

/**
 * @param {Plane} plane
 * @param {number} i index of a dot
 * @returns {number[] | null} where it is, in pixels
 */
function pixel({ canvas, points }, i) {
  const { xaxis, yaxis } = canvas._fullLayout ?? {};
  const [x, y] = points().map((column) => column[i]);
  if (!xaxis || x === undefined || y === undefined) return null;
  return [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
}

/**
 * @param {Plane} plane
 * @returns {[number, number[]][]} the shown dots, in pixels
 */
function pixels(plane) {
  return plane.dots().flatMap((i) => {
    const place = pixel(plane, i);
    return place ? [/** @type {[number, number[]]} */ ([i, place])] : [];
  });
}

/**
 * @param {Plane} plane
 * @param {number | null} i index of the dot that has the ring
 */
export function ring(plane, i) {
  const mark = plane.overlay.querySelector(".ring");
  const place = i === null ? null : pixel(plane, i);
  mark?.setAttribute("visibility", place ? "visible" : "hidden");
  if (!place) return;
  mark?.setAttribute("cx", String(place[0]));
  mark?.setAttribute("cy", String(place[1]));
}

/**
 * Listens to a hand that draws on a plane.
 * @param {Plane} plane
 */
export function drawOver(plane) {
  const { overlay } = plane;
  const line = /** @type {SVGPathElement} */ (overlay.querySelector(".drawn"));
  /** @type {number[][]} */
  let way = [];
  const at = (/** @type {PointerEvent} */ event) => {
    const box = overlay.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const shape = () => (plane.tool() === "box" ? rectangle(way[0], way[way.length - 1]) : way);
  const show = () => {
    line.setAttribute("d", way.length > 1 ? `M${shape().map((place) => place.join(" ")).join("L")}Z` : "");
  };
  const isDrag = () => way.some(([x, y]) => Math.hypot(x - way[0][0], y - way[0][1]) > DRAG);
  const meant = (/** @type {number[]} */ place) => nearestWithin(place, pixels(plane), REACH);
  overlay.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    overlay.setPointerCapture(event.pointerId);
    way = [at(event)];
  });
  overlay.addEventListener("pointermove", (event) => {
    if (!way.length) return plane.pointed(meant(at(event)));
    way.push(at(event));
    show();
  });
  overlay.addEventListener("pointerup", () => {
    if (!way.length) return;
    const [first, polygon, drag] = [way[0], shape(), isDrag()];
    way = [];
    show();
    if (!drag) return plane.clicked(meant(first));
    plane.picked(pixels(plane).flatMap(([i, place]) => (inPolygon(place, polygon) ? [i] : [])));
  });
  overlay.addEventListener("pointercancel", () => {
    way = [];
    show();
  });
  overlay.addEventListener("pointerleave", () => way.length || plane.pointed(null));
}
