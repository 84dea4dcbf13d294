// Polling sessions that ask who is aboard a crowded ride and never fetch the answer, while it boards in between, so
// that no two answers are the same.

import { get, post } from "../../lib/http.mjs";
import { user } from "../../lib/rider.mjs";
import { inPacket } from "../../lib/socketio.mjs";
import { POLLING, reasonIn, said } from "../address.mjs";
import { paced } from "../pace.mjs";

const SESSIONS = 300;
const AT_ONCE = 10;
const EVERY_MS = 80;

export default {
  name: "answers never fetched",
  told: /asked: 200/,
  async offence(address, gateway) {
    const ride = inPacket(gateway.crowded);
    const auth = JSON.stringify(address.auth);
    const record = JSON.stringify(user(address.id));
    const say = `42${ride}["message",${JSON.stringify(record)}]`;
    let last;
    const open = async () => {
      const [answer] = await address.get(POLLING);
      if (answer?.status !== 200) return address.hears(answer ? said(answer) : "cut off");
      last = `${POLLING}&sid=${JSON.parse(answer.body.slice(1)).sid}`;
      const [, joined] = await address.ask(post(last, `40${ride}${auth}`), get(last));
      const refused = joined && reasonIn(joined.body);
      if (refused) return address.hears(refused);
      const [asked] = await address.ask(post(last, `${say}\x1e42${ride}0["activeUsers"]`));
      address.hears(asked ? `asked: ${said(asked)}` : "cut off");
    };
    let opened = 0;
    await paced(EVERY_MS, async () => {
      for (let i = 0; i < AT_ONCE; i++, opened++) await open();
      return opened < SESSIONS;
    });
  },
};
