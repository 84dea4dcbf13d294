// Asks who is aboard rides that nobody is on, and joins such rides, each a new one: what it is answered must not leave
// anything in Redis.

import { randomBytes } from "node:crypto";
import { get } from "../../lib/http.mjs";
import { inPacket } from "../../lib/socketio.mjs";
import { SOCKETIO, reasonIn, said } from "../address.mjs";
import { paced } from "../pace.mjs";

const AT_ONCE = 20;
const EVERY_MS = 20;

const anyRide = () => `/${randomBytes(8).toString("hex")}`;

async function ask(address) {
  const requests = Array.from({ length: AT_ONCE }, () => get(`/api/users?ride=${anyRide()}`, address.bearer));
  for (const answer of await address.ask(...requests)) address.hears(answer ? said(answer) : "cut off");
}

async function join(address) {
  const auth = JSON.stringify(address.auth);
  const client = await address.webSocket(SOCKETIO);
  if (!client) return;
  try {
    await client.text(); // the open packet
    for (let i = 0; i < AT_ONCE; i++) client.send(`40${inPacket(anyRide())}${auth}`);
    for (let i = 0; i < AT_ONCE; i++) address.hears(reasonIn(await client.text()) ?? "joined");
  } catch {
    address.hears("cut off");
  }
}

export default {
  name: "rides without end",
  told: /(?=.*429).*rides/i,
  offence: (address) => Promise.all([paced(EVERY_MS, () => ask(address)), paced(EVERY_MS, () => join(address))]),
};
