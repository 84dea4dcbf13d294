// Apps with socket.io-client as it was and as it is, and with python-socketio.

import assert from "node:assert/strict";
import { test } from "node:test";
import { APPS, startApp, TOO_FEW_ARGUMENTS } from "../lib/app.mjs";
import { user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";
import { boardsAndExits, comesBack, onePerson } from "./scenarios.mjs";

for (const [name, kind] of Object.entries(APPS)) {
  for (const ride of ["/", "/line-7"]) {
    test(`${name} on ${ride}: it boards, hears everybody, asks who is aboard, and exits`, (t) => boardsAndExits(t, kind, ride));
  }
  test(`${name}: a dropped connection comes back, and its rider has never left`, (t) => comesBack(t, kind));
  test(`${name}: two phones, one laptop, one person`, (t) => onePerson(t, kind));
}

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
