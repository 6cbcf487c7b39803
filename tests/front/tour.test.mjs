import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { check, settings, sided } from "../../assets/tour/checks.js";
import { filled, placeOf } from "../../assets/tour/draw.js";
import { INSIDE } from "../../assets/tour/inside.js";
import { languageOf } from "../../assets/tour/memory.js";
import { added, nothing, noting } from "../../assets/tour/seen.js";
import { nextRank, wanted } from "../../assets/tour/show.js";

const STEPS = JSON.parse(readFileSync(new URL("../../assets/tour/steps.json", import.meta.url), "utf-8"));
const step = (id) => STEPS.find((each) => each.id === id);
const KNOWN = {
  maps: true,
  defaults: {
    actadd: { c: 2, basis: "dim" },
    ablation: { alpha: 1 },
    nullspace: { k: 3, alpha: 1, basis: "inlp" },
    flip: { k: 3, alpha: 2, basis: "inlp" },
  },
  requests: { harmful: "H", harmless: "S", weaker: "W", lands: "L", borderline: "B" },
  views: ["harm", "decided", "wordings", "erasers", "cost"],
};
const answers = (...requests) => ({
  answers: Object.fromEntries(requests.map(([label, panels], index) => [String(index), { label, panels }])),
  places: {},
});
const places = (...found) => ({
  answers: {},
  places: Object.fromEntries(found.map(([before, form, t]) => [`${before}|${form}`, t])),
});
const state = (id, seen, known = KNOWN) => check(id, seen, known).state;

test("a text form has what it leaves to the model filled in", () => {
  assert.deepEqual(settings("flip", KNOWN).values, { k: 3, alpha: 2, basis: "inlp" });
  assert.equal(settings("flip:k=1,alpha=1.5", KNOWN).values.k, 1);
  assert.equal(settings("actadd:c=-1", KNOWN).values.c, -1);
  assert.deepEqual(settings("baseline", KNOWN), { name: "baseline", given: [], values: {} });
});

test("only what declines is a refusal, and only an answer is one", () => {
  assert.deepEqual(["refused", "refused_with_alternative"].map(sided), ["declined", "declined"]);
  assert.equal(sided("answered"), "answered");
  for (const verdict of ["hedged", "evaded", "not_judged", "empty", ""]) assert.equal(sided(verdict), "other");
});

test("nothing is solved before anything was seen", () => {
  for (const { id } of STEPS) {
    const found = check(id, nothing(), KNOWN);
    assert.equal(found.state, "open", id);
    assert.deepEqual(found.parts, [false, false], id);
  }
});

test("a refusal is seen with a harmful request that is refused and a harmless one that is answered", () => {
  const [refused, answered] = [{ baseline: "refused" }, { baseline: "answered" }];
  assert.equal(state("refusal", answers(["harmful", refused], ["harmless", answered])), "solved");
  assert.equal(state("refusal", answers(["harmful", refused])), "open");
  assert.equal(state("refusal", answers(["harmful", answered], ["harmless", answered])), "open");
  assert.equal(state("refusal", answers(["borderline", refused], ["harmless", answered])), "open");
  const never = answers(["harmful", answered], ["harmful", answered], ["harmless", answered]);
  assert.equal(state("refusal", never), "stuck");
});

test("ablation has to answer what the baseline refuses", () => {
  const one = (baseline, form, verdict) => answers(["harmful", { baseline, [form]: verdict }]);
  assert.equal(state("ablate", one("refused", "ablation", "answered")), "solved");
  assert.equal(state("ablate", one("answered", "ablation", "answered")), "open");
  assert.equal(state("ablate", one("refused", "flip", "answered")), "open");
  assert.equal(state("ablate", one("refused", "ablation:basis=random", "answered")), "open");
  const declined = ["harmful", { baseline: "refused", ablation: "refused" }];
  assert.equal(state("ablate", answers(declined)), "open");
  assert.equal(state("ablate", answers(declined, declined)), "stuck");
});

test("the smallest rank is known when all below it were tried with the same request", () => {
  const flips = (panels) => ["harmful", { baseline: "refused", ...panels }];
  const rest = { "flip:k=1": "refused", "flip:k=2": "refused" };
  assert.equal(state("rank", answers(flips({ ...rest, flip: "answered" }))), "solved");
  assert.equal(state("rank", answers(flips({ "flip:k=1": "answered" }))), "solved");
  assert.equal(state("rank", answers(flips({ flip: "answered" }))), "open");
  // Of another request, of another edit, with another alpha: none of these counts.
  assert.equal(state("rank", answers(flips({ flip: "answered" }), flips(rest))), "open");
  const nulls = { "nullspace:k=1": "refused", "nullspace:k=2": "refused", flip: "answered" };
  assert.equal(state("rank", answers(flips(nulls))), "open");
  assert.equal(state("rank", answers(flips({ "flip:k=1,alpha=1": "answered" }))), "open");
  assert.equal(state("rank", answers(flips({ "flip:k=1,where=all": "answered" }))), "open");
  const stuck = check("rank", answers(flips({ ...rest, flip: "refused" })), KNOWN);
  assert.equal(stuck.state, "stuck");
  assert.deepEqual(stuck.tried, [["k=1", "declined"], ["k=2", "declined"], ["k=3", "declined"]]);
});

test("nullspace is weaker where flipping answers at the same rank and it does not", () => {
  const both = (panels) => answers(["harmful", { baseline: "refused", ...panels }]);
  assert.equal(state("nullspace", both({ flip: "answered", nullspace: "refused" })), "solved");
  assert.equal(state("nullspace", both({ flip: "answered", "nullspace:k=2": "refused" })), "open");
  assert.equal(state("nullspace", both({ flip: "refused", nullspace: "answered" })), "open");
  const alike = { flip: "answered", nullspace: "answered", "flip:k=1": "refused", "nullspace:k=1": "refused" };
  assert.equal(state("nullspace", both(alike)), "stuck");
  const calm = answers(["harmful", { baseline: "answered", flip: "answered", nullspace: "refused" }]);
  assert.equal(state("nullspace", calm), "open");
});

test("a place is between or opposite by its alpha, from the harmful side", () => {
  const at = (form, t, before = -0.3) => places([before, form, t]);
  assert.equal(state("between", at("nullspace", 0.3)), "solved");
  assert.equal(state("between", at("flip:alpha=1", 0.5)), "solved");
  assert.equal(state("between", at("flip", 0.5)), "open");
  assert.equal(state("between", at("nullspace", 0.2)), "open");
  assert.equal(state("between", at("nullspace", 0.3, 0.9)), "open");
  assert.equal(state("between", at("nullspace:basis=random", 0.3)), "open");
  assert.equal(state("opposite", at("flip", 0.95)), "solved");
  assert.equal(state("opposite", at("flip:alpha=1", 0.95)), "open");
  assert.equal(state("opposite", at("ablation", 0.95)), "open");
  assert.equal(state("opposite", at("flip", 0.7)), "open");
  assert.equal(state("opposite", places([-0.3, "flip", 0.2], [-0.1, "flip", 0.1])), "stuck");
});

test("a soup is refused by a push towards refusing, and by nothing else", () => {
  const soup = (form, verdict, baseline = "answered") =>
    answers(["harmless", { baseline, [form]: verdict }]);
  assert.equal(state("soup", soup("actadd", "refused")), "solved");
  assert.equal(state("soup", soup("actadd:c=0.5", "refused_with_alternative")), "solved");
  assert.equal(state("soup", soup("actadd:c=-1", "refused")), "open");
  assert.equal(state("soup", soup("flip", "refused")), "open");
  assert.equal(state("soup", soup("actadd", "refused", "refused")), "open");
  assert.equal(state("soup", answers(["harmful", { baseline: "answered", actadd: "refused" }])), "open");
  const twice = { baseline: "answered", actadd: "answered", "actadd:c=3": "answered" };
  assert.equal(state("soup", answers(["harmless", twice])), "stuck");
});

test("over-refusal is a borderline request that is refused until an edit answers it", () => {
  const one = (label, baseline, verdict) => answers([label, { baseline, ablation: verdict }]);
  assert.equal(state("overrefusal", one("borderline", "refused", "answered")), "solved");
  assert.equal(state("overrefusal", one("harmful", "refused", "answered")), "open");
  assert.equal(state("overrefusal", one("borderline", "answered", "answered")), "open");
  const calm = ["borderline", { baseline: "answered" }];
  assert.equal(state("overrefusal", answers(calm, calm)), "stuck");
});

test("a model without directions or maps says so, and no step pretends", () => {
  const bare = { ...KNOWN, defaults: { actadd: { c: 1 }, ablation: {} } };
  for (const id of ["rank", "nullspace", "between", "opposite"]) assert.equal(state(id, nothing(), bare), "lacks");
  assert.equal(state("between", nothing(), { ...KNOWN, maps: false }), "lacks");
  assert.equal(state("soup", nothing(), bare), "open");
});

test("what is seen is kept by request, and a place by where the baseline is", () => {
  const answer = (request, form, verdict) => ({ request, label: "harmful", form, verdict });
  let seen = added(nothing(), [answer("a", "baseline", "refused")], []);
  seen = added(seen, [answer("a", "flip", "answered"), answer("b", "flip", "refused")], []);
  assert.deepEqual(seen.answers.a.panels, { baseline: "refused", flip: "answered" });
  assert.deepEqual(seen.answers.b.panels, { flip: "refused" });
  const flip = { form: "flip", t: 0.9 };
  assert.deepEqual(added(seen, [], [flip]).places, {}); // nobody knows from where
  assert.deepEqual(added(seen, [], [{ form: "baseline", t: 0.1 }, flip]).places, { "0.1|flip": 0.9 });
  for (let each = 0; each < 99; each++) seen = added(seen, [answer(`r${each}`, "flip", "refused")], []);
  assert.ok(Object.keys(seen.answers).length < 99);
  assert.ok("r98" in seen.answers);
});

test("what is shown goes through the ranks, and to what was not seen", () => {
  const found = check("rank", answers(["harmful", { baseline: "refused", "flip:k=1": "refused" }]), KNOWN);
  assert.deepEqual([0, 1, 2, 3].map((times) => nextRank(step("rank"), KNOWN, times)), [1, 2, 3, 1]);
  assert.deepEqual([0, 1, 2, 3].map((times) => nextRank(step("nullspace"), KNOWN, times)), [3, 2, 1, 3]);
  assert.deepEqual(wanted(step("rank"), found, KNOWN, 1), {
    request: "H",
    panels: ["baseline", "actadd:c=-1", "ablation", "nullspace", "flip:k=2"],
  });
  const refused = answers(["harmful", { baseline: "refused" }]);
  assert.equal(wanted(step("refusal"), check("refusal", refused, KNOWN), KNOWN, 0).request, "S");
  assert.ok(wanted(step("soup"), check("soup", nothing(), KNOWN), KNOWN, 0).panels.includes("actadd:c=2"));
  const bare = { ...KNOWN, defaults: { actadd: { c: 1 }, ablation: {} } };
  const panels = wanted(step("ablate"), check("ablate", nothing(), bare), bare, 0).panels;
  assert.deepEqual(panels, ["baseline", "actadd:c=-1", "ablation"]);
});

test("the language is the browser's where there is a text in it", () => {
  assert.equal(languageOf(["en", "de", "es"], ["fr-FR", "es-MX", "en"]), "es");
  assert.equal(languageOf(["en", "de", "es"], ["de-AT"]), "de");
  assert.equal(languageOf(["en", "de", "es"], ["fr"]), "en");
});

test("a text is filled in, and keeps what nobody knows", () => {
  assert.equal(filled("Step {n} of {all} {x}", { n: 1, all: 8 }), "Step 1 of 8 {x}");
});

const noted = (id, ...notes) => ({ ...nothing(), views: { [id]: notes } });

test("a view's step needs its view and the right touch, and nothing of another view", () => {
  assert.deepEqual(INSIDE, STEPS.filter(({ chapter }) => chapter === "inside").map(({ id }) => id));
  for (const id of INSIDE) {
    assert.equal(state(id, noted(id, "open", "right")), "solved", id);
    assert.equal(state(id, noted(id, "right")), "open", id);
    assert.equal(state(id, noted(id, "open")), "open", id);
    assert.equal(state(id, noted("other", "open", "right")), "open", id);
    assert.equal(state(id, noted(id, "open", "right"), { ...KNOWN, views: [] }), "lacks", id);
  }
  assert.equal(state("harm", noted("harm", "open", "none")), "stuck");
  assert.equal(state("cost", noted("cost", "open", "flip", "ablation")), "open");
  assert.equal(state("cost", noted("cost", "open", "flip", "ablation", "actadd")), "stuck");
});

test("what was touched is told without the signs, and each once", () => {
  let seen = noting(nothing(), [["harm", ["open"]], ["cost", []]]);
  seen = noting(seen, [["harm", ["harmless: answered"]]]);
  seen = noting(seen, [["harm", ["open", "harmless: answered", "harmful: declined"]]]);
  const { tried, parts } = check("harm", seen, KNOWN);
  assert.deepEqual(tried, [["harmless", "answered"], ["harmful", "declined"]]);
  assert.deepEqual(parts, [true, false]);
  assert.deepEqual(check("decided", noted("decided", "L3 (−1) = 0.2"), KNOWN).tried, [["L3 (−1) = 0.2", ""]]);
  assert.deepEqual(Object.keys(seen.views), ["harm"]);
  // What was kept by an earlier page has no notes.
  assert.deepEqual(noting({ answers: {}, places: {} }, [["harm", ["open"]]]).views, { harm: ["open"] });
});

test("what was solved stays so, however much is touched after it", () => {
  let seen = noting(nothing(), [["decided", ["open"]], ["decided", ["right"]]]);
  for (let layer = 0; layer < 40; layer++) seen = noting(seen, [["decided", [`L${layer} (−1) = 0.2`]]]);
  assert.equal(check("decided", seen, KNOWN).state, "solved");
  assert.equal(seen.views.decided.length, 2 + 24);
});

test("a step is counted in its chapter", () => {
  assert.deepEqual(placeOf(STEPS, 0), { n: 1, all: 8 });
  assert.deepEqual(placeOf(STEPS, 7), { n: 8, all: 8 });
  assert.deepEqual(placeOf(STEPS, 8), { n: 1, all: 5 });
  assert.deepEqual(placeOf(STEPS, 12), { n: 5, all: 5 });
});
