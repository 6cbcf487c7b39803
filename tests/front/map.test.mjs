import assert from "node:assert/strict";
import test from "node:test";

import { continues, mix, project, show, spanOf } from "../../assets/map/frames.js";
import { isOffered, words } from "../../assets/map/machine.js";
import { apart, beginsRight, csv, lines, signed } from "../../assets/map/text.js";
import { begins } from "../../assets/map/tokens.js";
import { movedCard } from "../../assets/map/index.js";

test("numbers have a real minus sign, and a zero has none", () => {
  assert.equal(signed(-0.333), "−0.33");
  assert.equal(signed(-0.001), "0.00");
  assert.equal(signed(1.5, 1), "1.5");
});

test("text that runs from right to left is set apart", () => {
  assert.ok(beginsRight("12 שלום"));
  assert.ok(!beginsRight("hello שלום"));
  assert.equal(apart("hello"), "hello");
  assert.equal(apart("שלום"), "\u2067שלום\u2069");
  assert.equal(apart("hello", "hello שלום"), "\u2066hello\u2069");
});

test("a prompt is cleaned and broken into lines", () => {
  assert.equal(lines("one two three", 8), "one two<br>three");
  assert.equal(lines("<b> & c"), "&lt;b&gt; &amp; c");
});

test("a cell of a table may hold quotes and commas", () => {
  assert.equal(csv([["a", 'say "hi", you'], [1, true]]), '"a","say ""hi"", you"\r\n"1","true"');
});

test("between two frames numbers are mixed, and the rest is the later one's", () => {
  const from = { kind: "harm", points: [[0, 2]], marks: { flip: [0, 0] }, hills: [null] };
  const to = { kind: "pca", points: [[1, 4]], marks: { flip: [1, -1], own: [5, 5] }, hills: [{ z: [[1]] }] };
  assert.deepEqual(mix(from, to, 0.5), {
    kind: "pca",
    points: [[0.5, 3]],
    marks: { flip: [0.5, -0.5], own: [5, 5] },
    hills: [{ z: [[1]] }],
  });
  assert.deepEqual(mix(from, to, 1).points, to.points);
});

test("points travel between maps of the plane only", () => {
  const kind = (name) => ({ kind: name });
  assert.ok(continues(kind("harm"), kind("umap")));
  assert.ok(continues(kind("path"), kind("path")));
  assert.ok(!continues(kind("path"), kind("harm")));
  assert.ok(!continues(kind("harm"), kind("pca3")));
  assert.ok(!continues(null, kind("harm")));
});

test("a projection keeps lengths in its plane and hides what lies along the line of sight", () => {
  const near = (found, wanted) => found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-12));
  near(project([1, 0, 0], [0, 0]), [0, 0]);
  near(project([0, 1, 0], [0, 0]), [1, 0]);
  near(project([0, 0, 1], [0, 0]), [0, 1]);
  near(project([1, 0, 0], [Math.PI / 2, 0]), [-1, 0]);
});

test("coordinates are shown from the centre, by the size", () => {
  const view = { centre: [1, 0], size: [2, 4] };
  assert.deepEqual(show([[1, 3], [4, 8]], view), [[0, 1], [1, 2]]);
});

test("the map grows to hold a mark far outside", () => {
  const [[low, high], [bottom, top]] = spanOf([[0, 1], [0, 1]], [[9, 0.5]]);
  assert.deepEqual([low, bottom, top].map((value) => value.toFixed(2)), ["-0.08", "-0.08", "1.08"]);
  assert.equal(high.toFixed(2), "9.08");
});

test("the card that was moved is the one that is told of; of several there is none", () => {
  const placed = (...forms) => ({ panels: forms.map((form) => ({ slot: form.split(":")[0], form })) });
  assert.equal(movedCard(placed("flip:k=1", "own"), placed("flip:k=2", "own")), "flip");
  assert.equal(movedCard(placed("flip:k=1", "own:a"), placed("flip:k=2", "own:b")), undefined);
  assert.equal(movedCard(placed("flip"), placed("flip", "own")), undefined);
});

test("request, template and answer begin at their tokens", () => {
  const tokens = { template: 3, answer: 5 };
  const names = [0, 1, 3, 4, 5].map((i) => begins(tokens, i));
  assert.deepEqual(names, ["request", undefined, "template", undefined, "answer"]);
});

const TOLD = {
  state: "done",
  here: "float32",
  fitted: "float32",
  layers: [{ layer: 3, verdict: "same", sentence: "the same map" }],
  fit: { phase: "none", sentence: "", amount: "", can: true },
};

test("what was checked at the layer is said, and what remains to be done", () => {
  assert.equal(words(TOLD, 3), "Checked on this machine: the same map.");
  assert.equal(words({ ...TOLD, here: "bfloat16" }, 3),
    "Maps fitted in float32, computed here in bfloat16: the same map.");
  assert.equal(words(TOLD, 2), "");
  const useless = { ...TOLD, layers: [{ layer: 3, verdict: "unusable", sentence: "another" }] };
  const later = [...useless.layers, { layer: 4, verdict: "same", sentence: "the same map" }];
  const alone = { ...TOLD.fit, can: false };
  assert.match(words({ ...useless, layers: later }, 3), /Greyed out here; choose a later layer, or fit the maps\./);
  assert.match(words(useless, 3), /Greyed out here; fit the maps\./);
  assert.match(words({ ...useless, layers: later, fit: alone }, 3), /Greyed out here; choose a later layer\./);
  assert.match(words({ ...useless, fit: alone }, 3), /Greyed out here\.$/);
  const running = { ...TOLD.fit, phase: "running", sentence: "Fitting", amount: "3 of 9" };
  assert.equal(words({ ...useless, fit: running }, 3), "Fitting: 3 of 9");
  const failed = { ...TOLD.fit, phase: "failed", sentence: "No space." };
  assert.equal(words({ ...TOLD, fit: failed }, 3), "No space. Checked on this machine: the same map.");
});

test("a fit is offered where it would change something and can be begun", () => {
  assert.ok(!isOffered(TOLD));
  assert.ok(isOffered({ ...TOLD, here: "bfloat16" }));
  assert.ok(isOffered({ ...TOLD, state: "unfitted", layers: [] }));
  assert.ok(!isOffered({ ...TOLD, here: "bfloat16", state: "checking" }));
  assert.ok(!isOffered({ ...TOLD, here: "bfloat16", fit: { ...TOLD.fit, can: false } }));
  assert.ok(!isOffered({ ...TOLD, here: "bfloat16", fit: { ...TOLD.fit, phase: "running" } }));
});
