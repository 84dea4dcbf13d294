// What the log says of a Redis that cannot be reached under a name.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { freePort } from "../lib/port.mjs";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

test("the addresses of a name are told with what failed at each, once", async (t) => {
  const port = await freePort();
  const gateway = await startGateway(t, { broker: `redis://localhost:${port}` });
  const complaints = () => gateway.program.stderr.match(/no connection to Redis at .*/g) ?? [];
  await until(() => complaints().length > 0, () => "waiting for a complaint");
  await Redis.start(t, { port });
  await becomes(t, gateway, 200);

  // Most systems have ::1 under that name, too.
  const form = /^no connection to Redis at localhost:\d+ for commands: (::1: [\w ]+, )?127\.0\.0\.1: Connection refused/;
  assert.equal(complaints().length, 1, complaints().join("\n"));
  assert.match(complaints()[0], form);
});
