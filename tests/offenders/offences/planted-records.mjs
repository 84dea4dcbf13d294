// Puts records into Redis that no gateway would have put there, as whoever has its password can, and asks for them.

import { get } from "../../lib/http.mjs";
import { said } from "../address.mjs";

const RECORDS = 1000;
const BYTES = 60_000;
const AT_ONCE = 100;

export default {
  name: "records planted in Redis",
  told: /^503 .*the presence store cannot be reached now/,
  writes: true,
  async offence(address, { redis }) {
    const ride = `/planted-${address.host}`;
    const key = (name) => `ridecast:{${ride}}:${name}`;
    for (let i = 0; i < RECORDS; i += AT_ONCE) {
      const more = Array.from({ length: AT_ONCE }, (_, k) => [
        `planted-${i + k}`,
        JSON.stringify({ id: `planted-${i + k}`, name: "planted", status: "boarding", more: "x".repeat(BYTES) }),
      ]);
      await redis.command("HSET", key("users"), ...more.flat());
    }
    const [answer] = await address.ask(get(`/api/users?ride=${ride}`, address.bearer));
    address.hears(answer ? `${said(answer).slice(0, 80)}, ${answer.body.length} bytes` : "cut off");
    await redis.command("DEL", ...["users", "connections", "away", "meta", "log"].map(key));
  },
};
