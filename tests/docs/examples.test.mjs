// The examples of README.md do what it says of them.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { example, listener, projectFolder } from "../lib/examples.mjs";
import { startProgram } from "../lib/process.mjs";
import { startGateway } from "../lib/server.mjs";
import { within } from "../lib/wait.mjs";

// The system's, whose module scripts/install-deps.sh has installed.
const PYTHON = "/usr/bin/python3";

// Runs it to its end, which comes by itself after the exit.
async function run(t, command, name, code) {
  const program = startProgram(t, command, [path.join(await projectFolder(t, { [name]: code }), name)]);
  await within(program.exited, () => program.stdout + program.stderr);
  assert.deepEqual(program.exit, { code: 0, signal: null }, program.stderr);
  return program.stdout;
}

test("socket.io-client in Node.js", async (t) => {
  const gateway = await startGateway(t);
  const hears = await listener(t, gateway, "/");
  const code = await example("js", /from "socket\.io-client"/, gateway);
  const [printed] = await Promise.all([run(t, process.execPath, "ride.mjs", code), hears("user123", "John Doe")]);
  assert.equal(printed, "John Doe boarded\nJohn Doe exited\n");
});

const boardsAndExits = (printed) => {
  assert.match(printed, /userBoarded[^]*userExited/);
  assert.doesNotMatch(printed, /exception/);
};

test("a plain WebSocket in Node.js", async (t) => {
  const gateway = await startGateway(t);
  const hears = await listener(t, gateway, "/");
  const code = await example("js", /from "ws"/, gateway);
  const [printed] = await Promise.all([run(t, process.execPath, "ride.mjs", code), hears("user456", "Jane Doe")]);
  boardsAndExits(printed);
});

test("a plain WebSocket in Python", async (t) => {
  const gateway = await startGateway(t);
  const hears = await listener(t, gateway, "/");
  const code = await example("python", /import asyncio/, gateway);
  const [printed] = await Promise.all([run(t, PYTHON, "ride.py", code), hears("user789", "Joe Doe")]);
  boardsAndExits(printed);
});
