// What apps with any client library do and see, for the tests of this folder.

import assert from "node:assert/strict";
import { heard, startApp } from "../lib/app.mjs";
import { OFFSET, Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";

// One boards, hears everybody, asks who is aboard, and exits.
export async function boardsAndExits(t, kind, ride = "/line-7") {
  const server = await startGateway(t);
  const other = await Rider.join(t, server, ride);
  const app = await startApp(t, kind, server, ride);
  const record = user("jane", "boarding", { name: "제인" });

  const { ok, offset } = await app.board(record);
  assert.equal(ok, true);
  assert.match(offset, OFFSET);
  assert.equal(await other.hears("userBoarded", record), offset);
  other.say(user("john"));
  const second = await other.hears("userBoarded", user("john"));
  await app.hears(heard(kind, "userBoarded", record, offset), heard(kind, "userBoarded", user("john"), second));
  const { users } = await app.users();
  assert.deepEqual(users.map(({ id }) => id).sort(), ["jane", "john"]);

  const exit = { ...record, status: "exiting" };
  const answer = await app.exit(exit);
  assert.equal(answer.ok, true);
  await app.lost();
  assert.deepEqual(app.events[2], heard(kind, "userExited", exit, answer.offset));
  assert.equal(await other.hears("userExited", exit), answer.offset);
  assert.equal(app.connections.length, 1);
}
