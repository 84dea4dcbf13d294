// Apps with socket.io-client as it was and as it is, and with python-socketio.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { APPS, startApp, TOO_FEW_ARGUMENTS } from "../lib/app.mjs";
import { ROOT } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";
import { user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until, within } from "../lib/wait.mjs";
import { boardsAndExits, comesBack, onePerson } from "./scenarios.mjs";

for (const [name, kind] of Object.entries(APPS)) {
  for (const ride of ["/", "/line-7"]) {
    test(`${name} on ${ride}: it boards, hears everybody, asks who is aboard, and exits`, (t) => boardsAndExits(t, kind, ride));
  }
  test(`${name}: a dropped connection comes back, and its rider has never left`, (t) => comesBack(t, kind));
  test(`${name}: two phones, one laptop, one person`, (t) => onePerson(t, kind));
}

// It handles each packet in a thread of its own, and a close as soon as that comes.
test("python-socketio: whoever exits is disconnected once and does not come back", async (t) => {
  const server = await startGateway(t);
  const times = 20;
  const apps = startProgram(t, "/usr/bin/python3", [path.join(ROOT, "tests/clients/exits.py"), server.url, String(times)]);
  await within(apps.exited, () => `${times} exits: ${apps.stderr}`);
  assert.equal(apps.stdout + apps.stderr, `${times} ${times}\n`);
});

// Why python-socketio's apps decline, or take both: docs/clients.md.
test("python-socketio's handlers that take too little hear nothing, and all else works", async (t) => {
  const server = await startGateway(t);
  const app = await startApp(t, TOO_FEW_ARGUMENTS, server);
  assert.equal((await app.board(user("jane"))).ok, true);
  await until(
    () => /TypeError/.test(app.stderr),
    () => app.stderr,
  );
  assert.deepEqual((await app.users()).users, [user("jane")]);
  assert.deepEqual(app.events, []);
});
