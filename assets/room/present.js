// The presenter's drawer: links to hand out, who is there, and what the room tried.
import { outside } from "../shared/address.js";
import { download, one, touched, write } from "../shared/dom.js";
import { askServer } from "../shared/server.js";
import { showCode } from "./code.js";
import { addressOf, keepKey } from "./entry.js";
import { countWords, isOwn, patience } from "./words.js";

/**
 * @typedef {object} Lead
 * @property {HTMLElement} root of the drawer
 * @property {Given["server"]} server
 * @property {() => void} sit tells Python in which room this page is
 * @property {string} name
 * @property {string} key
 * @property {number} known version of the table
 * @property {number} failures
 * @property {boolean} over
 */

const LOOK = 1500; // milliseconds between two looks of a presenter's page (chosen)
const page = document.documentElement;

/** @param {Lead} lead @param {string} name */
const part = (lead, name) => one(`[data-place="${name}"]`, lead.root);

/** @param {Lead} lead @param {string} words */
function problem(lead, words) {
  const said = part(lead, "problem");
  write(said, words);
  said.hidden = !words;
}

/** @param {Lead} lead @param {string} question @param {object} [more] */
async function ask(lead, question, more = {}) {
  const { server, name: room, key } = lead;
  const told = await askServer(server, question, { room, key, ...more }).catch(() => null);
  problem(lead, told ? (told.problem ?? "") : "No connection. This page tries again by itself.");
  return told && !told.problem ? told : null;
}

/** @param {Lead} lead @param {any} told */
function show(lead, told) {
  write(part(lead, "count"), countWords(told.here, told.exploring));
  write(one('[data-drawer="room"]'), `Room: ${told.here}`);
  if (told.rows === undefined) return;
  lead.known = told.version;
  part(lead, "tried").innerHTML = told.rows; // made by the server's own templates
  part(lead, "nothing").hidden = told.tried > 0;
}

/** @param {Lead} lead @returns {Promise<number>} milliseconds until the next look */
async function watch(lead) {
  const { server, name: room, key, known } = lead;
  const told = await askServer(server, "watch", { room, key, known }).catch(() => null);
  if (lead.over) return 0;
  if (!told) {
    lead.failures += 1;
    if (lead.failures > 1) problem(lead, "No connection. This page tries again by itself.");
    return patience(lead.failures);
  }
  if (told.problem) {
    leave(lead);
    problem(lead, told.problem);
    return 0;
  }
  if (lead.failures) problem(lead, "");
  lead.failures = 0;
  show(lead, told);
  return LOOK;
}

/** @param {Lead} lead */
function leave(lead) {
  lead.over = true;
  keepKey(lead.name, "");
  history.replaceState(null, "", outside(location.href));
  delete page.dataset.room;
  lead.root.dataset.state = "closed";
  write(one('[data-drawer="room"]'), "Room");
  part(lead, "tried").replaceChildren();
}

/** @param {Lead} lead @param {HTMLElement} button */
async function end(lead, button) {
  // Asked twice: nothing of the room can be had back.
  if (button.dataset.sure) {
    if (await ask(lead, "end")) leave(lead);
  }
  const sure = !button.dataset.sure && !lead.over;
  if (sure) button.dataset.sure = "yes";
  else delete button.dataset.sure;
  write(button, sure ? "Really end it? Its table goes, too" : "End the room");
}

/** @param {Lead} lead */
async function code(lead) {
  const link = addressOf(lead.name);
  const told = await ask(lead, "code", { link });
  if (told) showCode(one("dialog", lead.root), told.svg, link);
}

/** @param {Lead} lead @param {HTMLElement} button */
async function press(lead, button) {
  const row = /** @type {HTMLElement | null} */ (button.closest("[data-row]"))?.dataset.row;
  if (button.dataset.mark) {
    const marked = await ask(lead, "mark", { row: Number(row), mark: button.dataset.mark });
    const told = marked && (await ask(lead, "watch", { known: lead.known }));
    if (told) show(lead, told);
  } else if (button.dataset.place === "csv") {
    const told = await ask(lead, "table");
    if (told) download(told.csv, "text/csv", `room-${lead.name}.csv`);
  } else if (button.dataset.place === "code") {
    await code(lead);
  } else if (button.dataset.place === "end") {
    await end(lead, button);
  }
}

/**
 * Leads a room.
 * @param {Pick<Lead, "root" | "server" | "sit" | "name" | "key">} given
 */
export function startLeading(given) {
  /** @type {Lead} */
  const lead = { ...given, known: 0, failures: 0, over: false };
  page.dataset.room = "lead";
  lead.root.dataset.state = "leads";
  problem(lead, "");
  const links = { link: addressOf(lead.name), "key-link": addressOf(lead.name, lead.key) };
  write(part(lead, "title"), lead.name);
  write(part(lead, "link"), links.link);
  for (const [name, address] of Object.entries(links)) part(lead, `copy-${name}`).dataset.copy = address;
  part(lead, "own-host").hidden = !isOwn(location.hostname);
  lead.root.addEventListener("click", (event) => {
    const button = touched(event, "[data-mark], [data-place=csv], [data-place=code], [data-place=end]");
    if (button && !lead.over) press(lead, button);
  });
  lead.sit();
  const again = async () => {
    const wait = await watch(lead);
    if (!lead.over) setTimeout(again, wait);
  };
  again();
}
