// Boards and asks who is aboard, again and again, on a crowded ride: a few bytes each, and a megabyte each in answer.
// When it is cut off it begins anew.

import { user } from "../../lib/rider.mjs";
import { inPacket } from "../../lib/socketio.mjs";
import { until } from "../../lib/wait.mjs";
import { reasonIn } from "../address.mjs";
import { OFFENCE_MS, paced } from "../pace.mjs";

const EVERY_MS = 20;
const SHORT = 1000; // a refusal is

async function asks(address, gateway, ms) {
  const ride = inPacket(gateway.crowded);
  const client = await address.join(gateway.crowded);
  if (!client) return;
  const record = JSON.stringify(JSON.stringify(user(address.id)));
  let asked = 0;
  let answered = 0;
  const reading = (async () => {
    for (;;) {
      const text = await client.text();
      if (!text.startsWith(`43${ride}`)) continue;
      answered++;
      address.hears(reasonIn(text.slice(0, SHORT)) ?? "answered");
    }
  })().catch(() => answered < asked && address.hears("cut off"));
  const ask = () => {
    client.send(`42${ride}["message",${record}]`);
    client.send(`42${ride}${asked++}["activeUsers"]`);
    return !client.tcp.ended;
  };
  await paced(EVERY_MS, ask, ms);
  await until(
    () => answered === asked || client.tcp.ended,
    () => `${answered} of ${asked} answers`,
  );
  client.tcp.destroy();
  await reading;
}

export default {
  name: "asks without end",
  told: /too many questions/,
  async offence(address, gateway) {
    const end = performance.now() + OFFENCE_MS;
    await paced(EVERY_MS, () => asks(address, gateway, end - performance.now()));
  },
};
