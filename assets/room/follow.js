// A participant's page: asks what is new, shows it or keeps it for later, and says so in the bar.
import { withHash } from "../shared/address.js";
import { one, touched, write } from "../shared/dom.js";
import { askServer } from "../shared/server.js";
import { hasAnswers, restore, showParts } from "./screen.js";
import { barWords, patience } from "./words.js";

/**
 * @typedef {object} Here
 * @property {Given["server"]} server
 * @property {() => void} sit tells Python in which room this page is
 * @property {(pins: { count: number, html: string }) => void} pin
 * @property {string} name of the room
 * @property {string} person
 * @property {"follow" | "explore" | "gone" | "lost"} state
 * @property {boolean} alone whether the visitor wants to be
 * @property {import("./screen.js").Parts} parts all that the presenter shows
 * @property {number} known version of them
 * @property {number} opened the number of the room
 * @property {number} failures
 * @property {boolean} safe whether the safe display was switched on
 */

const root = document.documentElement;
const LATER = 5000; // milliseconds between two looks for a room that is not there

/** @returns {string} a word that is nobody's; crypto.randomUUID needs https */
const anybody = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join("");

/** @param {string} name */
const part = (name) => one(`#room-bar [data-place="${name}"]`);

/** @param {Here} here @param {boolean} [news] */
function tell(here, news) {
  const { state, alone, name } = here;
  root.dataset.room = state === "lost" ? (alone ? "explore" : "follow") : state;
  root.toggleAttribute("data-room-lost", state === "lost");
  write(part("name"), name);
  write(part("said"), barWords(state, "request" in here.parts));
  part("explore").hidden = state === "gone" || alone;
  part("back").hidden = state === "gone" || !alone;
  if (news !== undefined) one(".news", part("back")).hidden = !news;
}

/** @param {Here} here */
function show(here) {
  if (!here.safe && document.querySelector("[data-safe]")) {
    window.steering.keepSafe(true); // a room looks on; whoever wants to see more can lift it
    here.safe = true;
  }
  showParts(here.parts);
}

/** @param {Here} here */
function follow(here) {
  here.alone = false;
  here.state = "follow";
  tell(here, false);
  show(here);
}

/** @param {Here} here */
function explore(here) {
  const first = !hasAnswers();
  here.alone = true;
  here.state = "explore";
  restore();
  tell(here, false);
  // Who has nothing of their own yet goes on from what the presenter shows.
  if (!first || !here.parts.address) return;
  history.replaceState(null, "", withHash(here.parts.address));
  window.steering.link.open();
}

/** @param {Here} here */
function lose(here) {
  if (here.state === "gone") return;
  Object.assign(here, { state: "gone", parts: {}, known: 0, opened: 0 });
  restore();
  here.pin({ count: 0, html: "" });
  tell(here, false);
  window.steering.place();
}

/** @param {Here} here @param {any} told */
function take(here, told) {
  if (told.opened !== here.opened) {
    // Another room of this name: nothing of the last one is shown, and Python does not know this page.
    Object.assign(here, { opened: told.opened, parts: {} });
    restore();
    here.sit();
  }
  Object.assign(here.parts, told.parts);
  here.known = told.version;
  here.state = here.alone ? "explore" : "follow";
  const news = Object.keys(told.parts).length > 0;
  tell(here, here.alone && news ? true : undefined);
  if (told.pins) here.pin(told.pins);
  if (!here.alone) show(here);
}

/** @param {Here} here @returns {Promise<number>} milliseconds until the next look */
async function look(here) {
  const { server, name, person, known, alone } = here;
  const told = await askServer(server, "look", { room: name, person, known, exploring: alone }).catch(() => null);
  if (!told) {
    here.failures += 1;
    // One answer may get lost; two in a row are said.
    if (here.failures > 1 && here.state !== "gone") {
      here.state = "lost";
      tell(here);
    }
    return patience(here.failures);
  }
  here.failures = 0;
  if (told.there) take(here, told);
  else lose(here);
  return told.there ? told.wait : LATER;
}

/** Keeps a page that follows from asking the model, by whatever key or button. */
function guard() {
  const stop = (/** @type {Event} */ event) => {
    if (root.dataset.room !== "follow") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const ways = "#run, #reset, #follow, .example, .card .switch, [data-ask], .tour [data-part=show]";
  addEventListener("click", (event) => touched(event, ways) && stop(event), true);
  addEventListener("keydown", (event) => event.key === "Enter" && touched(event, "#request") && stop(event), true);
}

/**
 * Begins to follow.
 * @param {Pick<Here, "server" | "sit" | "pin" | "name">} given
 */
export function startFollowing(given) {
  /** @type {Here} */
  const here = {
    ...given,
    ...{ person: anybody(), state: "follow", alone: false, parts: {}, known: 0, opened: 0, failures: 0, safe: false },
  };
  guard();
  document.addEventListener("click", (event) => {
    if (touched(event, '[data-place="explore"]')) explore(here);
    if (touched(event, '[data-place="back"]')) follow(here);
  });
  tell(here, false);
  const again = async () => void setTimeout(again, await look(here));
  addEventListener("online", () => (here.failures = 0));
  again();
}
