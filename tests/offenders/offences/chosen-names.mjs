// Joins rides whose names fall into one bucket of a table that hashes as uthash does by default, and as many others, to
// compare: where the table has a key of its own both cost the same.

import { randomBytes } from "node:crypto";
import { inPacket } from "../../lib/socketio.mjs";
import { SOCKETIO, reasonIn } from "../address.mjs";

const RIDES = 6000;
const PER_CONNECTION = 60;
const BUCKETS = 1024;
const PATIENCE_MS = 10_000;
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_~.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Bob Jenkins' hash of seven bytes, as in uthash.h.
function jenkins(bytes) {
  let c = (0xfeedbeef + bytes.length) | 0;
  let a = (0x9e3779b9 + (bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24))) | 0;
  let b = (0x9e3779b9 + (bytes[4] | (bytes[5] << 8) | (bytes[6] << 16))) | 0;
  for (const [x, y, z] of [
    [13, 8, 13],
    [12, 16, 5],
    [3, 10, 15],
  ]) {
    a = (a - b - c) ^ (c >>> x);
    b = (b - c - a) ^ (a << y);
    c = (c - a - b) ^ (b >>> z);
  }
  return c >>> 0;
}

function chosen(count) {
  const names = [];
  const bytes = Buffer.from("/aaaaaa");
  for (let i = 0; names.length < count; i++) {
    for (let k = 1, left = i; k < 7; k++, left = Math.floor(left / LETTERS.length))
      bytes[k] = LETTERS.charCodeAt(left % LETTERS.length);
    if (jenkins(bytes) % BUCKETS === 0) names.push(bytes.toString());
  }
  return names;
}

const random = (count) => Array.from({ length: count }, () => `/${randomBytes(3).toString("hex")}`);

async function joins(address, names) {
  const auth = JSON.stringify(address.auth);
  const end = performance.now() + PATIENCE_MS;
  for (let i = 0; i < names.length && performance.now() < end; i += PER_CONNECTION) {
    const client = await address.webSocket(SOCKETIO);
    if (!client) return;
    const some = names.slice(i, i + PER_CONNECTION);
    try {
      await client.text(); // the open packet
      for (const name of some) client.send(`40${inPacket(name)}${auth}`);
      for (const _ of some) address.hears(reasonIn(await client.text()) ?? "joined");
    } catch {
      address.hears("cut off");
    }
  }
}

const row = (name, names) => ({
  name,
  told: /(?=.*joined).*rides/i,
  offence: (address) => joins(address, names),
});

export const randomNames = row("rides of random names", random(RIDES));
export const chosenNames = row("rides of chosen names", chosen(RIDES));
