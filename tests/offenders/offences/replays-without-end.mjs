// Comes back as if its connection had dropped, again and again, with a position of long ago: a hundred bytes each, and
// all that was since then in answer.

import { inPacket } from "../../lib/socketio.mjs";
import { nextException } from "../address.mjs";
import { paced } from "../pace.mjs";

const EVERY_MS = 50;

export default {
  name: "replays without end",
  told: /not recovered/,
  async offence(address, gateway) {
    const ride = inPacket(gateway.crowded);
    const { former } = gateway;
    await paced(EVERY_MS, async () => {
      const client = await address.join(gateway.crowded, former);
      if (!client) return;
      try {
        address.hears(client.socket.pid === former.pid ? "recovered" : "not recovered");
        // What it missed is behind the answer.
        client.send(`42${ride}["message","?"]`);
        await nextException(client, ride);
      } catch {
        address.hears("cut off");
      } finally {
        client.tcp.destroy();
      }
    });
  },
};
