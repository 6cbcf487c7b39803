// The view of tokens: how each looks to the map, from harmful to harmless.
import { add, one } from "../shared/dom.js";
import { apart, beginsRight, signed } from "./text.js";
import { at, part } from "./state.js";

/**
 * @typedef {import("./state.js").Section} Section
 * @typedef {import("./state.js").Panel} Panel
 */

/**
 * @param {import("./state.js").Tokens} tokens
 * @param {number} i index of a token
 * @returns {string | undefined} the part that begins with it
 */
export const begins = ({ template, answer }, i) =>
  ({ 0: "request", [template]: "template", [answer]: "answer" })[i];

/**
 * @param {HTMLElement} item
 * @param {string} title of the panel
 * @param {string} name of the part
 * @param {boolean} right whether the request runs from right to left
 */
function lineOf(item, title, name, right) {
  add(item, "small", "", name);
  const line = add(item, "p", `line of-${name}`);
  // Tokens may be parts of letters, which have no direction; the request has its own.
  line.dir = name === "request" && right ? "rtl" : "auto";
  line.setAttribute("translate", "no");
  line.setAttribute("role", "list");
  line.setAttribute("aria-label", `${title}: ${name}`);
  return line;
}

/**
 * @param {HTMLElement} line
 * @param {string} token
 * @param {number} t
 * @param {boolean} read whether the map reads this one
 */
function write(line, token, t, read) {
  const made = add(line, "span", "tok", token.replace(/\n/g, "⏎"));
  made.setAttribute("role", "listitem");
  made.title = `“${token === "" ? "part of the next sign" : apart(token.trim() || "space")}”: t = ${signed(t)}`;
  made.setAttribute("aria-label", made.title);
  // Full colour at half a distance beyond either mean.
  made.style.setProperty("--tint", `var(--${t < 0.5 ? "harmful" : "harmless"})`);
  made.style.setProperty("--strength", Math.min(1, Math.abs(t - 0.5)).toFixed(2));
  made.classList.toggle("read", read);
  add(line, "wbr");
}

/** @param {Section} here */
export function words(here) {
  const box = part(here, "words");
  box.replaceChildren();
  add(box, "p", "tokens-said", at(here).said.tokens);
  const right = beginsRight(here.placed.prompt ?? "");
  for (const { slot, title, tokens } of here.placed.panels) {
    const item = add(box, "section", `card-${slot}`);
    item.append(one(`li[data-slot="${slot}"] svg`, here.root).cloneNode(true));
    add(item, "h3", "", title);
    let line = item;
    tokens.texts.forEach((token, i) => {
      const name = begins(tokens, i);
      if (name) line = lineOf(item, title, name, right);
      write(line, token, tokens.t[here.chosen.layer][i], i === tokens.read);
    });
  }
}
