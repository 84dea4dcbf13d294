// The onlooker of onlooker.mjs: boards again and again and measures how long it takes to hear of it. Answers "forget",
// "p99" (in ms, since the last "forget", with one boarding at least) and "stop".

import { workerData } from "node:worker_threads";
import { scoped } from "./cleanup.mjs";
import { percentile } from "./percentile.mjs";
import { Rider, user } from "./rider.mjs";
import { answering, ready } from "./thread.mjs";
import { sleep } from "./wait.mjs";

const PACE_MS = 10;

let latencies = [];
let onTurn = () => {};
let stopped = false;

const turn = () => new Promise((resolve) => (onTurn = resolve));

answering({
  forget: () => (latencies = []),
  async p99() {
    await turn();
    return percentile(latencies, 0.99);
  },
  stop: () => (stopped = true),
});

await scoped(async (t) => {
  const rider = await Rider.join(t, workerData, "/onlooker");
  for (let i = 0; !stopped; i++) {
    const record = user("onlooker", "boarding", { i });
    const begun = performance.now();
    rider.say(record);
    await rider.hears("userBoarded", record); // so none is lost, repeated or out of order
    latencies.push(performance.now() - begun);
    if (i === 0) ready();
    onTurn();
    await sleep(PACE_MS); // a pace, not a wait
  }
});
