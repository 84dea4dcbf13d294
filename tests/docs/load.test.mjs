// docs/load.md has every load script, with its purpose and with the figures of a run that crossed no threshold.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const at = (name) => new URL(`../../${name}`, import.meta.url);
const page = await readFile(at("docs/load.md"), "utf8");
const scripts = (await readdir(at("tests/load"))).filter((name) => name.endsWith(".js")).sort();

const number = (text) => Number(text.replaceAll(",", ""));

test("every script has its line", () => {
  const told = [...page.matchAll(/^\| \[(\w+\.js)\]\(\.\.\/tests\/load\/\1\)/gm)].map(([, name]) => name);
  assert.deepEqual(told.sort(), scripts);
});

test("every script has its figures, and none of them is over what is allowed", () => {
  const rows = [...page.matchAll(/^\| (\w+\.js) \|.*$/gm)];
  assert.deepEqual(rows.map(([, name]) => name).sort(), scripts);
  for (const [row] of rows) {
    const figures = [...row.matchAll(/ ([\d,]+) \(([\d,]+)\) /g)];
    assert.equal(figures.length, 3, row);
    for (const [, figure, allowed] of figures) assert.ok(number(figure) < number(allowed), row);
  }
});
