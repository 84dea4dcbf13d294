// A Socket.IO connection over a hand-written WebSocket, packet by packet.

import assert from "node:assert/strict";
import { openEngine } from "./websocket.mjs";

// The namespace as it stands in a packet: "/" is left out.
export const inPacket = (nsp) => (nsp === "/" ? "" : `${nsp},`);

// Sends CONNECT on an open WebSocket and reads the answer; the client's first is its `socket`.
export async function join(client, nsp = "/", auth = "") {
  client.send(`40${inPacket(nsp)}${auth}`);
  const prefix = `40${inPacket(nsp)}{`;
  const answer = await client.text();
  assert.ok(answer.startsWith(prefix), answer);
  const socket = JSON.parse(answer.slice(prefix.length - 1));
  client.socket ??= socket;
  return socket;
}

export async function joined(t, server, nsp, auth, options) {
  const client = await openEngine(t, server, options);
  await join(client, nsp, auth);
  return client;
}
