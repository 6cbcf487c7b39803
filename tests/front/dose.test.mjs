import assert from "node:assert/strict";
import test from "node:test";

import { ahead, again, pixelsOf } from "../../assets/dose/keys.js";
import { along, blend, dressed, fade, legible, named } from "../../assets/shared/colour.js";
import { clean, spoken } from "../../assets/shared/plot.js";

// Whether a card is set to a cell is asked of the page; here there are no cards.
globalThis.document = { querySelector: () => null };
const { texts, told } = await import("../../assets/dose/dress.js");

const INK = { flip: "#a22f79", ground: "#ffffff", answered: "#000000" };

test("names of colours become colours wherever they stand", () => {
  assert.equal(named("--flip", INK), "#a22f79");
  assert.equal(named("--flip/0.14", INK), "rgba(162,47,121,0.14)");
  assert.equal(named("--ground>answered", INK), blend("#ffffff", "#000000", 0.9));
  assert.equal(named("--unknown", INK), "--unknown");
  assert.equal(named("a --flip", INK), "a --flip");
  const figure = { marker: { color: ["--flip", "red"] }, x: [1, null], name: "flip", visible: false };
  const wanted = { marker: { color: ["#a22f79", "red"] }, x: [1, null], name: "flip", visible: false };
  assert.deepEqual(dressed(figure, INK), wanted);
});

test("a colour on a scale is between its neighbours", () => {
  assert.equal(along(["#000000", "#ffffff"], 0), "#000000");
  assert.equal(along(["#000000", "#ffffff"], 1), "#ffffff");
  assert.equal(along(["#000000", "#808080", "#ffffff"], 0.25), "#404040");
  assert.equal(along(["#000000", "#ffffff"], 7), "#ffffff");
  assert.equal(fade("#ff0000", 0.5), "rgba(255,0,0,0.5)");
});

test("numbers on a square stand out from it", () => {
  assert.equal(legible("#ffffff"), "#10151b");
  assert.equal(legible("#123f80"), "#ffffff");
});

test("what plotly reads as HTML is cleaned, and read out without it", () => {
  assert.equal(clean("<img> & b"), "&lt;img&gt; &amp; b");
  assert.equal(spoken("<b>k &lt; 3</b><br>n = 6"), "k < 3. n = 6");
});

test("what is told of cells keeps the shape of their indices", () => {
  const cell = { panel: "flip", slot: "flip", form: "flip", told: "<b>Flipping</b>" };
  assert.equal(told(cell, "a <b"), "a &lt;b<br><b>Flipping</b><br><i>click: set the card to this</i>");
  assert.equal(told({ ...cell, slot: null }), "<b>Flipping</b>");
  assert.deepEqual(texts([[0, null], [2, 1]], String), [["0", ""], ["2", "1"]]);
});

const grid = [0, 1, 2].flatMap((y) =>
  [0, 1, 2].map((x) => ({ cell: 3 * y + x, curve: 0, point: [y, x], x, y })),
);
const pixels = ({ x, y }) => [40 * x, -30 * y];

test("arrow keys go to the nearest spot ahead and stop at the edge", () => {
  const middle = grid[4];
  const cells = { ArrowRight: 5, ArrowLeft: 3, ArrowUp: 7, ArrowDown: 1, Home: 0, End: 8 };
  for (const [key, cell] of Object.entries(cells)) {
    assert.equal(ahead(grid, middle, key, pixels).cell, cell);
  }
  assert.equal(ahead(grid, grid[8], "ArrowRight", pixels), undefined);
});

test("a spot is found again by its cell and its axis", () => {
  const spots = [{ cell: 1, axis: "y" }, { cell: 1, axis: "y2" }];
  assert.equal(again(spots, { cell: 1, axis: "y2" }), spots[1]);
  assert.equal(again(spots, { cell: 2, axis: "y" }), undefined);
});

test("an axis of categories counts, another one measures", () => {
  const axis = (type) => ({ type, _offset: 10, c2p: (value) => 5 * value, d2c: (value) => value / 2 });
  const layout = { xaxis: axis("category"), yaxis: axis("linear"), yaxis2: axis("linear") };
  assert.deepEqual(pixelsOf(layout, { x: 2, y: 4 }), [20, 20]);
});
