// How an attribute of SVG travels from one form to another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { between, eased, gathered } from "../../assets/map/between.js";

test("a place is mixed, and the end is what was given, to the letter", () => {
  const way = between("translate(10,20)", "translate(30.123456,-20)");
  assert.equal(way(0), "translate(10,20)");
  assert.equal(way(0.5), "translate(20.06,0)");
  assert.equal(way(1), "translate(30.123456,-20)");
  assert.equal(way(1.2), way(1));
});

test("numbers that follow each other without a space are told apart", () => {
  assert.equal(between("M0,0L1e1,-4", "M2,-2L20,.5")(0.5), "M1,-1L15,-1.75");
  assert.equal(between("M1-2", "M3-4")(0.5), "M2-3");
});

test("an arrow turns the short way round", () => {
  assert.equal(between("translate(0,0)rotate(170)", "translate(0,0)rotate(-170)")(0.5), "translate(0,0)rotate(-180)");
  assert.equal(between("rotate(-179)", "rotate(179)")(0.5), "rotate(180)");
  assert.equal(between("rotate(350)", "rotate(10)")(0.5), "rotate(0)");
  assert.equal(between("rotate(10)", "rotate(50)")(0.5), "rotate(30)");
  // Numbers before it are no angles.
  assert.equal(between("translate(0,350)rotate(0)", "translate(0,10)rotate(0)")(0.5), "translate(0,180)rotate(0)");
});

test("where nothing changes, or the forms differ, nothing travels", () => {
  assert.equal(between("translate(1,2)", "translate(1,2)"), null);
  assert.equal(between("M0,0L1,1", "M0,0L1,1L2,2"), null);
  assert.equal(between("M0,0L1,1", "M0,0C1,1"), null);
  assert.equal(between("", "translate(1,2)"), null);
  assert.equal(between(null, "translate(1,2)"), null);
  assert.equal(between("translate(1,2)", null), null);
});

test("a mark and an arrow that come begin at one place, turned as they end", () => {
  assert.equal(gathered("translate(5,6)rotate(90)", [1, 2], 2), "translate(1,2)rotate(90)");
  assert.equal(gathered("M5,6L7,8", [1, 2]), "M1,2L1,2");
});

test("a way begins and ends gently", () => {
  assert.deepEqual([0, 0.5, 1].map(eased), [0, 0.5, 1]);
  assert.ok(eased(0.1) < 0.1 && eased(0.9) > 0.9);
});
