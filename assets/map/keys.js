// The map by keyboard: zoom, move, whole map.

/** What a key does to the ranges of a map: how much narrower they get, and how far they move. */
const MOVES = /** @type {Record<string, { by: number, step: number[] }>} */ ({
  "+": { by: 0.8, step: [0, 0] },
  "=": { by: 0.8, step: [0, 0] },
  "-": { by: 1.25, step: [0, 0] },
  ArrowLeft: { by: 1, step: [-0.15, 0] },
  ArrowRight: { by: 1, step: [0.15, 0] },
  ArrowUp: { by: 1, step: [0, 0.15] },
  ArrowDown: { by: 1, step: [0, -0.15] },
});

/**
 * @param {number[][]} ranges of the map's axes
 * @param {string} key as a keyboard event names it
 * @returns {number[][] | null} the ranges then; null where the key does nothing
 */
export function moved(ranges, key) {
  const move = MOVES[key];
  if (!move) return null;
  return ranges.map(([low, high], axis) => {
    const [middle, half] = [(low + high) / 2, (high - low) / 2];
    const centre = middle + 2 * half * move.step[axis];
    return [centre - half * move.by, centre + half * move.by];
  });
}
