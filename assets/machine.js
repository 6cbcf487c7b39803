// How directions and maps serve on the machine that runs the model: what was checked, layer by layer,
// and the button that fits them for it. Python measures (steering/ui/adaptation.py); here it is told.
function steeringMachine({ root, server, layer, mine, moved, again }) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const BUSY = 1500; // milliseconds between two questions while something goes on
  const CALM = 20_000;

  let told = null;
  let timer = 0;
  let asked = 0;
  let followed = null; // the maps that the page was last told to follow to

  const busy = () => !told || ["none", "checking"].includes(told.state) || told.fit.phase === "running";

  async function ask() {
    const number = ++asked;
    const found = document.hidden ? null : await window.steering.ask(server, "machine").catch(() => null);
    if (number !== asked) return; // asked again meanwhile: that answer is the newer one
    const before = told;
    told = found ?? told;
    tell();
    clearTimeout(timer);
    timer = setTimeout(ask, busy() ? BUSY : CALM);
    if (found && before) follow(before);
  }

  function follow(before) {
    // Other maps than this page shows: fitted here or found in the cache, of another mode or model.
    if (told.maps_id !== mine() && told.maps_id !== followed) {
      followed = told.maps_id;
      again();
    }
    // Maps that were moved by a mean shift put the request in another place.
    const usable = told.layers.some(({ verdict }) => verdict === "usable");
    if (before.state !== "done" && told.state === "done" && usable) moved();
  }

  function words() {
    const { fit } = told;
    if (fit.phase === "running") return fit.sentence + (fit.amount ? `: ${fit.amount}` : " …");
    // What the last fit came to, and how things are: one does not hide the other.
    const ended = ["failed", "done"].includes(fit.phase) ? fit.sentence : "";
    return [ended, finding()].filter(Boolean).join(" ");
  }

  function finding() {
    const { state, here, fitted, cost, remedy } = told;
    if (state === "unfitted") return `This model has no directions and no maps yet. ${cost || remedy}`;
    if (state === "checking") return "Checking how these maps serve on this machine …";
    const found = told.layers.find((each) => each.layer === layer());
    if (state !== "done" || !found) return "";
    const where = here === fitted ? "Checked on this machine" : `Maps fitted in ${fitted}, computed here in ${here}`;
    return `${where}: ${found.sentence}.`;
  }

  // What can be done about a layer that does not serve.
  function help() {
    const later = told.layers.some((each) => each.layer > layer() && each.verdict !== "unusable");
    const ways = [later && "choose a later layer", told.fit.can && "fit the maps"].filter(Boolean);
    return ways.length ? `Greyed out here; ${ways.join(", or ")}.` : "Greyed out here.";
  }

  function tell() {
    const found = told?.layers.find((each) => each.layer === layer());
    const useless = told?.state === "done" && found?.verdict === "unusable";
    root.dataset.serves = useless ? "no" : "yes";
    if (!told) return;
    const line = part("machine-words");
    const said = words() + (useless && told.fit.phase !== "running" ? ` ${help()}` : "");
    if (line.textContent !== said) line.textContent = said;
    line.title = told.directions ?? "";
    line.dataset.verdict = found?.verdict ?? "";
    const running = told.fit.phase === "running";
    const same = told.layers.length && told.layers.every(({ verdict }) => verdict === "same");
    const button = part("fit");
    button.hidden = !told.fit.can || running || !["done", "unfitted", "unchecked"].includes(told.state) || (same && told.here === told.fitted);
    const name = told.state === "unfitted" ? "Fit directions and maps" : "Fit the maps for this machine";
    if (button.textContent !== name) button.textContent = name;
    const bar = part("fit-bar");
    bar.hidden = !running;
    if (told.fit.total) bar.value = told.fit.done / told.fit.total;
    else bar.removeAttribute("value");
  }

  part("fit").addEventListener("click", async () => {
    part("fit").hidden = true;
    // Whether it has begun or not: what is told next says so, and shows the button again or not.
    await window.steering.ask(server, "fit").catch(() => null);
    ask();
  });
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
  return { tell, ask };
}
