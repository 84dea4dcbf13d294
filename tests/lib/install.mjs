// What is built, as it is installed: commands that run to their end, and temporary folders.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { onEnd } from "./cleanup.mjs";
import { startProgram } from "./process.mjs";
import { BUILD } from "./server.mjs";

export async function temporaryFolder(t) {
  const folder = await mkdtemp(path.join(tmpdir(), "ridecast-install-"));
  onEnd(t, () => rm(folder, { recursive: true }));
  return folder;
}

// Resolves with what it printed; it must succeed.
export async function run(t, command, args, env) {
  const program = startProgram(t, command, args, env);
  const exit = await program.exited;
  assert.deepEqual(exit, { code: 0, signal: null }, `${command} ${args.join(" ")}\n${program.stdout}${program.stderr}`);
  return program;
}

// Below the folder, as if that were /.
export const install = (t, folder) => run(t, "cmake", ["--install", BUILD], { DESTDIR: folder });

// The paths of all files in the folder, sorted.
export async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
