// Number fields. Gradio hands every keystroke to the server, and at the end makes of an empty field a
// zero. Here a field is heard only while it holds a number that is allowed; when typing ends, what is
// not is brought to the nearest that is, or back to the last one.
window.steering.numbers = (() => {
  const FIELD = ".gradio-container input[type=number]";
  const DIGITS = 10; // decimals kept, as in steering/ui/typed.py
  const kept = new WeakMap(); // the last text of each field that was a number
  let own = false; // an event that was made here
  let inserting = false; // an insertion that was made here
  let heard = false; // whether the last insertion changed a field

  const field = (event) => event.target?.closest?.(FIELD);
  const whole = (box) => Number.isInteger(Number(box.step || "any"));
  function ends(box) {
    const [low, high] = [box.min, box.max].map((end) => (end === "" ? NaN : Number(end)));
    // Beyond this, a browser cannot tell whole numbers apart.
    const most = Number.MAX_SAFE_INTEGER;
    return [Number.isNaN(low) ? -most : low, Number.isNaN(high) ? most : high];
  }

  function fits(box) {
    const value = Number(box.value);
    const [low, high] = ends(box);
    return box.value !== "" && low <= value && value <= high && (!whole(box) || Number.isInteger(value));
  }

  // Read for those who do not see the colour, too.
  function mark(box, wrong) {
    if (wrong === (box.getAttribute("aria-invalid") === "true")) return;
    const [low, high] = ends(box);
    box.setAttribute("aria-invalid", String(wrong));
    box.title = wrong ? `${whole(box) ? "a whole number" : "a number"} from ${low} to ${high}` : "";
  }

  function put(box, value) {
    box.value = value;
    own = true;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    own = false;
    keep(box);
  }

  function keep(box) {
    if (!fits(box)) return;
    kept.set(box, box.value);
    mark(box, false);
  }

  function last(box) {
    const slider = box.closest(".block")?.querySelector("input[type=range]");
    return kept.get(box) ?? slider?.value ?? box.min ?? "0";
  }

  function settle(box) {
    const value = Number(box.value);
    if (box.value === "" || !Number.isFinite(value)) return put(box, last(box));
    const [low, high] = ends(box);
    const near = Math.min(high, Math.max(low, whole(box) ? Math.round(value) : Number(value.toFixed(DIGITS))));
    if (near !== value) put(box, String(near));
    else keep(box);
  }

  // What people write for numbers, as a number field takes it; null if it is no part of a number.
  function plain(text) {
    // These blocks of digits begin at codes that end in 0: Arabic, Persian, full width.
    const digits = text.replace(/[٠-٩۰-۹０-９]/g, (digit) => digit.codePointAt(0) & 0xf);
    const written = digits.trim().replace(/[−–]/g, "-").replace(/[,٫，]/g, ".");
    return /^[-+.\deE]*$/.test(written) && written.split(".").length < 3 ? written : null;
  }

  // Tells whether the browser took it; a browser of another language drops a comma without a word.
  function insert(text) {
    heard = false;
    inserting = true;
    document.execCommand("insertText", false, text);
    inserting = false;
    return heard;
  }

  addEventListener("beforeinput", (event) => {
    const box = field(event);
    const text = event.data ?? event.dataTransfer?.getData("text/plain");
    if (!box || !text || inserting) return;
    const meant = plain(text);
    if (meant === text) return;
    event.preventDefault();
    if (meant === null) mark(box, true);
    else if (text.length > 1 || !insert(text)) insert(meant);
  }, true);

  addEventListener("input", (event) => {
    const box = field(event);
    if (!box || own) return;
    heard = true;
    if (fits(box)) keep(box);
    else {
      mark(box, true);
      event.stopImmediatePropagation(); // neither Gradio nor the server sees it
    }
  }, true);

  addEventListener("focusin", (event) => field(event) && keep(field(event)), true);
  addEventListener("blur", (event) => field(event) && settle(field(event)), true);
  addEventListener("keydown", (event) => event.key === "Enter" && field(event) && settle(field(event)), true);
  return { plain };
})();
