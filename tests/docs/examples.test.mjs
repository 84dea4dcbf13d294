// The examples of README.md, and what docs/clients.md has apps do when a ride is refused, do what is said of them.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { block, example, listener, projectFolder } from "../lib/examples.mjs";
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

// What docs/clients.md has an app do, on a ride; it says whether it is let in or gives up. Its connection is there
// already, and before it joins it has begun as many other rides.
async function refusedApp(gateway, others) {
  return `
    import { io } from "socket.io-client";
    const url = "http://127.0.0.1:${gateway.port}";
    await new Promise((resolve) => io(url + "/line-7").on("connect", resolve));
    for (let i = 0; i < ${others}; i++) await fetch(url + "/api/users?ride=/" + i);
    const socket = io(url + "/next");
    const end = (...words) => (console.log(...words), process.exit());
    const giveUp = (message) => end("gives up:", message);
    socket.on("connect_error", ({ message }) => console.log("refused:", message));
    socket.on("connect", () => end("in"));
    ${await block("docs/clients.md", "js", /connect_error/)}`;
}

test("an app that is refused a ride for now is let in by itself", async (t) => {
  const gateway = await startGateway(t, { newRidesPerSecond: 1 });
  const printed = await run(t, process.execPath, "app.mjs", await refusedApp(gateway, 12));
  assert.match(printed, /^(refused: too many new rides from your address; try again in a while\n)+in\n$/);
});

test("an app that is refused a ride for good gives up", async (t) => {
  const gateway = await startGateway(t, { rides: "/line-*" });
  const printed = await run(t, process.execPath, "app.mjs", await refusedApp(gateway, 0));
  assert.equal(printed, "refused: Invalid namespace\ngives up: Invalid namespace\n");
});
