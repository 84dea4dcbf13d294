// docs/operations.md has each limit by which something is refused, with its default and its reason in the metrics.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

// [option, default, reason] of each row; what has no such reason has null.
async function rows() {
  const [, section] = (await read("docs/operations.md")).split("\n## Choosing the limits\n");
  const table = section.slice(0, section.indexOf("\n## ")).matchAll(/^\| `(--[a-z-]+)` \| (\S+) \|.*\| `([a-z ]+)`( in .*)? \|$/gm);
  return [...table].map(([, option, value, reason, elsewhere]) => [option, value, elsewhere ? null : reason]);
}

test("the limits that the refusals name are there, with their reasons", async () => {
  const known = new Map((await rows()).map(([option, , reason]) => [option, reason]));
  const kinds = (await read("gateway/net/refusals.c")).matchAll(/\{"reason=\\"([a-z ]+)\\"",\s*"([^"]+)"/g);
  const timeouts = /timeout/; // what is too slow, and not too much
  for (const [, reason, text] of kinds)
    for (const [option] of text.matchAll(/--[a-z-]+/g))
      if (!timeouts.test(reason) && option !== "--max-header-bytes") assert.equal(known.get(option), reason, option);
});

test("their defaults are those of the options", async () => {
  const options = await read("common/config.c");
  const all = await rows();
  assert.ok(all.length > 10);
  for (const [option, value] of all) assert.match(options, new RegExp(`\\{"${option.slice(2)}", \\w+\\(\\w+, "${value}"`), option);
});
