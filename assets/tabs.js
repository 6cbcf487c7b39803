// The tabs. Which one is open stands in the page's address and on the root element, where the style
// sheet reads it: panels that are not open are hidden, never taken away.
window.steering.tabs = (() => {
  const NAMES = ["playground", "dose", "results"];
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const aim = () => decodeURIComponent(location.hash.slice(1));

  // Tells those who do not see it; the bar calls it as soon as it is there.
  function tell() {
    for (const tab of all("#tabs [role=tab]")) {
      const open = tab.dataset.tab === root.dataset.tab;
      tab.setAttribute("aria-selected", String(open));
      tab.tabIndex = open ? 0 : -1;
      const panel = document.getElementById(`panel-${tab.dataset.tab}`);
      panel?.setAttribute("role", "tabpanel");
      panel?.setAttribute("aria-labelledby", tab.id);
    }
  }

  function open(name) {
    root.dataset.tab = name;
    tell();
  }

  // Any other hash names a place in some panel, as “How it works” does.
  function follow() {
    const hash = aim();
    if (NAMES.includes(hash) || !hash) return open(hash || NAMES[0]);
    const place = document.getElementById(hash);
    const panel = place?.closest(".tab-panel");
    if (panel) open(panel.id.replace("panel-", ""));
    place?.scrollIntoView();
  }

  function choose(name, { focus = true } = {}) {
    if (aim() !== name) history.pushState(null, "", `#${name}`);
    open(name);
    if (focus) document.getElementById(`tab-${name}`)?.focus({ preventScroll: true });
    document.getElementById("tabs")?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    const name = link?.getAttribute("href").slice(1);
    if (!NAMES.includes(name) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(name);
  });

  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("#tabs [role=tab]");
    if (!tab) return;
    const here = NAMES.indexOf(tab.dataset.tab);
    const last = NAMES.length - 1;
    const next = {
      ArrowRight: here === last ? 0 : here + 1, ArrowLeft: here === 0 ? last : here - 1, Home: 0, End: last, " ": here,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(NAMES[next]);
  });

  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  // Before the page is drawn, so that a link to a tab never shows another one first.
  root.dataset.tab = NAMES.includes(aim()) ? aim() : NAMES[0];
  return { tell, choose, follow };
})();
