// The examples that README.md prints, to be run as they are; only the gateway's address is another.

import assert from "node:assert/strict";
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./folder.mjs";
import { Rider } from "./rider.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

// The one block of a page in `language` whose text matches `mark`.
export async function block(page, language, mark) {
  const text = await readFile(here(`../../${page}`), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, tag, code]) => tag === language && mark.test(code))
    .map(([, , code]) => code);
  assert.equal(blocks.length, 1, `${page} has ${blocks.length} blocks in ${language} with ${mark}`);
  return blocks[0];
}

// A whole program of README.md's.
export async function example(language, mark, gateway) {
  const code = await block("README.md", language, mark);
  assert.match(code, /localhost:3000/);
  return code.replaceAll("localhost:3000", `127.0.0.1:${gateway.port}`);
}

// A folder with these files, where npm install has been run.
export async function projectFolder(t, files, copied = []) {
  const folder = temporaryFolder(t, "example");
  await symlink(here("../node_modules"), path.join(folder, "node_modules"));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  for (const file of copied) await cp(file, path.join(folder, path.basename(file)));
  return folder;
}

// Somebody on the example's ride: hears that it boards and, after its two seconds, exits.
export async function listener(t, gateway, ride) {
  const rider = await Rider.join(t, gateway, ride);
  return async (id, name) => {
    await rider.hears("userBoarded", { id, name, status: "boarding" });
    await rider.hears("userExited", { id, name, status: "exiting" });
  };
}
