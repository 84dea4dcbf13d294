// What the pages, and the comments of the code, refer to is there: links with their headings, folders and files.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const SKIPPED = new Set([".git", "build", "dist", "node_modules", "corpus"]);

function* walk(folder) {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* walk(name);
    else if (entry.isFile()) yield name;
  }
}

const files = [...walk("")];
const names = new Set(files.map((file) => path.basename(file)));
const exists = (file) => existsSync(path.join(root, file));
const read = (file) => readFile(path.join(root, file), "utf8");
const pages = files.filter((file) => file.endsWith(".md"));
// The test of the layers makes up files of its own.
const sources = files.filter((file) => /\.([ch]|lua|mjs|js|ts|tsx)$/.test(file) && !file.endsWith("layers.test.mjs"));

// A heading's anchor, as GitHub makes it.
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

const outsideCode = (text) => text.replace(/^```[^]*?^```$/gm, "");

test("every link leads somewhere", async () => {
  const missing = [];
  assert.ok(pages.length > 10);
  for (const page of pages) {
    const text = outsideCode(await read(page));
    for (const [, target] of text.matchAll(/(?:\]\(|(?:src|href)=")([^)"\s]+)/g)) {
      if (/^(https?:|mailto:)/.test(target)) continue;
      const [file, heading] = target.split("#");
      const to = file === "" ? page : path.join(path.dirname(page), file);
      const titles = to.endsWith(".md") && exists(to) ? outsideCode(await read(to)).matchAll(/^#+ (.*)$/gm) : [];
      const headings = [...titles].map(([, title]) => anchor(title));
      if (!exists(to) || (heading !== undefined && !headings.includes(heading))) missing.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(missing, []);
});

const FOLDERS = "common|broker|gateway|client|tests|deploy|docs|scripts|cmake";
// What is there only after something was built or run, what is another repository's, and what stands for many files.
const ELSEWHERE = /^(client\/dist|tests\/node_modules)\b|^docs\/(engine|socket)\.io-protocol\/|[*<>{}$%…]/;

const named = (text, pattern) =>
  [...text.matchAll(pattern)].map(([name]) => name).filter((name) => !ELSEWHERE.test(name) && !exists(name));

test("every path and every source file that a page names is there", async () => {
  const missing = [];
  for (const page of pages) {
    for (const [, code] of (await read(page)).matchAll(/`([^`\n]+)`/g)) {
      for (const name of named(code, new RegExp(`(?<![\\w./-])(?:${FOLDERS})/[^\\s:,;"']*`, "g"))) missing.push(`${page}: ${name}`);
      if (/^[\w-]+\.(c|h|lua|tsx?)$/.test(code) && !names.has(code)) missing.push(`${page}: ${code}`);
    }
  }
  assert.deepEqual(missing, []);
});

test("every page and header that the code refers to is there", async () => {
  const missing = [];
  for (const file of sources)
    for (const name of named(await read(file), /(?<![\w./-])(?:common|broker|gateway|docs)\/[\w./-]*\.(?:c|h|lua|md)\b/g))
      missing.push(`${file}: ${name}`);
  assert.deepEqual(missing, []);
});
