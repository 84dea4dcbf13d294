// The unit as it is installed, as far as systemd judges it without running it.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../lib/folder.mjs";
import { filesIn, install, run } from "../lib/install.mjs";

async function installedUnit(t) {
  const folder = temporaryFolder(t, "install");
  await install(t, folder);
  const file = path.join(folder, (await filesIn(folder)).find((name) => name.endsWith("ridecast@.service")));
  const unit = await readFile(file, "utf8");
  await writeFile(file, unit.replace("ExecStart=", `ExecStart=${folder}`));
  return file;
}

test("systemd takes it without a warning", async (t) => {
  const { stderr } = await run(t, "systemd-analyze", ["verify", "--recursive-errors=no", await installedUnit(t)]);
  assert.doesNotMatch(stderr, /ridecast/);
});

test("a gateway that is broken into can do little: exposure is at most 2 of 10", async (t) => {
  await run(t, "systemd-analyze", ["security", "--offline=yes", "--threshold=20", await installedUnit(t)]);
});
