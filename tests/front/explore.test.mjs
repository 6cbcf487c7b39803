import assert from "node:assert/strict";
import test from "node:test";

import { mix } from "../../assets/map/frames.js";
import { apart, byDistance, inPolygon, nearestWithin, rectangle } from "../../assets/map/geometry.js";
import { moved } from "../../assets/map/keys.js";
import { counted, tableOf } from "../../assets/map/list.js";
import { HUES, kind } from "../../assets/map/looks.js";
import { described, hasCategories, nameOf, shownDots } from "../../assets/map/names.js";
import { folded, search, step } from "../../assets/map/search.js";

// A C that is open to the right.
const HOLLOW = [[0, 0], [4, 0], [4, 1], [1, 1], [1, 3], [4, 3], [4, 4], [0, 4]];

test("a place lies in a shape or outside of it, whatever the shape and the way it is drawn", () => {
  for (const polygon of [HOLLOW, [...HOLLOW].reverse(), [...HOLLOW.slice(3), ...HOLLOW.slice(0, 3)]]) {
    assert.ok(inPolygon([0.5, 2], polygon));
    assert.ok(inPolygon([3, 0.5], polygon));
    assert.ok(!inPolygon([3, 2], polygon)); // in the bay
    assert.ok(!inPolygon([-1, 2], polygon));
    assert.ok(!inPolygon([5, 0.5], polygon));
  }
});

test("a corner on the height of a place is crossed once", () => {
  const diamond = [[0, -1], [1, 0], [0, 1], [-1, 0]];
  assert.ok(inPolygon([0, 0], diamond));
  assert.ok(!inPolygon([-2, 0], diamond));
  assert.ok(!inPolygon([2, 0], diamond));
});

test("neighbouring shapes share no place and lose none", () => {
  const [left, right] = [rectangle([0, 0], [1, 1]), rectangle([1, 0], [2, 1])];
  for (const x of [0.25, 0.999, 1, 1.001, 1.5]) {
    assert.equal(Number(inPolygon([x, 0.5], left)) + Number(inPolygon([x, 0.5], right)), 1);
  }
});

test("a rectangle is the same from whichever corner it is drawn, and a press is none", () => {
  for (const [from, to] of [[[0, 0], [2, 1]], [[2, 1], [0, 0]], [[0, 1], [2, 0]]]) {
    assert.ok(inPolygon([1, 0.5], rectangle(from, to)));
    assert.ok(!inPolygon([1, 1.5], rectangle(from, to)));
  }
  assert.ok(!inPolygon([1, 1], rectangle([1, 1], [1, 1])));
});

test("the nearest comes first, and of equally near ones the first", () => {
  assert.equal(apart([0, 0], [3, 4]), 5);
  assert.equal(apart([0, 0, 0], [2, 3, 6]), 7);
  assert.deepEqual(byDistance([0, 0], [[3, 0], [1, 0], [0, 1], [0, 0]]), [3, 1, 2, 0]);
  assert.deepEqual(byDistance([3, 0], [[3, 0], [1, 0], [0, 1], [0, 0]]), [0, 1, 3, 2]);
});

test("a pointer means the nearest dot, if it is near at all", () => {
  const places = [[7, [0, 0]], [8, [10, 0]], [9, [10, 0]]];
  assert.equal(nearestWithin([1, 1], places, 5), 7);
  assert.equal(nearestWithin([9, 0], places, 5), 8);
  assert.equal(nearestWithin([5, 40], places, 5), null);
  assert.equal(nearestWithin([5, 0], [], 5), null);
});

const ENTRIES = [
  { text: "How do I bake a cake?", category: "fraud_scams", label: "harmless" },
  { text: "How do I fake a café's bill?", category: "fraud_scams", label: "harmful" },
  { text: "Tell me about cakes", category: "self_harm", label: "harmful" },
  { text: "A pancake for the Cake", category: "malware_hacking", label: "harmless" },
];

test("whole words are found before beginnings, categories and parts of words", () => {
  assert.deepEqual(search("cake", ENTRIES), [0, 3, 2]);
  assert.deepEqual(search("ancake", ENTRIES), [3]);
  assert.deepEqual(search("fraud", ENTRIES), [0, 1]);
  assert.deepEqual(search("bill", ENTRIES), [1]);
});

test("every word has to be found, in the text, the category or the class", () => {
  assert.deepEqual(search("cake fraud", ENTRIES), [0]);
  assert.deepEqual(search("harmful fraud", ENTRIES), [1]);
  assert.deepEqual(search("cake nothing", ENTRIES), []);
});

test("capitals and accents make no difference, and nothing finds nothing", () => {
  assert.equal(folded("CAFÉ"), "cafe");
  assert.deepEqual(search("cafe", ENTRIES), [1]);
  assert.deepEqual(search("Café", ENTRIES), [1]);
  for (const query of ["", "  ", "?!"]) assert.deepEqual(search(query, ENTRIES), []);
});

test("words of languages without blanks are found inside", () => {
  const entries = [{ text: "如何烤蛋糕", category: "", label: "harmless" }];
  assert.deepEqual(search("蛋糕", entries), [0]);
  assert.deepEqual(search("面包", entries), []);
});

test("hits are walked through in a circle, both ways", () => {
  assert.deepEqual([-1, 0, 1, 2].map((at) => step(at, 3, 1)), [0, 1, 2, 0]);
  assert.deepEqual([-1, 0, 1, 2].map((at) => step(at, 3, -1)), [2, 2, 0, 1]);
  assert.equal(step(0, 0, 1), -1);
});

test("between two layers each dot is on its own straight way", () => {
  const [from, to] = [[[0, 10, 4], [0, 0, 4]], [[2, 0, 4], [4, 8, 4]]];
  for (const share of [0, 0.25, 0.5, 1]) {
    const now = mix({ points: from }, { points: to }, share).points;
    now.forEach((column, axis) =>
      column.forEach((value, i) =>
        assert.equal(value, from[axis][i] + share * (to[axis][i] - from[axis][i]))));
  }
  const half = mix({ points: from }, { points: to }, 0.5).points;
  assert.notDeepEqual(half, mix({ points: from }, { points: to.map((c) => [...c].reverse()) }, 0.5).points);
});

test("no two of the first 24 categories look the same, and shape alone tells groups of six", () => {
  const looks = Array.from({ length: 24 }, (_, i) => kind(i));
  assert.equal(new Set(looks.map(({ hue, shape }) => hue + shape)).size, 24);
  assert.equal(new Set(looks.map(({ hue, solid }) => hue + solid)).size, 24);
  assert.equal(new Set(looks.map(({ shape }) => shape)).size, 4);
  assert.equal(HUES.length, 6);
});

test("keys zoom around the middle and move by a part of what is seen", () => {
  const near = (found, wanted) =>
    found.flat().forEach((value, i) => assert.ok(Math.abs(value - wanted.flat()[i]) < 1e-9));
  const ranges = [[0, 10], [-1, 1]];
  near(moved(ranges, "+"), [[1, 9], [-0.8, 0.8]]);
  near(moved(moved(ranges, "+"), "-"), ranges);
  near(moved(ranges, "ArrowRight"), [[1.5, 11.5], [-1, 1]]);
  near(moved(ranges, "ArrowUp"), [[0, 10], [-0.7, 1.3]]);
  near(moved(moved(ranges, "ArrowUp"), "ArrowDown"), ranges);
  assert.equal(moved(ranges, "x"), null);
});

const CLOUD = {
  layers: [3],
  names: { harmful: "rude" },
  texts: ["a", 'say "b"', "c"],
  labels: ["harmful", "harmless", "borderline"],
  categories: ["self_harm", "self_harm", ""],
  at: [{ harm: [[0.25, 1, 2], [0, 0, 0]] }],
};
const here = (borderline) => ({ cloud: CLOUD, chosen: { layer: 0, borderline } });

test("dots are named as their classes are, and a harmless one by its partner's category", () => {
  assert.equal(nameOf(here(false), "harmful"), "rude");
  assert.equal(nameOf(here(false), "harmless"), "harmless");
  assert.equal(described(here(false), 0), "rude · self harm");
  assert.equal(described(here(false), 1), "harmless · matched with self harm");
  assert.equal(described(here(true), 2), "borderline");
  assert.ok(hasCategories(here(false)));
  assert.ok(!hasCategories({ cloud: { ...CLOUD, categories: ["", "", ""] } }));
});

test("what is counted and listed are the dots that are shown", () => {
  assert.deepEqual(shownDots(here(false)), [0, 1]);
  assert.deepEqual(shownDots(here(true)), [0, 1, 2]);
  assert.equal(counted(here(false), [0, 1]), "2 of 2 requests: 1 rude, 1 harmless");
  assert.equal(counted(here(true), [2]), "1 of 3 requests: 1 borderline");
});

test("a list is taken away as CSV with class, category, layer, t, distance and text", () => {
  const rows = tableOf(here(true), { dots: [1, 0], far: [0.5, 2], title: "", note: "", of: null }).split("\r\n");
  assert.equal(rows[0], '"class","category","layer","t","distance","text"');
  assert.equal(rows[1], '"harmless","self_harm","3","1","0.5","say ""b"""');
  assert.equal(rows[2], '"rude","self_harm","3","0.25","2","a"');
  assert.equal(rows.length, 3);
  const plain = tableOf(here(true), { dots: [0], far: null, title: "", note: "", of: null });
  assert.ok(plain.endsWith('"0.25","","a"'));
});
