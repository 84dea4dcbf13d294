// The examples of README.md that are the web client's, or a browser's.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { CLIENT, importVite, openPage, startBrowser } from "../lib/browser.mjs";
import { example, listener, projectFolder } from "../lib/examples.mjs";
import { startProgram } from "../lib/process.mjs";
import { startGateway } from "../lib/server.mjs";
import { until, within } from "../lib/wait.mjs";

async function run(t, command, args) {
  const program = startProgram(t, command, args);
  await within(program.exited, () => program.stdout + program.stderr);
  assert.deepEqual(program.exit, { code: 0, signal: null }, program.stdout + program.stderr);
  return program.stdout;
}

const STRICT = "--noEmit --strict --target es2022 --module esnext --moduleResolution bundler --lib es2022,dom".split(" ");

test("the client's module, copied into somebody else's program, in TypeScript", async (t) => {
  const gateway = await startGateway(t);
  const hears = await listener(t, gateway, "/line-7");
  const code = await example("ts", /from "\.\/ridecast"/, gateway);
  const folder = await projectFolder(t, { "ride.ts": code }, [path.join(CLIENT, "src/ridecast.ts")]);
  await run(t, path.join(CLIENT, "node_modules/.bin/tsc"), [...STRICT, path.join(folder, "ride.ts")]);
  const { build } = await importVite();
  const options = { root: folder, configFile: false, logLevel: "error" };
  await build({ ...options, build: { ssr: "ride.ts", outDir: "dist" } });
  const [printed] = await Promise.all([
    run(t, process.execPath, [path.join(folder, "dist/ride.mjs")]),
    hears("user123", "John Doe"),
  ]);
  assert.match(printed, /^\d+\.[0-9a-f]{8}-\S+ John Doe boarded$/m);
  assert.match(printed, /^\d+\.[0-9a-f]{8}-\S+ John Doe exited$/m);
});

test("a plain WebSocket, pasted into a browser's console", async (t) => {
  const gateway = await startGateway(t);
  const hears = await listener(t, gateway, "/");
  const page = await openPage(t, await startBrowser(t), `${gateway.url}/healthz`);
  const heard = [];
  page.on("console", async (message) => {
    if (message.type() === "log") heard.push((await message.args()[0].jsonValue()).event);
  });
  await page.evaluate(await example("js", /^const socket = new WebSocket/, gateway));
  await hears("user456", "Jane Doe");
  await until(() => heard.length === 2, () => `heard ${heard}`);
  assert.deepEqual(heard, ["userBoarded", "userExited"]);
});
