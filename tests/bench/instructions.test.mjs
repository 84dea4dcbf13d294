// That instructions are counted, at a small size.

import assert from "node:assert/strict";
import { test } from "node:test";
import { built } from "../lib/places.mjs";
import { countInstructions } from "./instructions.mjs";

test("what a boarding takes of Redis and of the gateway is counted, without what they do by themselves", async () => {
  const { redis, gateway } = await countInstructions(built("gateway/ridecast-gateway"), 1, 5);
  for (const count of [redis, gateway]) assert.ok(count > 20_000 && count < 2_000_000, `${redis} and ${gateway}`);
});
