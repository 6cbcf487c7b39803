// The table of results: sorting, the two ways to count refusals, details, and files to take away.
// Listens on the document, because the table is written anew when the model changes.
(() => {
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const WORDS = { none: "in their first order", ascending: "lowest first", descending: "highest first" };

  // A value of a block of rows; texts only in the column of names.
  function value(body, column, by) {
    if (column === "label") return body.dataset.label;
    const found = body.getAttribute(`data-${column}`) ?? body.getAttribute(`data-${column}-${by}`);
    return found === null ? null : Number(found);
  }

  function compare(one, other, sign) {
    // What was not measured comes last, whichever way the rest is sorted.
    if (one === null || other === null) return (one === null) - (other === null);
    const order = typeof one === "string" ? one.localeCompare(other) : one - other;
    return sign * order;
  }

  function arrange(section) {
    const heads = [...section.querySelectorAll("th[aria-sort]")];
    const head = heads.find((each) => each.getAttribute("aria-sort") !== "none");
    const column = head?.querySelector("[data-sort]").dataset.sort;
    const sign = head?.getAttribute("aria-sort") === "descending" ? -1 : 1;
    const bodies = [...section.querySelectorAll("tbody")];
    bodies.sort((one, other) => {
      const first = one.dataset.order - other.dataset.order;
      if (!column) return first;
      const [a, b] = [one, other].map((body) => value(body, column, section.dataset.by));
      return compare(a, b, sign) || first;
    });
    section.querySelector("table").append(...bodies);
  }

  function sort(section, button) {
    const head = button.closest("th");
    const next = NEXT[head.getAttribute("aria-sort")];
    for (const each of section.querySelectorAll("th[aria-sort]")) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", next);
    arrange(section);
    section.querySelector('[role="status"]').textContent = `Rows by ${button.textContent}, ${WORDS[next]}.`;
  }

  function count(section, button) {
    section.dataset.by = button.dataset.by;
    for (const each of section.querySelectorAll("button[data-by]")) {
      each.setAttribute("aria-pressed", String(each === button));
    }
    arrange(section);
  }

  function open(section, button) {
    const shown = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(shown));
    const name = button.dataset.opens;
    const details = section.querySelector(`[id="${name}"]`);
    if (details) {
      details.hidden = !shown;
      return;
    }
    for (const row of button.closest("tbody").querySelectorAll("tr:not(.group)")) {
      // Closing all also closes what each had open.
      row.hidden = !shown || row.classList.contains("details");
      row.querySelector("[data-opens]")?.setAttribute("aria-expanded", "false");
    }
  }

  const TYPES = { csv: "text/csv", md: "text/markdown", json: "application/json" };
  function save(section, kind) {
    const files = JSON.parse(section.querySelector(".files template").content.textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([files[kind]], { type: `${TYPES[kind]};charset=utf-8` }));
    link.download = `${files.name}.${kind}`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".results button");
    const section = button?.closest(".results");
    if (!section) return;
    const { sort: column, by, opens, file } = button.dataset;
    if (column) sort(section, button);
    else if (by) count(section, button);
    else if (opens) open(section, button);
    else if (file) save(section, file);
  });
})();
