// All of a rider's visit, with the real client over each of its transports: for gateways that run under something.

import assert from "node:assert/strict";
import { Client, MODES } from "./official.mjs";
import { user } from "./rider.mjs";

export async function visit(t, server, ride = "") {
  for (const mode of Object.keys(MODES)) {
    const rider = await Client.connect(t, server, mode, { ride });
    const other = await Client.connect(t, server, mode, { ride });
    rider.say(user("u"));
    await rider.heard(1);
    await other.heard(1);
    rider.say(user("u", "exiting"));
    assert.equal(await rider.disconnected(), "io server disconnect");
    const events = await other.heard(2);
    assert.deepEqual(
      events.map(({ name }) => name),
      ["userBoarded", "userExited"],
    );
  }
}
