// What came of a step: which of its parts are done, and whether it is solved.

/**
 * @typedef {"open" | "solved" | "stuck" | "lacks" | "unrecorded"} State
 * @typedef {{ state: State, parts: boolean[], tried: [string, string][] }} Outcome `tried`: settings, and
 *   what came of them: `declined`, `answered`, `other` or nothing
 */

/** @param {boolean[]} parts @param {boolean} stuck @param {[string, string][]} [tried] @returns {Outcome} */
export function outcome(parts, stuck, tried = []) {
  return { state: parts.every(Boolean) ? "solved" : stuck ? "stuck" : "open", parts, tried };
}
