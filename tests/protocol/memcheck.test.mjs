// The release build under valgrind, which sees what AddressSanitizer does not: the use of what was never written, also
// by the libraries.

import { test } from "node:test";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { visit } from "../lib/visit.mjs";

const MEMCHECK = [
  "valgrind",
  "--quiet",
  "--leak-check=full",
  "--show-leak-kinds=definite,possible",
  "--errors-for-leak-kinds=definite,possible",
  "--error-exitcode=9",
];

for (const broker of ["memory", "Redis"])
  test(`${broker}: what a visit used was written before, and freed after`, async (t) => {
    const url = broker === "Redis" ? (await Redis.start(t)).url : broker;
    const server = await startGateway(t, { broker: url, under: MEMCHECK });
    await visit(t, server);
    await server.stop();
  });
