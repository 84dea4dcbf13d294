// Boards with records that clients in some languages cannot read. Who listens on the ride hears of none.

import { inPacket } from "../../lib/socketio.mjs";
import { nextException, reasonIn } from "../address.mjs";
import { paced } from "../pace.mjs";

const EVERY_MS = 50;
const MORE = [
  '"x":1e999',
  `"x":${"9".repeat(400)}`,
  '"x":1e-999',
  '"x":1,"x":2',
  '"name":"again"',
  '"x":{"y":1,"\\u0079":2}',
  '"x":"\\ud800"',
  '"x":"\\udc00\\ud800"',
  '"\\ud800":1',
  '"x":"\\u0000"',
  `"x":${"[".repeat(20)}${"]".repeat(20)}`,
  '"x":NaN',
  '"x":01',
];

async function speak(address, gateway, speaker, listener) {
  const ride = inPacket(gateway.crowded);
  await paced(EVERY_MS, async () => {
    for (const more of MORE) {
      const record = JSON.stringify(`{"id":"${address.id}","name":"n","status":"boarding",${more}}`);
      speaker.send(`42${ride}0["message",${record}]`);
      let text;
      do text = await speaker.text();
      while (!text.startsWith("43"));
      address.hears(reasonIn(text) ?? `taken: ${more}`);
    }
  });
  // What comes before its own exception it has been told.
  listener.send(`42${ride}["message","?"]`);
  await nextException(listener, ride, (text) => text.includes(address.id) && address.hears(`told: ${text}`));
}

export default {
  name: "unreadable records",
  told: /^(?!.*(taken|told|cut off)).*must not hold/,
  async offence(address, gateway) {
    const listener = await address.join(gateway.crowded);
    const speaker = await address.join(gateway.crowded);
    if (listener && speaker) await speak(address, gateway, speaker, listener).catch(() => address.hears("cut off"));
  },
};
