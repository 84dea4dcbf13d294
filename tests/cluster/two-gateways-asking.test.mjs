// Who asks who is aboard hears of what it has said itself, however slow Redis is; nobody else waits for that.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DOORS, assertFindThemselves } from "../lib/asking.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { sleep } from "../lib/wait.mjs";

const ERROR = { ok: false, error: "the presence store cannot be reached now; try again" };

for (const door of Object.keys(DOORS)) {
  test(`${door}: 40 of 40 who board and ask at once find themselves aboard`, async (t) => {
    const { gateways } = await startCluster(t);
    for (const gateway of gateways) await assertFindThemselves(t, gateway, door, 20);
  });

  test(`${door}: while Redis stands still the answer waits, and others' do not`, async (t) => {
    const { redis, a } = await startCluster(t, { size: 1 });
    const other = await Rider.join(t, a);
    const ask = await DOORS[door](t, a);
    redis.program.child.kill("SIGSTOP");
    let answered = false;
    const answer = ask(user("u")).finally(() => (answered = true));
    await sleep(300);
    assert.deepEqual((await other.activeUsers()).users, []);
    assert.equal(answered, false);
    redis.program.child.kill("SIGCONT");
    assert.deepEqual((await answer).users, [user("u")]);
  });

  test(`${door}: when Redis stands still for long the answer is an error, and the boarding follows`, async (t) => {
    const { redis, a } = await startCluster(t, { size: 1 });
    const other = await Rider.join(t, a);
    const ask = await DOORS[door](t, a);
    redis.program.child.kill("SIGSTOP");
    assert.deepEqual(await ask(user("u")), ERROR);
    redis.program.child.kill("SIGCONT");
    await other.hears("userBoarded", user("u"));
    assert.deepEqual((await other.activeUsers()).users, [user("u")]);
  });
}

test("a client that goes while its answer waits is not missed", async (t) => {
  const { redis, a } = await startCluster(t, { size: 1, recoveryWindow: 0 });
  const [rider, other] = [await Rider.join(t, a), await Rider.join(t, a)];
  redis.program.child.kill("SIGSTOP");
  rider.say(user("u"));
  rider.ask('"activeUsers"');
  rider.client.send("41");
  await sleep(100);
  redis.program.child.kill("SIGCONT");
  for (const name of ["userBoarded", "userDisconnected"]) await other.hears(name, user("u"));
  assert.deepEqual((await other.activeUsers()).users, []);
});
