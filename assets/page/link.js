// The address that holds what a visitor has set. It is written when somebody asks for it, not before: a
// request is its visitor's own, and what stands in the address stays in the browser's history.
import { outside, withHash } from "../shared/address.js";
import { all, touched } from "../shared/dom.js";

/**
 * @param {string} selector
 * @returns {string} what a field holds
 */
function held(selector) {
  const field = document.querySelector(selector);
  const writes = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
  return writes ? field.value : "";
}

/**
 * @param {[string, string][]} parts
 * @param {string} tab
 * @returns {string} all that stands behind the #; panels keep their signs, so that people can read them
 */
export function written(parts, tab) {
  const said = parts.filter(([, value]) => value !== "");
  const pairs = said.map(([name, value]) => {
    const coded = encodeURIComponent(value).replace(/%20/g, "+");
    return `${name}=${coded.replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%3D/g, "=")}`;
  });
  return [tab, ...pairs].join("&");
}

/** @returns {[string, string][]} */
function cards() {
  return all(".card").flatMap((card) => {
    const box = card.querySelector(".switch input");
    const form = /** @type {HTMLElement | null} */ (card.querySelector("[data-copy]"))?.dataset.copy ?? "";
    if (!form || (box instanceof HTMLInputElement && !box.checked)) return [];
    return [/** @type {[string, string]} */ ([card.id === "card-own" ? "own" : "panel", form])];
  });
}

/** @returns {[string, string][]} */
function map() {
  const atlas = /** @type {HTMLElement | null} */ (document.querySelector(".atlas"));
  if (atlas?.dataset.state !== "there") return [];
  const kind = /** @type {HTMLElement | null} */ (
    atlas.querySelector('[data-part="maps"] [aria-pressed="true"]')
  );
  const slider = /** @type {HTMLElement | null} */ (atlas.querySelector('[data-part="layer"]'));
  return [
    ["view", atlas.dataset.view ?? ""],
    ["map", kind?.dataset.value ?? ""],
    ["layer", slider?.dataset.layer ?? ""],
  ];
}

function address() {
  const strip = /** @type {HTMLElement | null} */ (document.querySelector(".strip"));
  return written(
    [
      ["request", held("#request textarea")],
      ["system", held("#system textarea, #system input")],
      ...cards(),
      ["tokens", held("#length input[type=number]")],
      ["temperature", held("#temperature input[type=number]")],
      ["top_p", held("#top-p input[type=number]")],
      ["seed", held("#seed input")],
      ["model", strip?.dataset.model ?? ""],
      ...map(),
    ],
    document.documentElement.dataset.tab ?? "",
  );
}

/**
 * @param {string} run answers with all that made them, packed
 * @returns {string} a link that shows them; it is not put into the address, where a reload would open it
 */
export function linkWith(run) {
  const found = new URL(outside(location.href)); // whoever opens it later is in no room
  found.hash = written([["run", run], ...map()], "playground");
  return found.href;
}

/** @returns {string} all that stands behind the # */
export function readLink() {
  return location.hash.slice(1);
}

/** Waits for the map, then sets it as a link says. */
function openMap() {
  const parts = new URLSearchParams(readLink().split("&").slice(1).join("&"));
  const atlas = /** @type {HTMLElement | null} */ (document.querySelector(".atlas"));
  if (!atlas || !["view", "map", "layer"].some((name) => parts.has(name))) return;
  const set = () => {
    for (const [name, group] of [["view", "views"], ["map", "maps"]]) {
      const value = parts.get(name) ?? "";
      const button = all(`[data-part="${group}"] button`, atlas).find((each) => each.dataset.value === value);
      button?.click();
    }
    const slider = /** @type {HTMLInputElement | null} */ (atlas.querySelector('[data-part="layer"]'));
    const index = slider?.dataset.layers?.split(",").indexOf(parts.get("layer") ?? "") ?? -1;
    if (!slider || index < 0) return;
    slider.value = String(index);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  if (atlas.dataset.state === "there") return set();
  const eye = new MutationObserver(() => {
    if (atlas.dataset.state !== "there") return;
    eye.disconnect();
    set();
  });
  eye.observe(atlas, { attributes: true, attributeFilter: ["data-state"] });
}

/** Opens what the address holds, if it holds more than a tab. */
export function openLink() {
  if (!readLink().includes("&")) return;
  /** @type {HTMLElement | null} */ (document.querySelector("#open-link"))?.click();
  openMap();
}

/** Begins to listen; before copying does, which takes what is written here. */
export function listenForLinks() {
  document.addEventListener(
    "click",
    (event) => {
      const button = touched(event, "[data-link]");
      if (!button) return;
      history.replaceState(null, "", withHash(address()));
      button.dataset.copy = outside(location.href); // whoever opens it later is in no room
    },
    true,
  );
  addEventListener("hashchange", openLink);
}
