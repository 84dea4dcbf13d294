// Says what is wrong, a hundred times a second, and as somebody new every so often: each is told why, and the log does
// not grow with it.

import { inPacket } from "../../lib/socketio.mjs";
import { nextException } from "../address.mjs";
import { paced } from "../pace.mjs";

const EVERY_MS = 10;
const PER_CONNECTION = 5;
const WRONG = ["?", "[]", '{"id":7}', '{"id":"x","name":"x","status":"asleep"}', '{"id":"x","name":""}'];

export default {
  name: "bad messages",
  told: /must be/,
  async offence(address, gateway) {
    const ride = inPacket(gateway.crowded);
    await paced(EVERY_MS * PER_CONNECTION, async () => {
      const client = await address.join(gateway.crowded);
      if (!client) return;
      try {
        for (const wrong of WRONG) client.send(`42${ride}["message",${JSON.stringify(wrong)}]`);
        for (let i = 0; i < WRONG.length; i++) address.hears(await nextException(client, ride));
      } catch {
        address.hears("cut off");
      }
      client.tcp.destroy();
    });
  },
};
