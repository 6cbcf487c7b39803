import assert from "node:assert/strict";
import test from "node:test";

import { outside } from "../../assets/shared/address.js";
import { barWords, countWords, isOwn, patience } from "../../assets/room/words.js";

// The module reads the root element when it is loaded; here there is none.
globalThis.document = { documentElement: { dataset: {} } };
const { addressOf, keepKey, keyIn, keyOf } = await import("../../assets/room/entry.js");

const KEY = "MThbMo96smS7opNoZ1f2KQvm";

test("the key stands behind the # of the presenter's link alone", () => {
  const from = "http://host:7860/sub/?__theme=dark&room=old#playground&request=secret";
  assert.equal(addressOf("birch", "", from), "http://host:7860/sub/?__theme=dark&room=birch");
  const led = addressOf("birch", KEY, from);
  assert.equal(keyIn(new URL(led).hash), KEY);
  assert.ok(!new URL(led).search.includes(KEY));
  assert.equal(addressOf("", "", from), "http://host:7860/sub/?__theme=dark");
});

test("what is no key is none", () => {
  for (const hash of ["", "#", "#playground", "#playground&key=abcdefgh", "#key=a", "#key=<b>abcdefgh"]) {
    assert.equal(keyIn(hash), "");
  }
});

test("a browser that keeps nothing still knows its key until a reload", () => {
  assert.equal(keyOf("birch"), "");
  keepKey("birch", KEY);
  assert.equal(keyOf("birch"), KEY);
  assert.equal(keyOf("other"), "");
  keepKey("birch", "");
  assert.equal(keyOf("birch"), "");
});

test("a link that is handed on leads into no room", () => {
  assert.equal(outside("http://host/?a=1&room=birch#dose&request=Hi"), "http://host/?a=1#dose&request=Hi");
});

test("the bar says who sees what", () => {
  assert.match(barWords("explore", true), /The presenter sees what you run here.*no name/);
  assert.notEqual(barWords("follow", true), barWords("follow", false));
  assert.match(barWords("gone", true), /ended or has not begun/);
});

test("people are counted by what they do", () => {
  assert.equal(countWords(0, 0), "Nobody is here yet.");
  assert.equal(countWords(1, 1), "1 participant is here: 0 following, 1 exploring.");
  assert.equal(countWords(12, 3), "12 participants are here: 9 following, 3 exploring.");
});

test("a page that gets no answer asks less and less often, and goes on asking", () => {
  const waits = [1, 2, 3, 4, 50].map(patience);
  assert.deepEqual(waits, [...waits].sort((a, b) => a - b));
  assert.ok(waits[0] < waits[1]);
  assert.equal(waits.at(-1), 5000);
});

test("an address of this machine alone is told from one of the network", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) assert.ok(isOwn(host));
  for (const host of ["192.168.1.20", "host", "1270.0.0.1", "localhost.example"]) assert.ok(!isOwn(host));
});
