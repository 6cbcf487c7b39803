// The names of points, which Python places for a board of a certain size.
import { dressed } from "../shared/colour.js";
import { grown, growth } from "../shared/plot.js";
import { askServer } from "../shared/server.js";

/** @typedef {import("./state.js").Section} Section */

const SETTLED = 80; // milliseconds that a board keeps its size before names are placed anew
let settling = 0;

/**
 * Adds the names to the figure of costs; asks for those that are not there yet, and draws again.
 * @param {Section} here
 * @param {{ width: number, height: number }} size
 * @param {() => void} drawAgain
 */
export function nameAll(here, size, drawAgain) {
  const { cost: unit, against: cost } = here.chosen;
  const shown = `${unit} ${cost}`;
  const key = `${here.model} ${shown} ${size.width} ${size.height}`;
  const drawing = here.drawn.frontier;
  // Until those for this size are there, the names of the last size are nearly right.
  if (here.names?.shown === shown) {
    drawing.layout.annotations = [
      ...(drawing.layout.annotations ?? []),
      ...grown(dressed(here.names.found, here.ink), growth()),
    ];
  }
  if (here.names?.key === key) return;
  clearTimeout(settling);
  settling = setTimeout(async () => {
    // Python counts in letters of the usual size.
    const board = { width: size.width / growth(), height: size.height / growth() };
    const found = await askServer(here.given.server, "names", { unit, cost, ...board }).catch(() => []);
    if (`${here.chosen.cost} ${here.chosen.against}` !== shown || !key.startsWith(`${here.model} `)) return;
    here.names = { key, shown, found };
    drawAgain();
  }, here.names ? SETTLED : 0);
}
