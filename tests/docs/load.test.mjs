// docs/load.md has every load script, and k6's summary of each.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const at = (name) => new URL(`../../${name}`, import.meta.url);
const page = await readFile(at("docs/load.md"), "utf8");
const scripts = (await readdir(at("tests/load"))).filter((name) => name.endsWith(".js")).sort();

test("every script has its line and its summary", () => {
  const told = [...page.matchAll(/^\| \[(\w+\.js)\]\(\.\.\/tests\/load\/\1\)/gm)].map(([, name]) => name);
  const summaries = page.split(/^## /m).filter((section) => section.includes("THRESHOLDS"));
  assert.deepEqual(told.sort(), scripts);
  assert.deepEqual(summaries.map((section) => section.split("\n")[0]).sort(), scripts);
});

test("no summary tells of a threshold that was crossed", () => assert.doesNotMatch(page, /✗/));
