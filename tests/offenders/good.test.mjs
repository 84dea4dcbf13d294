// The good ones notice a gateway that is wrong: else their silence would show nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "../lib/wait.mjs";
import { openWorld } from "./world.mjs";

for (const [wrong, fault] of [
  ["gateway-drops-event", /: (\d+)\.\S+ after (?!\1\.)/],
  ["gateway-doubles-event", /: (\S+) after \1$/],
])
  test(`${wrong} is noticed`, async (t) => {
    const world = await openWorld(t, { binary: `tests/cluster/chaos/${wrong}`, good: 100, crowd: 1 });
    await sleep(2000); // they talk meanwhile
    const { faults } = await world.good.leave();
    assert.ok(
      faults.some((text) => fault.test(text)),
      faults.join("\n"),
    );
  });

test("a right one is not", async (t) => {
  const world = await openWorld(t, { good: 100, crowd: 1 });
  await sleep(2000);
  const { words, deliveries, faults } = await world.good.leave();
  assert.ok(words > 100 && deliveries > words, `${words} words, ${deliveries} deliveries`);
  assert.deepEqual(faults, []);
});
