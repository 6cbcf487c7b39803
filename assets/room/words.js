// What the room says, as pure functions.

/**
 * @param {"follow" | "explore" | "gone" | "lost"} state
 * @param {boolean} shown whether the presenter has shown anything
 * @returns {string} what the bar says
 */
export function barWords(state, shown) {
  if (state === "lost") return "No connection. This page tries again by itself.";
  if (state === "gone") return "This room has ended or has not begun. The page is yours; it joins when the room opens.";
  if (state === "explore") {
    return "You are on your own. The presenter sees what you run here: request, settings and verdicts, no name.";
  }
  return shown ? "You follow the presenter." : "You follow the presenter, who has not shown anything yet.";
}

/**
 * @param {number} here participants
 * @param {number} exploring those of them who are on their own
 * @returns {string}
 */
export function countWords(here, exploring) {
  const people = here === 1 ? "1 participant is here" : `${here} participants are here`;
  if (!here) return "Nobody is here yet.";
  return `${people}: ${here - exploring} following, ${exploring} exploring.`;
}

/**
 * @param {number} failures looks in a row that got no answer
 * @returns {number} milliseconds until the next one
 */
export const patience = (failures) => Math.min(5000, 700 * 2 ** Math.max(0, failures - 1));

/**
 * @param {string} host of an address
 * @returns {boolean} whether other machines cannot reach it
 */
export const isOwn = (host) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
