// Asking who is aboard right behind a boarding, on one connection, over each of the gateway's doors.

import assert from "node:assert/strict";
import { Polling } from "./polling.mjs";
import { Rider, user } from "./rider.mjs";
import { TEXT, WebSocketClient, frame } from "./websocket.mjs";

const say = (record) => `42["message",${JSON.stringify(JSON.stringify(record))}]`;

// Both messages in one segment.
const sendBoth = ({ tcp }, ...texts) => tcp.send(Buffer.concat(texts.map((text) => frame(TEXT, text))));

// The first text that starts with `prefix`, without it.
async function behind(prefix, next) {
  let text;
  while (!(text = await next()).startsWith(prefix));
  return text.slice(prefix.length);
}

// Each answers a function that boards as `record`, asks right behind it, and resolves with the answer.
export const DOORS = {
  async WebSocket(t, server) {
    const { client } = await Rider.join(t, server);
    return async (record) => {
      sendBoth(client, say(record), '420["activeUsers"]');
      return JSON.parse(await behind("430", () => client.text()))[0];
    };
  },

  async polling(t, server) {
    const session = await Polling.open(t, server);
    const packets = [];
    const next = async () => {
      while (packets.length === 0) packets.push(...(await session.poll()));
      return packets.shift();
    };
    await session.send("40");
    await behind("40", next);
    return async (record) => {
      await session.send(say(record), '420["activeUsers"]');
      return JSON.parse(await behind("430", next))[0];
    };
  },

  async "plain WebSocket"(t, server) {
    const client = await WebSocketClient.open(t, server, "/ws");
    return async (record) => {
      sendBoth(client, JSON.stringify(record), '{"event":"activeUsers","id":1}');
      return JSON.parse(`{${await behind('{"event":"activeUsers",', () => client.text())}`).data;
    };
  },
};

// Each of `times` clients finds itself in the answer.
export async function assertFindThemselves(t, server, door, times) {
  let found = 0;
  for (let i = 0; i < times; i++) {
    const ask = await DOORS[door](t, server);
    const { users } = await ask(user(`${door} ${i}`));
    found += users.some(({ id }) => id === `${door} ${i}`);
  }
  assert.equal(found, times);
}
