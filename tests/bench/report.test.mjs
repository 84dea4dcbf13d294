// docs/benchmark.md: what it is written from, and that one row measured anew, anywhere, leaves the others as they are.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { report, setting } from "./report.mjs";
import { ROWS } from "./rows.mjs";
import { ROOT } from "../lib/places.mjs";

const read = (name) => readFileSync(path.join(ROOT, "docs", name), "utf8");
const kept = () => JSON.parse(read("benchmark.json"));
const sections = (text) => text.split(/^## /m).slice(1);

test("the document and its chart are what the results that are kept come to", () => {
  const { text, svg } = report(kept());
  assert.equal(text, read("benchmark.md"));
  assert.equal(svg, read("benchmark.svg"));
});

test("every row that was measured has its section, which says in which setting that was", () => {
  const { text } = report(kept());
  const settings = text.match(/^\d+\. ridecast \S+ on .*$/gm).length;
  assert.equal(sections(text).length, ROWS.filter(({ name }) => kept()[name]).length);
  assert.equal(sections(text).length, Object.keys(kept()).length);
  for (const section of sections(text)) {
    const number = Number(section.match(/^Setting (\d+), `make bench ONLY=\w+`$/m)[1]);
    assert.ok(number >= 1 && number <= settings, section);
  }
});

test("a row measured anew, elsewhere, changes its own section only", () => {
  const before = kept();
  const now = { ...setting(), ridecast: "0123456", machine: "another machine" };
  const lines = before.limit.lines.map(([label]) => [label, "1", "2", "3"]);
  const after = { ...before, limit: { ...before.limit, lines, setting: now } };
  const said = (results) => sections(report(results).text).map((text) => text.replace(/^Setting \d+/m, "Setting"));
  const changed = said(after).filter((section, i) => section !== said(before)[i]);
  assert.equal(changed.length, 1);
  assert.match(changed[0], /^\| ridecast \| 1 \| 2 \| 3 \|/m);
  assert.match(report(after).text, /^1\. ridecast 0123456 on another machine; medians of \d+ runs; libwebsockets /m);
  const others = sections(report(after).text).slice(1).map((section) => section.match(/^Setting (\d+)/m)[1]);
  assert.ok(!others.includes("1"));
});
