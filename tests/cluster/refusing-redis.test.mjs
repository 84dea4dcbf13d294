// A Redis that refuses commands inside scripts for a while, for a reason of its own: nothing submitted meanwhile is
// refused or forgotten. Redis 6.2 words that otherwise than the later one that runs here; a relay does it for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { Redis } from "../lib/redis.mjs";
import { Relay } from "../lib/relay.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";
import { Proxy } from "./chaos/proxy.mjs";

const IN_SCRIPT = /-([A-Z]+ [^\r\n]*)\. script: ([0-9a-f]{40}), on @user_script:(\d+)\.\r\n/g;

class Wording {
  count = 0;

  constructor(template) {
    this.template = template;
  }

  of = (text) =>
    text.replace(IN_SCRIPT, (all, error, digest, line) => {
      this.count++;
      return this.template ? this.template(error, digest, line) : all;
    });
}

const WORDINGS = {
  "in its own words": () => new Wording(),
  "in those of Redis 6.2": () =>
    new Wording(
      (error, digest, line) =>
        `-ERR Error running script (call to f_${digest}): @user_script:${line}: @user_script: ${line}: -${error}.\r\n`,
    ),
};

for (const [how, wording] of Object.entries(WORDINGS)) {
  test(`what Redis refuses ${how} for lack of memory is done when there is some`, async (t) => {
    const redis = await Redis.start(t);
    const words = wording();
    const relay = await Relay.start(t, redis, { reworded: words.of });
    // A lease so long that no renewal meets the refusal first; no recovery, so that a loss is told at once.
    const options = { nodeLease: 60_000, recoveryWindow: 0 };
    const gateway = await startGateway(t, { broker: relay.url.replace("http", "redis"), ...options });
    await becomes(t, gateway, 200);
    const [leaving, coming] = [await Rider.join(t, gateway), await Rider.join(t, gateway)];
    leaving.say(user("leaving"));
    await coming.hears("userBoarded", user("leaving"));

    await redis.command("CONFIG", "SET", "maxmemory", "1");
    leaving.client.tcp.destroy();
    await until(() => words.count > 0, () => "waiting for the departure to be refused");
    const answer = coming.ask('"message"', JSON.stringify(JSON.stringify(user("coming"))));
    await redis.command("CONFIG", "SET", "maxmemory", "0");

    await coming.hears("userDisconnected", user("leaving"));
    await coming.hears("userBoarded", user("coming"));
    assert.equal((await answer()).ok, true);
    const left = Object.values(await redis.hash("ridecast:{/}:users")).map((record) => JSON.parse(record).id);
    assert.deepEqual(left, ["coming"]);
  });
}

// Of a script that a node calls for one of its connections: "ok" or "done" and a position become "moved" and that position.
const DONE = /\$\d+\r\n(?:ok|done) ([\w-]{8} \d+ [\da-f]{8}) \d+ [^\r]*\r\n/g;

test("a Redis that says of every operation that the ride has moved is not asked without a pause", async (t) => {
  const redis = await Redis.start(t);
  let moves = false;
  let count = 0;
  const move = (all, position) => {
    if (!moves) return all;
    count++;
    const moved = `moved ${position}`;
    return `$${moved.length}\r\n${moved}\r\n`;
  };
  const relay = await Relay.start(t, redis, { reworded: (text) => text.replace(DONE, move) });
  const gateway = await startGateway(t, { broker: relay.url.replace("http", "redis") });
  await becomes(t, gateway, 200);
  const rider = await Rider.join(t, gateway);
  moves = true;
  const refused = rider.ask('"message"', JSON.stringify(JSON.stringify(user("early"))));
  await rider.hears("userBoarded", user("early")); // it is done, though Redis does not say so
  assert.equal((await refused()).error, "the broker cannot record it");
  assert.equal(await rider.hearsException(), "the broker cannot record it");
  assert.ok(count > 1 && count < 200, `${count} times`);
  moves = false;
  const answer = rider.ask('"message"', JSON.stringify(JSON.stringify(user("late"))));
  await rider.hears("userDisconnected", user("early"));
  await rider.hears("userBoarded", user("late"));
  assert.equal((await answer()).ok, true);
});

test("a boarding behind a transition that cannot be done is refused, and done when that can be", async (t) => {
  const redis = await Redis.start(t);
  const proxy = await Proxy.start(t, redis.port);
  const gateway = await startGateway(t, { broker: `redis://127.0.0.1:${proxy.port}` });
  await becomes(t, gateway, 200);
  const [leaving, coming] = [await Rider.join(t, gateway), await Rider.join(t, gateway)];
  leaving.say(user("leaving"));
  await coming.hears("userBoarded", user("leaving"));
  proxy.answer((name, command) => (name === "EVALSHA" && command.includes(leaving.sid) ? "ERR nobody knows why" : null));
  leaving.client.tcp.destroy();
  await until(
    () => gateway.program.stderr.includes("a transition on / failed"),
    () => `waiting for the suspension to fail\n${gateway.program.stderr}`,
  );
  const refused = coming.ask('"message"', JSON.stringify(JSON.stringify(user("coming"))));
  assert.equal((await refused()).error, "the broker cannot record it");
  assert.equal(await coming.hearsException(), "the broker cannot record it");
  proxy.answer(() => null);
  const answer = coming.ask('"message"', JSON.stringify(JSON.stringify(user("coming"))));
  await coming.hears("userBoarded", user("coming"));
  assert.equal((await answer()).ok, true);
});
