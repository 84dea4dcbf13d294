// Who asks who is aboard hears of what it has said itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DOORS, assertFindThemselves } from "../lib/asking.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { joined } from "../lib/socketio.mjs";
import { TEXT, frame } from "../lib/websocket.mjs";

for (const door of Object.keys(DOORS)) {
  test(`${door}: 40 of 40 who board and ask at once find themselves aboard`, async (t) => {
    await assertFindThemselves(t, await startGateway(t), door, 40);
  });
}

test("who leaves, joins again and asks is a new client: its answer and what is told after it add up", async (t) => {
  const server = await startGateway(t);
  const onlooker = await Rider.join(t, server);
  const client = await joined(t, server);
  const ids = (text) => JSON.parse(text.slice(3))[0].users.map(({ id }) => id);
  for (let i = 0; i < 40; i++) {
    const ann = user("ann", "boarding", { i });
    const packets = [`42["message",${JSON.stringify(ann)}]`, "41", "40", '421["activeUsers"]'];
    client.tcp.send(Buffer.concat(packets.map((packet) => frame(TEXT, packet))));
    await onlooker.hears("userBoarded", ann);
    await onlooker.hears("userDisconnected", ann);
    client.send('422["activeUsers"]');
    let aboard, text;
    for (;;) {
      text = await client.text();
      if (text.startsWith("432[")) break;
      if (text.startsWith("431[")) aboard = new Set(ids(text));
      else if (text.startsWith('42["userBoarded"')) aboard?.add("ann");
      else if (text.startsWith('42["userDisconnected"')) aboard?.delete("ann");
    }
    assert.deepEqual([...aboard], ids(text));
  }
});
