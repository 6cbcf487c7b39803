import assert from "node:assert/strict";
import { test } from "node:test";
import { next } from "../../assets/page/dots.js";

const PLACES = [
  [30, 5],
  [10, 20],
  [20, 10],
];

test("arrows go along the axis that they point along, and stop at its end", () => {
  assert.equal(next(PLACES, 1, "ArrowRight"), 2);
  assert.equal(next(PLACES, 0, "ArrowRight"), 0);
  assert.equal(next(PLACES, 2, "ArrowLeft"), 1);
  assert.equal(next(PLACES, 1, "ArrowUp"), 2);
  assert.equal(next(PLACES, 0, "ArrowUp"), 0);
  assert.equal(next(PLACES, 0, "ArrowDown"), 2);
});

test("the first arrow begins at the side that it comes from", () => {
  assert.equal(next(PLACES, -1, "ArrowRight"), 1);
  assert.equal(next(PLACES, -1, "ArrowLeft"), 0);
  assert.equal(next(PLACES, -1, "ArrowUp"), 1);
});

test("Home and End are the least and the most harmful looking", () => {
  for (const at of [-1, 0, 1, 2]) {
    assert.equal(next(PLACES, at, "Home"), 1);
    assert.equal(next(PLACES, at, "End"), 0);
  }
});

test("other keys do nothing, and nothing is found among no dots; equal places are all reached", () => {
  assert.equal(next(PLACES, 0, "a"), null);
  assert.equal(next([], -1, "ArrowLeft"), null);
  const same = [
    [1, 1],
    [1, 1],
  ];
  assert.equal(next(same, 0, "ArrowRight"), 1);
});
