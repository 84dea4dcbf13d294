// Riders of one ride whose records are as large as they may be, each from an address of its own. They listen to nothing
// that they are told.

import { onEnd } from "../lib/cleanup.mjs";
import { inPacket } from "../lib/socketio.mjs";
import { gauge } from "../lib/metrics.mjs";
import { user } from "../lib/rider.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { until } from "../lib/wait.mjs";
import { TEXT, frame, upgradeRequest } from "../lib/websocket.mjs";
import { SOCKETIO } from "./address.mjs";

const RECORD_BYTES = 3900;
const PONG_MS = 3000;
const BATCH = 25;

export async function gather(t, gateway, ride, count) {
  const crowd = [];
  for (let i = 0; i < count; i++) {
    const id = `crowd-${i}`;
    const record = JSON.stringify(user(id, "boarding", { more: "x".repeat(RECORD_BYTES) }));
    const tcp = await TcpClient.connect(t, gateway.port, { localAddress: `127.2.${i >> 8}.${i & 255}` });
    tcp.socket.removeAllListeners("data").on("data", () => {});
    tcp.send(
      Buffer.concat([
        Buffer.from(upgradeRequest(SOCKETIO)),
        frame(TEXT, `40${inPacket(ride)}${JSON.stringify({ token: gateway.token(id), recover: false })}`),
        frame(TEXT, `42${inPacket(ride)}["message",${JSON.stringify(record)}]`),
      ]),
    );
    crowd.push(tcp);
    if (crowd.length % BATCH === 0 || crowd.length === count)
      await until(
        async () => (await gauge(t, gateway, "ridecast_riders_held")) >= crowd.length,
        () => `waiting for ${crowd.length} to be aboard ${ride}`,
      );
  }
  // Before they are asked whether they are still there.
  const pongs = setInterval(() => crowd.forEach((tcp) => tcp.send(frame(TEXT, "3"))), PONG_MS);
  onEnd(t, () => clearInterval(pongs));
}
