// Boards a crowded ride a hundred times a second: each time everybody there hears of it.

import { user } from "../../lib/rider.mjs";
import { inPacket } from "../../lib/socketio.mjs";
import { reasonIn } from "../address.mjs";
import { paced } from "../pace.mjs";

const EVERY_MS = 10;

export default {
  name: "boards without end",
  told: /too many|slow down/,
  async offence(address, gateway) {
    const ride = inPacket(gateway.crowded);
    const client = await address.join(gateway.crowded);
    if (!client) return;
    const record = JSON.stringify(JSON.stringify(user(address.id)));
    const reading = (async () => {
      for (;;) {
        const text = await client.text();
        if (text.startsWith(`43${ride}`)) address.hears(reasonIn(text) ?? "boarded");
      }
    })().catch(() => {});
    let n = 0;
    await paced(EVERY_MS, () => {
      client.send(`42${ride}${n++}["message",${record}]`);
      return !client.tcp.ended;
    });
    if (client.tcp.ended) address.hears("cut off");
    client.tcp.destroy();
    await reading;
  },
};
