// Apps with the Java client: `make test-clients`.

import { test } from "node:test";
import { JAVA_APPS } from "../lib/app.mjs";
import { boardsAndExits, comesBack, onePerson } from "./scenarios.mjs";

for (const [name, kind] of Object.entries(JAVA_APPS)) {
  for (const ride of ["/", "/line-7"]) {
    test(`${name} on ${ride}: it boards, hears everybody, asks who is aboard, and exits`, (t) => boardsAndExits(t, kind, ride));
  }
  test(`${name}: a dropped connection comes back, and its rider has never left`, (t) => comesBack(t, kind));
  test(`${name}: two phones, one laptop, one person`, (t) => onePerson(t, kind));
}
