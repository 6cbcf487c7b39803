import assert from "node:assert/strict";
import test from "node:test";

import { visible } from "../../assets/inspect/draw.js";
import { span, tokenAt } from "../../assets/inspect/places.js";
import { Pace } from "../../assets/page/pace.js";
import { fits, nearest, plain } from "../../assets/page/numbers.js";
import { compare } from "../../assets/page/results.js";

// Modules read the root element when they are loaded; here there is none.
globalThis.document = { documentElement: { dataset: {} } };
const { aimed } = await import("../../assets/page/tabs.js");
const { differing, wordsOf } = await import("../../assets/page/compare.js");
const { switched } = await import("../../assets/page/keys.js");
const { following } = await import("../../assets/page/present.js");
const { firstSentence, isVeiled } = await import("../../assets/page/veil.js");

const field = (value, more = {}) => ({ value, min: "", max: "", step: "any", ...more });

test("numbers are read as people write them", () => {
  const meant = { "1,5": "1.5", "−2": "-2", "٣": "3", "１２": "12", "1e3": "1e3", "": "" };
  for (const [text, number] of Object.entries(meant)) assert.equal(plain(text), number);
  for (const text of ["abc", "1.2.3", "2 %"]) assert.equal(plain(text), null);
});

test("a field fits while it holds an allowed number", () => {
  assert.ok(fits(field("1.5")));
  assert.ok(!fits(field("")));
  assert.ok(!fits(field("1.5", { step: "1" })));
  assert.ok(fits(field("2", { min: "0", max: "2", step: "1" })));
  assert.ok(!fits(field("3", { max: "2" })));
});

test("what does not fit is brought to the nearest allowed number", () => {
  assert.equal(nearest(field("7", { max: "2" })), 2);
  assert.equal(nearest(field("-7", { min: "-3", max: "2" })), -3);
  assert.equal(nearest(field("1.6", { step: "1" })), 2);
  assert.equal(nearest(field("0.1")), 0.1);
});

test("rows that were not measured come last in both orders", () => {
  for (const sign of [1, -1]) {
    assert.ok(compare(null, 3, sign) > 0);
    assert.ok(compare(3, null, sign) < 0);
  }
  assert.ok(compare(1, 2, 1) < 0);
  assert.ok(compare(1, 2, -1) > 0);
  assert.ok(compare("a", "b", 1) < 0);
});

test("arrow keys go round the tabs", () => {
  assert.equal(aimed("ArrowRight", 2, 3), 0);
  assert.equal(aimed("ArrowLeft", 0, 3), 2);
  assert.equal(aimed("End", 0, 3), 2);
  assert.equal(aimed("Home", 2, 3), 0);
  assert.equal(aimed("x", 1, 3), undefined);
});

test("a digit switches the card of its number, if there is one", () => {
  assert.equal(switched("1", 6), 0);
  assert.equal(switched("6", 6), 5);
  for (const key of ["7", "0", "a", "12", "F1"]) assert.equal(switched(key, 6), undefined);
});

test("words that the baseline does not say in the same order are new", () => {
  const isNew = (before, after) => differing(before.split(" "), after.split(" "));
  assert.deepEqual(isNew("i can not help", "i can help"), [false, false, false]);
  assert.deepEqual(isNew("i can not help", "sure i can help you"), [true, false, false, false, true]);
  assert.equal(isNew("a b", "b a").filter(Boolean).length, 1);
  assert.deepEqual(differing([], ["a"]), [true]);
  assert.deepEqual(differing(["a"], []), []);
});

test("words are found in any script, without their punctuation", () => {
  assert.deepEqual(wordsOf("**I'm** sorry, No.").map(({ word }) => word), ["i'm", "sorry", "no"]);
  assert.deepEqual(wordsOf("抱歉，不").map(({ word }) => word), ["抱", "歉", "不"]);
  assert.deepEqual(wordsOf("لا أستطيع").map(({ word }) => word), ["لا", "أستطيع"]);
  assert.deepEqual(wordsOf("ab cd").map(({ start, end }) => [start, end]), [[0, 2], [3, 5]]);
});

test("a character of an answer belongs to the token that writes it", () => {
  const tokens = ["", "I", " am", "", "🦊", ""].map((shown) => ({ shown }));
  assert.deepEqual([0, 1, 3, 4, 5].map((at) => tokenAt(tokens, at)), [1, 2, 2, 4, 4]);
  assert.equal(tokenAt(tokens, 99), 5);
  assert.deepEqual([0, 2, 4, 5].map((place) => span(tokens, place)), [[0, 0], [1, 4], [4, 6], [6, 6]]);
});

test("blanks and line ends of tokens can be seen", () => {
  assert.equal(visible(" the\n"), "␣the⏎");
  assert.equal(visible(""), "(nothing)");
});

test("panels are gone through round and round", () => {
  const names = ["actadd", "flip"];
  assert.equal(following(names, "actadd", 1), "flip");
  assert.equal(following(names, "flip", 1), "actadd");
  assert.equal(following(names, "actadd", -1), "flip");
  assert.equal(following(names, "baseline", 1), "actadd");
  assert.equal(following([], "flip", 1), undefined);
});

test("what the baseline refuses is veiled where an edit lets it be said", () => {
  const refused = { verdict: "refused", state: "done", start: 90 };
  const answered = { verdict: "answered", state: "done", start: 90 };
  assert.ok(isVeiled(refused, "answered"));
  assert.ok(isVeiled(refused, "hedged"));
  assert.ok(isVeiled(refused, ""));
  assert.ok(!isVeiled(refused, "refused"));
  assert.ok(!isVeiled(answered, "answered"));
  // Before the baseline is judged, what starts like a refusal counts.
  assert.ok(isVeiled({ verdict: "", state: "waiting", start: 0 }, ""));
  assert.ok(isVeiled({ verdict: "", state: "writing", start: 60 }, ""));
  assert.ok(!isVeiled({ verdict: "", state: "writing", start: 2 }, ""));
});

test("the first sentence is found in any language", () => {
  assert.equal(firstSentence("Take e.g. this. Then that."), "Take e.g. this.");
  assert.equal(firstSentence("Hola. ¿Qué?"), "Hola.");
  assert.equal(firstSentence("抱歉。我不能。"), "抱歉。");
  assert.equal(firstSentence("no end"), "no end");
  assert.equal(firstSentence(""), "");
});

test("a page that keeps up says that a run has begun, and one that is behind says each update", () => {
  const pace = new Pace();
  const see = (number, sent, now, run = "a") => pace.see(`${run} ${number} ${sent}`, now);
  const said = (update, behind, run = "a") => ({ run, update, behind });
  assert.deepEqual(see(1, 0, 5000), said("1", "false")); // clocks differ, and ways have a length
  assert.equal(see(2, 100, 5050), null);
  assert.equal(see(3, 200, 5440), null); // 290 late, counted from the second
  assert.deepEqual(see(4, 300, 5560), said("4", "true"));
  assert.equal(see(4, 300, 9000), null); // drawn anew
  assert.deepEqual(see(6, 400, 5350), said("6", "true")); // it has caught up
  assert.equal(see(5, 350, 9999), null);
  assert.deepEqual(see(1, 0, 9999, "b"), said("1", "false", "b")); // another run begins in time
  assert.equal(see(2, 0, 10200, "b"), null);
  assert.deepEqual(see(3, 0, 10300, "b"), said("3", "true", "b"));
});
