// What runs before anything is shown, and what Gradio's events and the other scripts call.
import { address, plotly } from "./files.js";
import { followCards } from "./cards.js";
import { listenForComparing } from "./compare.js";
import { listenForCopying } from "./copying.js";
import { listenForDots } from "./dots.js";
import { listenForDrawers } from "./drawers.js";
import { followFolds } from "./folds.js";
import { listenForKeys } from "./keys.js";
import { listenForLinks, openLink, readLink } from "./link.js";
import { listenForNumbers } from "./numbers.js";
import { calm, moved, place } from "./live.js";
import { followPace } from "./pace.js";
import { listenForPresenting } from "./present.js";
import { listenForResults } from "./results.js";
import { arrive, listenForTabs, tell } from "./tabs.js";
import { onceSeen } from "../shared/dom.js";
import { followVeils, keepSafe } from "./veil.js";
import { followVerdicts } from "./verdicts.js";
import { enterRoom } from "../room/entry.js";

/** Begins; a page calls it once. */
export function start() {
  const link = { open: openLink, read: readLink };
  window.steering = { moved, calm, place, address, plotly, tabs: { tell, arrive }, onceSeen, link, keepSafe };
  enterRoom();
  listenForTabs();
  listenForNumbers();
  listenForLinks();
  listenForCopying();
  listenForResults();
  listenForDots();
  listenForDrawers();
  listenForKeys();
  listenForComparing();
  listenForPresenting();
  followCards();
  followVerdicts();
  followVeils();
  followFolds();
  followPace();
}
