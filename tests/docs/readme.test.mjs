// README.md and README.ko.md show the same commands, examples and options, and the options are the program's.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { runGateway } from "../lib/server.mjs";

const read = (name) => readFile(new URL(`../../${name}`, import.meta.url), "utf8");
const english = await read("README.md");
const korean = await read("README.ko.md");

const all = (text, pattern) => [...text.matchAll(pattern)].map(([, ...groups]) => groups.join(" "));

// What stands in blocks, without the comments, which are translated.
const blocks = (text) =>
  all(text, /^(?: {4}(.*)|```\w+\n([^]*?)^```)$/gm).map((block) => block.replace(/ +(#|\/\/) .*$/gm, ""));

const sorted = (list) => [...new Set(list)].sort();
const commands = (text) => sorted(all(text, /`((?:make|npm|node|curl|redis-server|build\/)[^`]*)`/g));
const options = (text) => all(text, /^\| `(--[\w-]+)` \| ([^|]*) \|/gm);
const urls = (text) => all(text, /^\| (`redis[^|]*) \|/gm);

const paths = (text) => sorted(all(text, /`(\/[\w/]+)`/g));
const links = (text) => sorted(all(text, /\]\(((?:docs\/|[A-Z]+\.md)[^)]*)\)/g).filter((link) => !link.startsWith("README")));
const folders = (text) => all(text, /^\| (`[\w./]+\/`[^|]*) \|/gm);

for (const [what, of] of Object.entries({ blocks, commands, options, urls, paths, links, folders }))
  test(`both have the same ${what}`, () => {
    assert.ok(of(english).length > 0);
    assert.deepEqual(of(korean), of(english));
  });

test("the options are those of --help", async (t) => {
  const program = runGateway(t, ["--help"]);
  await program.exited;
  const names = (text) => sorted(all(text, /^ *(--[a-z-]+)/gm)).filter((name) => !["--help", "--version", "--environment"].includes(name));
  assert.deepEqual(
    sorted(options(english).map((option) => option.split(" ")[0])),
    names(program.stdout),
  );
});
