// Boards and asks who is aboard, again and again, on a crowded ride: a few bytes each, and a megabyte each in answer.
// When it is cut off it begins anew.

import { user } from "../../lib/rider.mjs";
import { inPacket } from "../../lib/socketio.mjs";
import { until } from "../../lib/wait.mjs";
import { reasonIn } from "../address.mjs";
import { OFFENCE_MS, paced } from "../pace.mjs";

const EVERY_MS = 20;
const PATIENCE_MS = 20_000;
const REFUSED = /too many questions/;
const SHORT = 1000; // a refusal is

async function asks(address, gateway, goesOn) {
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
    return !client.tcp.ended && goesOn();
  };
  await paced(EVERY_MS, ask, PATIENCE_MS);
  await until(
    () => answered === asked || client.tcp.ended,
    () => `${answered} of ${asked} answers`,
  );
  client.tcp.destroy();
  await reading;
}

export default {
  name: "asks without end",
  told: REFUSED,
  async offence(address, gateway) {
    // On a busy machine it takes longer to be refused than to be cut off as one that reads too slowly.
    const end = performance.now() + OFFENCE_MS;
    const goesOn = () => performance.now() < end || ![...address.told.keys()].some((words) => REFUSED.test(words));
    await paced(EVERY_MS, async () => (await asks(address, gateway, goesOn), goesOn()), PATIENCE_MS);
  },
};
