// Begins large messages and never ends them, answering every ping.

import { sleep } from "../../lib/wait.mjs";
import { CLOSE, PING, PONG, TEXT, frame } from "../../lib/websocket.mjs";

const LINES = 60;
const BYTES = 990_000;
const PATIENCE_MS = 20_000;

async function begins(address, { crowded }) {
  const client = await address.webSocket(`/ws${crowded}?token=${address.token}`);
  if (!client) return;
  client.tcp.send(frame(TEXT, "x".repeat(BYTES), { fin: false }));
  const held = sleep(PATIENCE_MS).then(() => "held");
  try {
    for (;;) {
      const got = await Promise.race([held, client.frame()]);
      if (got === "held") return address.hears(got);
      if (got.opcode === PING) client.sendFrame(PONG, got.payload);
      if (got.opcode === CLOSE) return address.hears(`${got.payload.readUInt16BE()} ${got.payload.subarray(2)}`.trim());
    }
  } catch {
    address.hears("cut off");
  }
}

export default {
  name: "messages never ended",
  told: /^(?!.*held).*1008/,
  async offence(address, gateway) {
    await Promise.all(Array.from({ length: LINES }, () => begins(address, gateway)));
  },
};
