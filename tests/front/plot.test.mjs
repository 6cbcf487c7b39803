// What all plots have in common.
import assert from "node:assert/strict";
import { test } from "node:test";
import { grown } from "../../assets/shared/plot.js";

test("letters, marks and margins grow with the page, what is measured does not", () => {
  const traces = [
    {
      x: [1, 2],
      z: [[1, 2]],
      marker: { size: [4, 8], color: "red", line: { width: 2 } },
      contours: { start: 0.1, size: 0.25 },
      textfont: { size: 12 },
    },
  ];
  const layout = { margin: { l: 10, r: 4 }, xaxis: { range: [0, 3], title: { standoff: 6, text: "t" } } };
  const [trace] = grown(traces, 1.5);
  assert.deepEqual(trace.marker.size, [6, 12]);
  assert.equal(trace.textfont.size, 18);
  assert.deepEqual([trace.x, trace.z, trace.contours], [traces[0].x, traces[0].z, traces[0].contours]);
  const { margin, xaxis } = grown(layout, 1.5);
  assert.deepEqual(margin, { l: 15, r: 6 });
  assert.deepEqual(xaxis, { range: [0, 3], title: { standoff: 9, text: "t" } });
  assert.equal(traces[0].textfont.size, 12); // the given one is untouched
});

test("on a page of the usual size nothing is copied", () => {
  const traces = [{ marker: { size: 3 } }];
  assert.equal(grown(traces, 1), traces);
});
