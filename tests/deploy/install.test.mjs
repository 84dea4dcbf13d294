// What cmake --install puts where.

import assert from "node:assert/strict";
import { appendFile, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../lib/folder.mjs";
import { filesIn, install, run } from "../lib/install.mjs";

const find = (files, ending) => {
  const found = files.filter((name) => name.endsWith(ending));
  assert.equal(found.length, 1, `${ending} in\n${files.join("\n")}`);
  return found[0];
};

test("the program, its unit, options and documents are installed", async (t) => {
  const folder = temporaryFolder(t, "install");
  await install(t, folder);
  const files = await filesIn(folder);
  for (const name of ["lib/systemd/system/ridecast@.service", "/README.md", "/LICENSE", "/docs/protocol.md"])
    find(files, name);
  const { stdout } = await run(t, path.join(folder, find(files, "bin/ridecast-gateway")), ["--version"]);
  assert.match(stdout, /^ridecast-gateway \d+\.\d+\.\d+\n$/);
});

test("the options are for root alone, and what was written into them stays", async (t) => {
  const folder = temporaryFolder(t, "install");
  await install(t, folder);
  const file = path.join(folder, find(await filesIn(folder), "ridecast/ridecast.env"));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await appendFile(file, "RIDECAST_PING_INTERVAL=20000\n");
  await install(t, folder);
  assert.match(await readFile(file, "utf8"), /^RIDECAST_PING_INTERVAL=20000$/m);
});
