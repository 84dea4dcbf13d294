// Shows tokens that are not genuine, each of which costs the check of a signature.

import { get } from "../../lib/http.mjs";
import { OTHER_KEYS, claimsOf, token } from "../../lib/token.mjs";
import { said } from "../address.mjs";
import { paced } from "../pace.mjs";

const AT_ONCE = 20;
const EVERY_MS = 10;

export default {
  name: "bad tokens",
  told: /429/,
  async offence(address) {
    const forged = token({ alg: "ES256", typ: "JWT" }, claimsOf("forger"), "ES256", OTHER_KEYS.ES256);
    const request = get("/api/users", `Authorization: Bearer ${forged}\r\n`);
    await paced(EVERY_MS, async () => {
      for (const answer of await address.ask(...Array(AT_ONCE).fill(request)))
        address.hears(answer ? said(answer) : "cut off");
    });
  },
};
