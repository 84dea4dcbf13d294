// Who asks who is aboard hears of what it has said itself.

import { test } from "node:test";
import { DOORS, assertFindThemselves } from "../lib/asking.mjs";
import { startGateway } from "../lib/server.mjs";

for (const door of Object.keys(DOORS)) {
  test(`${door}: 40 of 40 who board and ask at once find themselves aboard`, async (t) => {
    await assertFindThemselves(t, await startGateway(t), door, 40);
  });
}
