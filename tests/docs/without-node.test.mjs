// Where Node.js is too old for the web client, it is installed if apt has a recent one, and else left out with a line.

import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { onEnd } from "../lib/cleanup.mjs";
import { startProgram } from "../lib/process.mjs";

// What Debian 12 has, as far as the scripts ask.
const TOO_OLD = {
  node: 'case $1 in --version) echo v18.20.4 ;; *) exit 1 ;; esac',
  npm: "exit 1",
  "dpkg-query": "exit 1",
  sudo: 'exec "$@"',
};

// Runs one of scripts/ with these programs in place of the machine's; "apt-get" notes what it is called with.
async function run(t, script, args, programs = {}) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "ridecast-programs-"));
  onEnd(t, () => rm(folder, { recursive: true }));
  const calls = path.join(folder, "calls");
  await writeFile(calls, "");
  const all = { ...TOO_OLD, "apt-get": `echo "$*" >>${calls}`, ...programs };
  for (const [name, text] of Object.entries(all)) {
    await writeFile(path.join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(path.join(folder, name), 0o755);
  }
  const file = fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url));
  const program = startProgram(t, file, args, { PATH: `${folder}:${process.env.PATH}` });
  const { code } = await program.exited;
  return { code, stdout: program.stdout, stderr: program.stderr, calls: await readFile(calls, "utf8") };
}

const aptHas = (version) => ({ "apt-cache": `printf 'nodejs:\\n  Installed: (none)\\n  Candidate: ${version}\\n'` });

test("the client is left out with one line, and that is no failure", async (t) => {
  const { code, stdout, stderr } = await run(t, "build-client.sh", []);
  assert.equal(code, 0);
  assert.match(stdout, /^The web client is left out: it needs Node\.js 20\.19 or later, with npm \(here: v18\.20\.4\)\.\n$/);
  assert.equal(stderr, "");
});

test("Debian 12 has no recent one, and nothing is installed", async (t) => {
  const { code, calls } = await run(t, "install-deps.sh", ["client"], aptHas("18.20.4+dfsg-1~deb12u1"));
  assert.deepEqual([code, calls], [0, ""]);
});

test("Debian 13 has one, and it is installed", async (t) => {
  const { code, calls } = await run(t, "install-deps.sh", ["client"], aptHas("20.19.2+dfsg-1"));
  assert.equal(code, 0);
  assert.match(calls, /^-qq update\n-qq install .* nodejs npm\n$/);
});

test("that it cannot be installed is no failure either", async (t) => {
  const programs = { ...aptHas("20.19.2+dfsg-1"), "apt-get": "exit 100" };
  const { code, stderr } = await run(t, "install-deps.sh", ["client"], programs);
  assert.deepEqual([code, stderr], [0, "Node.js could not be installed\n"]);
});
