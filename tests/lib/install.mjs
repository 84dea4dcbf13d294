// What is built, as it is installed: commands that run to their end, and files.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { BUILD } from "./places.mjs";
import { startProgram } from "./process.mjs";

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
