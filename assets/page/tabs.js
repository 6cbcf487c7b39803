// The tabs. Which one is open stands in the page's address and on the root element, where the style
// sheet reads it: panels that are not open are hidden, never taken away.
import { withHash } from "../shared/address.js";
import { all, touched } from "../shared/dom.js";
import { close, openPage } from "./drawers.js";

export const NAMES = ["playground", "dose", "results", "anatomy", "contrast"];
const DRAWERS = ["lesson", "settings", "room"];
const root = document.documentElement;
// Behind the first & stand the parts of a link, see link.js.
const aim = () => decodeURIComponent(location.hash.slice(1).split("&")[0]);

/** Tells those who do not see it which tab is open; the bar calls it as soon as it is there. */
export function tell() {
  for (const tab of all("#tabs [role=tab]")) {
    const open = tab.dataset.tab === root.dataset.tab;
    tab.setAttribute("aria-selected", String(open));
    tab.tabIndex = open ? 0 : -1;
    const panel = document.getElementById(`panel-${tab.dataset.tab}`);
    panel?.setAttribute("role", "tabpanel");
    panel?.setAttribute("aria-labelledby", tab.id);
  }
}

/** @param {string} name */
function show(name) {
  root.dataset.tab = name;
  tell();
}

// Any other hash names a drawer, as #lesson does, or a place in some panel.
function follow() {
  const hash = aim();
  if (NAMES.includes(hash) || !hash) return show(hash || NAMES[0]);
  if (DRAWERS.includes(hash)) return openPage(hash);
  const place = document.getElementById(hash);
  const panel = place?.closest(".tab-panel");
  if (panel) show(panel.id.replace("panel-", ""));
  place?.scrollIntoView();
}

/** Goes to the place in some panel that the address names; called when it may have come. */
export function arrive() {
  if (document.getElementById(aim())?.closest(".tab-panel")) follow();
}

/** @param {string} name */
function choose(name) {
  close();
  if (aim() !== name) history.pushState(null, "", withHash(name));
  show(name);
  document.getElementById(`tab-${name}`)?.focus({ preventScroll: true });
  document.getElementById("tabs")?.scrollIntoView({ block: "nearest" });
}

/**
 * @param {string} key as a keyboard event names it
 * @param {number} here index of the tab that has the focus
 * @param {number} count
 * @returns {number | undefined} index of the tab that the key goes to
 */
export function aimed(key, here, count) {
  const last = count - 1;
  /** @type {Record<string, number>} */
  const aims = {
    ArrowRight: here === last ? 0 : here + 1,
    ArrowLeft: here === 0 ? last : here - 1,
    Home: 0,
    End: last,
    " ": here,
  };
  return aims[key];
}

/** @param {MouseEvent} event */
function click(event) {
  const name = touched(event, "a[href^='#']")?.getAttribute("href")?.slice(1) ?? "";
  if (!NAMES.includes(name) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(name);
}

/** @param {KeyboardEvent} event */
function press(event) {
  const tab = touched(event, "#tabs [role=tab]");
  const next = tab && aimed(event.key, NAMES.indexOf(tab.dataset.tab ?? ""), NAMES.length);
  if (next === null || next === undefined) return;
  event.preventDefault();
  choose(NAMES[next]);
}

/** Begins, before the page is drawn, so that a link to a tab never shows another one first. */
export function listenForTabs() {
  document.addEventListener("click", click);
  document.addEventListener("keydown", press);
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  root.dataset.tab = NAMES.includes(aim()) ? aim() : NAMES[0];
}
